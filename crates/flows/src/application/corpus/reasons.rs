//! Why we and tshark disagree, where we do.

/// Protocol, parts of the line of the disagreement that must all be there, and the reason.
const REASONS: &[(&str, &[&str], &str)] = &[
    (
        "ble",
        &["fitbitfitness__bluetooth__ble_int_capture__2.pcap 1011 "],
        "the sniffer found the begin of the message broken: we read none of it, tshark puts it together all the same",
    ),
    (
        "ble",
        &["fitbitfitness", " value: "],
        "the sniffer found the begin of the message broken: we read it as it was sent again, tshark keeps the broken one",
    ),
    (
        "ble",
        &["fitbitfitness", " handle: "],
        "the sniffer missed the request: tshark takes the answer for one to the request before, or does not say of what",
    ),
    (
        "ble",
        &["ketoscanketonemeter", " advertiser: None"],
        "the packet is shorter than its length says: of such a packet we read nothing",
    ),
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
    (
        "dns",
        &["nDPI__malformed_dns"],
        "a name of more than 255 bytes (RFC 1035 section 2.3.4): of such a message we read nothing, tshark what it can",
    ),
    (
        "dns",
        &["Name too long"],
        "a name of more than 255 bytes (RFC 1035 section 2.3.4): of such a message we read nothing, tshark what it can",
    ),
    ("dns", &["dns-invalid-names"], "a name that points at itself: of such a message we read nothing"),
    ("dns", &["vector-max-size-crash"], "a label of a kind that no standard has: we take it for no DNS"),
    ("dns", &["nDPI__badpackets"], "the capture cuts the message behind its head: we read nothing of it"),
    (
        "dns",
        &["dynamic-update"],
        "an address in an update (RFC 2136): we read questions and answers, and no changes of a zone",
    ),
    ("dns", &["iodine"], "labels of bytes that are no text, which each writes in a way of its own"),
    (
        "http",
        &["tshark None"],
        "tshark shows a message once its body is there whole and in order; we read its head as it comes",
    ),
    (
        "tls",
        &["ja4__tls-non-ascii-alpn"],
        "an ALPN that is no text: JA4 says its hexadecimal digits, this tshark writes the bytes",
    ),
    (
        "tls",
        &["tshark None"],
        "segments out of order or sent again: tshark reads them as they come, we put them in order first",
    ),
];

/// The reason of a disagreement, if it is known.
pub(super) fn of(protocol: &str, line: &str) -> Option<&'static str> {
    let fits = |(named, parts, _): &&(&str, &[&str], &str)| {
        *named == protocol && parts.iter().all(|part| line.contains(part))
    };
    REASONS.iter().find(fits).map(|(.., reason)| *reason)
}
