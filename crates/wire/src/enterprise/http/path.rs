//! The shape of a request target: what may name a person is taken out.

/// Segments behind which a person is named, even by letters alone.
const PERSONS: &[&str] = &[
    "account",
    "accounts",
    "encounter",
    "mrn",
    "patient",
    "patients",
    "person",
    "persons",
    "practitioner",
    "relatedperson",
    "user",
    "users",
    "visit",
    "visits",
];

/// Longest shape, bytes.
const SHAPE_BYTES_MAX: usize = 200;

/// Words about machines: they may be joined by signs and still name nobody.
const TECHNICAL: &[&str] = &[
    "admin",
    "alarm",
    "alarms",
    "all",
    "api",
    "asp",
    "aspx",
    "backup",
    "bin",
    "boot",
    "calibration",
    "cgi",
    "clear",
    "cmd",
    "command",
    "config",
    "configuration",
    "contact",
    "contacts",
    "control",
    "default",
    "defaults",
    "delete",
    "device",
    "devices",
    "do",
    "emergency",
    "erase",
    "factory",
    "firmware",
    "format",
    "hard",
    "htm",
    "html",
    "json",
    "limit",
    "limits",
    "login",
    "network",
    "now",
    "off",
    "php",
    "power",
    "reboot",
    "reset",
    "restart",
    "restore",
    "save",
    "service",
    "set",
    "setting",
    "settings",
    "setup",
    "shutdown",
    "soft",
    "start",
    "status",
    "stop",
    "system",
    "threshold",
    "thresholds",
    "to",
    "update",
    "upgrade",
    "upload",
    "user",
    "wipe",
    "write",
    "xml",
];

/// The path of a request target: segments of letters stay, others become `*`; the query is left out.
///
/// A segment of letters behind one such as `patients` becomes `*` as well.
pub fn path_shape(target: &str) -> String {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/")
        }
        _ => target,
    };
    let path = path.split(['?', '#', ';']).next().unwrap_or_default();
    let Some(path) = path.strip_prefix('/') else { return "*".to_owned() };
    let mut shape = String::new();
    let mut person = false;
    for segment in path.split('/') {
        if shape.len() >= SHAPE_BYTES_MAX {
            break;
        }
        shape.push('/');
        let letters = segment.len() <= 40 && segment.bytes().all(|byte| byte.is_ascii_alphabetic());
        let plain = letters || is_technical(segment);
        shape.push_str(if plain && !person { segment } else { "*" });
        person = PERSONS.iter().any(|word| segment.eq_ignore_ascii_case(word));
    }
    shape
}

/// Whether a segment is made of words about machines alone, as `factory-reset` and `restore_defaults.cgi` are.
fn is_technical(segment: &str) -> bool {
    segment.len() <= 40
        && segment
            .split(['-', '_', '.'])
            .all(|part| TECHNICAL.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::path_shape;

    #[test]
    fn only_letters_stay() {
        assert_eq!(path_shape("/"), "/");
        assert_eq!(path_shape("/fhir/Patient/4711?name=x"), "/fhir/Patient/*");
        assert_eq!(path_shape("/api/v1/status"), "/api/*/status");
        assert_eq!(path_shape("http://pacs.example:8080/wado?studyUID=1.2"), "/wado");
        assert_eq!(path_shape("http://pacs.example"), "/");
        assert_eq!(path_shape("*"), "*");
        assert_eq!(path_shape("pacs.example:443"), "*");
    }

    #[test]
    fn joined_words_stay_where_all_of_them_are_about_machines() {
        assert_eq!(path_shape("/api/v1/factory-reset"), "/api/*/factory-reset");
        assert_eq!(path_shape("/cgi-bin/restore_defaults.cgi"), "/cgi-bin/restore_defaults.cgi");
        assert_eq!(path_shape("/reset-smith"), "/*");
        assert_eq!(path_shape("/patients/reset-all"), "/patients/*");
    }

    #[test]
    fn a_person_named_by_letters_alone_is_taken_out() {
        assert_eq!(path_shape("/patients/example/results"), "/patients/*/results");
        assert_eq!(path_shape("/a%20b/c"), "/*/c");
    }
}
