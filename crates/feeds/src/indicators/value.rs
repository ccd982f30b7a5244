//! One value: an address, a name, a web address, a hash.

use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{Label, Pattern};

/// Takes away what makes a harmful address harmless to read: `hxxp`, `[.]`, `(dot)`.
pub(super) fn refang(text: &str) -> String {
    let text = text.trim().trim_matches(|c| matches!(c, '"' | '\''));
    let text = text.replace("[.]", ".").replace("(.)", ".").replace("[dot]", ".").replace("(dot)", ".");
    let text = text.replace("[:]", ":").replace("[://]", "://");
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.to_ascii_lowercase().starts_with("hxxp") => {
            format!("http{}://{rest}", scheme.get(4..).unwrap_or_default())
        }
        _ => text,
    }
}

/// Whatever the text is.
pub(super) fn any(text: &str) -> Option<Pattern> {
    let text = refang(text);
    network(&text).or_else(|| hash(&text)).or_else(|| url(&text)).or_else(|| domain(&text))
}

pub(super) fn network(text: &str) -> Option<Pattern> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    // A list that names half of the internet is a mistake.
    let network =
        network.filter(|network| network.prefix_len() >= if network.addr().is_ipv4() { 8 } else { 16 })?;
    Some(Pattern::Network(network.trunc()))
}

/// Lengths of MD5, SHA-1, SHA-256 and SHA-512 in hexadecimal digits.
pub(super) fn hash(text: &str) -> Option<Pattern> {
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && matches!(text.len(), 32 | 40 | 64 | 128))
        .then(|| Pattern::File(Label::new(&text.to_ascii_lowercase())))
}

/// The host of a web address.
pub(super) fn url(text: &str) -> Option<Pattern> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => host.split(':').next()?,
    };
    if let Some(network) = network(host) {
        return Some(network);
    }
    matches!(domain(host), Some(Pattern::Domain(_)))
        .then(|| Pattern::UrlHost(Label::new(&host.to_ascii_lowercase())))
}

/// A name of at least two labels (RFC 1035 section 2.3.1, with the underscore of service names).
pub(super) fn domain(text: &str) -> Option<Pattern> {
    let name =
        text.trim_end_matches('.').trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let top = name.rsplit('.').next()?;
    let right = name.contains('.')
        && name.len() <= 253
        && name.split('.').all(label)
        && top.chars().all(|c| c.is_alphabetic() || c == '-' || c.is_numeric() && top.starts_with("xn--"));
    right.then(|| Pattern::Domain(Label::new(&name)))
}

/// A JA4 fingerprint, such as `t13d1516h2_8daaf6152771_b186095e22b6`.
pub(super) fn ja4(text: &str) -> Option<Pattern> {
    let parts: Vec<_> = text.split('_').collect();
    let right = matches!(parts.as_slice(), [a, b, c] if a.len() == 10 && b.len() == 12 && c.len() == 12);
    right.then(|| Pattern::Ja4(Label::new(&text.to_ascii_lowercase())))
}

/// A certificate's hash.
pub(super) fn certificate(text: &str) -> Option<Pattern> {
    let text: String = text.chars().filter(|c| *c != ':').collect();
    match hash(&text)? {
        Pattern::File(hash) => Some(Pattern::Certificate(hash)),
        _ => None,
    }
}
