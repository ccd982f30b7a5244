//! What a request asks for: <https://hl7.org/fhir/R4/http.html>, section 3.1.0.1.

use crate::Sensitive;

/// What is done. Names of the standard, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Interaction {
    Read,
    Search,
    History,
    Create,
    Update,
    Patch,
    Delete,
    Capabilities,
    Batch,
    /// `$export` of bulk data.
    Export,
    /// Another operation.
    Operation,
}

/// A request.
#[derive(Clone)]
pub struct Target<'a> {
    /// What is done.
    pub interaction: Interaction,
    /// Type of the resource; empty for the whole server.
    pub resource: &'a str,
    /// Which one.
    pub id: Option<Sensitive<&'a str>>,
    /// Name of an operation, without its dollar sign.
    pub operation: Option<&'a str>,
    /// Names of the search parameters.
    pub parameters: Vec<&'a str>,
}

/// Most parameters told.
const PARAMETERS_MAX: usize = 8;

impl<'a> Target<'a> {
    /// Reads method and target; `None` where the path holds nothing of FHIR.
    pub fn parse(method: &str, target: &'a str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let place = segments.iter().position(|segment| is_type(segment));
        let resource = place.and_then(|place| segments.get(place).copied()).unwrap_or_default();
        let after = place.map_or(&[][..], |place| segments.get(place + 1..).unwrap_or_default());
        let id = after.first().copied().filter(|id| !id.starts_with(['$', '_']));
        let operation = segments.iter().rev().find_map(|segment| segment.strip_prefix('$'));
        let last = segments.last().copied().unwrap_or_default();
        let interaction = match (method, operation) {
            (_, Some("export")) => Interaction::Export,
            (_, Some(_)) => Interaction::Operation,
            ("GET" | "HEAD", None) if last == "metadata" => Interaction::Capabilities,
            _ if last == "_search" => Interaction::Search,
            ("GET" | "HEAD", None) if segments.contains(&"_history") => Interaction::History,
            ("GET" | "HEAD", None) if id.is_some() => Interaction::Read,
            ("GET" | "HEAD", None) => Interaction::Search,
            ("POST", None) if resource.is_empty() => Interaction::Batch,
            ("POST", None) => Interaction::Create,
            ("PUT", None) => Interaction::Update,
            ("PATCH", None) => Interaction::Patch,
            ("DELETE", None) => Interaction::Delete,
            _ => return None,
        };
        let whole = matches!(
            interaction,
            Interaction::Capabilities | Interaction::Export | Interaction::Batch | Interaction::Operation
        );
        if resource.is_empty() && !whole {
            return None;
        }
        let parameters = query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty() && name.len() <= 48)
            .filter(|name| {
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.'))
            })
            .take(PARAMETERS_MAX)
            .collect();
        Some(Self { interaction, resource, id: id.map(Sensitive::new), operation, parameters })
    }
}

/// Types of resources are words in capitals and small letters, of which no address of another kind is made.
fn is_type(segment: &str) -> bool {
    segment.len() >= 4
        && segment.len() <= 40
        && segment.starts_with(|first: char| first.is_ascii_uppercase())
        && segment.bytes().all(|byte| byte.is_ascii_alphabetic())
        && segment.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, target: &'static str) -> Option<(Interaction, &'static str, bool)> {
        Target::parse(method, target).map(|read| (read.interaction, read.resource, read.id.is_some()))
    }

    #[test]
    fn tells_what_is_asked_for() {
        assert_eq!(read("GET", "/fhir/Patient/4711"), Some((Interaction::Read, "Patient", true)));
        assert_eq!(
            read("GET", "/r4/Patient?family=x&birthdate=y"),
            Some((Interaction::Search, "Patient", false))
        );
        assert_eq!(
            read("POST", "/fhir/Observation/_search"),
            Some((Interaction::Search, "Observation", false))
        );
        assert_eq!(read("GET", "/fhir/metadata"), Some((Interaction::Capabilities, "", false)));
        assert_eq!(read("GET", "/fhir/$export?_type=Patient"), Some((Interaction::Export, "", false)));
        assert_eq!(read("GET", "/fhir/Group/g1/$export"), Some((Interaction::Export, "Group", true)));
        assert_eq!(read("PUT", "/fhir/Device/d1"), Some((Interaction::Update, "Device", true)));
        assert_eq!(read("POST", "/fhir"), Some((Interaction::Batch, "", false)));
        assert_eq!(read("GET", "/index.html"), None);
        let target = Target::parse("GET", "/r4/Patient?family=x&birthdate=y").unwrap();
        assert_eq!(target.parameters, ["family", "birthdate"]);
    }
}
