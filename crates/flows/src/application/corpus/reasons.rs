//! Why we and tshark disagree, where we do.

/// Protocol, parts of the line of the disagreement that must all be there, and the reason.
const REASONS: &[(&str, &[&str], &str)] = &[
    ("conversations", &["zeek__llc"], "frames of FDDI, a link that we do not read"),
    (
        "hl7",
        &["tapirx__HL7", " message: ", "tshark None"],
        "tshark takes the first message at a port that is not HL7's own for no HL7",
    ),
    (
        "dicom",
        &["dicom-orthanc", "tshark None"],
        "tshark marks frames of this association malformed, and what is so marked is left out on its side",
    ),
];

/// The reason of a disagreement, if it is known.
pub(super) fn of(protocol: &str, line: &str) -> Option<&'static str> {
    let fits = |(named, parts, _): &&(&str, &[&str], &str)| {
        *named == protocol && parts.iter().all(|part| line.contains(part))
    };
    REASONS.iter().find(fits).map(|(.., reason)| *reason)
}
