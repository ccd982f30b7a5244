//! What a request asks for: PS3.18 sections 9.1 and 10.1.

use crate::Sensitive;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// QIDO-RS: looks for studies, series, instances.
    Search,
    /// WADO-RS or WADO-URI: takes them.
    Retrieve,
    /// STOW-RS: adds them.
    Store,
    /// Removes them; not in the standard, but in servers.
    Delete,
}

/// A request.
#[derive(Clone)]
pub struct Target<'a> {
    /// Which service.
    pub service: Service,
    /// `study`, `series`, `instance`, `frames`, `metadata` or `rendered`: what it ends with.
    pub resource: &'static str,
    /// Study instance UID.
    pub study: Option<Sensitive<&'a str>>,
    /// Names of the attributes by which is looked.
    pub parameters: Vec<&'a str>,
}

/// Most parameters told.
const PARAMETERS_MAX: usize = 8;

impl<'a> Target<'a> {
    /// Reads method and target; `None` where they are of something else.
    pub fn parse(method: &str, target: &'a str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        if pairs().any(|(name, value)| {
            name.eq_ignore_ascii_case("requestType") && value.eq_ignore_ascii_case("WADO")
        }) {
            let study = pairs()
                .find(|(name, _)| name.eq_ignore_ascii_case("studyUID"))
                .map(|(_, value)| Sensitive::new(value));
            return Some(Self {
                service: Service::Retrieve,
                resource: "instance",
                study,
                parameters: Vec::new(),
            });
        }
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let last = segments.last().copied().unwrap_or_default();
        let uid_behind = |word: &str| {
            let place = segments.iter().position(|segment| segment.eq_ignore_ascii_case(word))?;
            segments.get(place + 1).copied().filter(|uid| is_uid(uid))
        };
        let study = uid_behind("studies");
        let (collection, resource) = match last.to_ascii_lowercase().as_str() {
            "studies" => (true, "study"),
            "series" => (true, "series"),
            "instances" => (true, "instance"),
            "metadata" => (false, "metadata"),
            "rendered" | "thumbnail" => (false, "rendered"),
            _ if segments.iter().any(|segment| segment.eq_ignore_ascii_case("frames")) => (false, "frames"),
            _ if uid_behind("instances").is_some() => (false, "instance"),
            _ if uid_behind("series").is_some() => (false, "series"),
            _ if study.is_some() => (false, "study"),
            _ => return None,
        };
        // `/series` alone may be anybody's; below a study, or under the usual root, it is ours.
        let root = segments.iter().any(|segment| {
            ["studies", "dicom-web", "dicomweb", "rs", "wado-rs", "qido-rs", "stow-rs"]
                .iter()
                .any(|word| segment.eq_ignore_ascii_case(word))
        });
        if !root
            || !collection
                && study.is_none()
                && uid_behind("series").is_none()
                && uid_behind("instances").is_none()
        {
            return None;
        }
        let service = match (method, collection) {
            ("GET" | "HEAD", true) => Service::Search,
            ("GET" | "HEAD", false) => Service::Retrieve,
            ("POST" | "PUT", _) => Service::Store,
            ("DELETE", _) => Service::Delete,
            _ => return None,
        };
        let parameters = pairs()
            .map(|(name, _)| name)
            .filter(|name| name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .take(PARAMETERS_MAX)
            .collect();
        Some(Self { service, resource, study: study.map(Sensitive::new), parameters })
    }
}

fn is_uid(text: &str) -> bool {
    text.len() > 6 && text.contains('.') && text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, target: &'static str) -> Option<(Service, &'static str, bool)> {
        Target::parse(method, target).map(|read| (read.service, read.resource, read.study.is_some()))
    }

    #[test]
    fn tells_what_is_asked_for() {
        assert_eq!(read("GET", "/dicom-web/studies?PatientID=1"), Some((Service::Search, "study", false)));
        assert_eq!(read("GET", "/rs/studies/1.2.840.3/series"), Some((Service::Search, "series", true)));
        assert_eq!(read("GET", "/rs/studies/1.2.840.3"), Some((Service::Retrieve, "study", true)));
        assert_eq!(
            read("GET", "/a/studies/1.2.840.3/series/1.2.840.4/instances/1.2.840.5/frames/1"),
            Some((Service::Retrieve, "frames", true))
        );
        assert_eq!(read("GET", "/a/studies/1.2.840.3/metadata"), Some((Service::Retrieve, "metadata", true)));
        assert_eq!(read("POST", "/dicom-web/studies"), Some((Service::Store, "study", false)));
        assert_eq!(read("DELETE", "/x/studies/1.2.840.3"), Some((Service::Delete, "study", true)));
        assert_eq!(
            read("GET", "/wado?requestType=WADO&studyUID=1.2.3&seriesUID=4"),
            Some((Service::Retrieve, "instance", true))
        );
        assert_eq!(read("GET", "/tv/series"), None);
        assert_eq!(read("GET", "/api/metadata"), None);
    }
}
