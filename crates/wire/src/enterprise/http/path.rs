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
        let plain = segment.len() <= 40 && segment.bytes().all(|byte| byte.is_ascii_alphabetic());
        shape.push_str(if plain && !person { segment } else { "*" });
        person = PERSONS.iter().any(|word| segment.eq_ignore_ascii_case(word));
    }
    shape
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
    fn a_person_named_by_letters_alone_is_taken_out() {
        assert_eq!(path_shape("/patients/example/results"), "/patients/*/results");
        assert_eq!(path_shape("/a%20b/c"), "/*/c");
    }
}
