//! From filter text to tokens. As in libpcap's scanner the longest match wins, so `tcp-syn`, `6000-6008` and
//! `len-4` are single words.

use std::net::Ipv6Addr;

use super::error::{FilterError, FilterFault};
use super::names;
use super::syntax::{Located, Protocol};

/// Longest filter text, in bytes.
const TEXT_BYTES_MAX: usize = 65_536;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Protocol(Protocol),
    /// A name that is no word of the language.
    Name(String),
    Number(u32),
    Ipv4 {
        value: u32,
        bits: u32,
    },
    Ipv6(Ipv6Addr),
    Ethernet([u8; 6]),
    Sign(Sign),
    End,
}

macro_rules! words {
    ($($word:ident: $($text:literal)|+,)+) => {
        /// Words of the language that are no protocols.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Word { $($word),+ }

        impl Word {
            fn find(text: &str) -> Option<Self> {
                match text {
                    $($($text)|+ => Some(Self::$word),)+
                    _ => None,
                }
            }
        }
    };
}

words! {
    And: "and",
    Or: "or",
    Not: "not",
    Src: "src",
    Dst: "dst",
    Host: "host",
    Net: "net",
    Mask: "mask",
    Port: "port",
    PortRange: "portrange",
    Proto: "proto",
    Broadcast: "broadcast",
    Multicast: "multicast",
    Less: "less",
    Greater: "greater",
    Length: "len" | "length",
    Vlan: "vlan",
    Mpls: "mpls",
    PppoeDiscovery: "pppoed",
    PppoeSession: "pppoes",
    Inbound: "inbound",
    Outbound: "outbound",
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Not,
    And,
    Or,
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Colon,
    Slash,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    ShiftLeft,
    ShiftRight,
    Plus,
    Minus,
    Times,
    Percent,
    Ampersand,
    Bar,
    Caret,
}

/// Longer signs first.
const SIGNS: [(&str, Sign); 25] = [
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("==", Sign::Equal),
    ("!=", Sign::NotEqual),
    ("<=", Sign::LessOrEqual),
    (">=", Sign::GreaterOrEqual),
    ("<<", Sign::ShiftLeft),
    (">>", Sign::ShiftRight),
    ("!", Sign::Not),
    ("(", Sign::Open),
    (")", Sign::Close),
    ("[", Sign::OpenIndex),
    ("]", Sign::CloseIndex),
    (":", Sign::Colon),
    ("/", Sign::Slash),
    ("=", Sign::Equal),
    ("<", Sign::Less),
    (">", Sign::Greater),
    ("+", Sign::Plus),
    ("-", Sign::Minus),
    ("*", Sign::Times),
    ("%", Sign::Percent),
    ("&", Sign::Ampersand),
    ("|", Sign::Bar),
    ("^", Sign::Caret),
];

/// Words that libpcap knows and this compiler leaves out, with what to do instead.
const UNSUPPORTED: [(&str, &str); 18] = [
    ("gateway", "it needs host names; use ether host ADDRESS and not host ADDRESS"),
    ("protochain", "the kernel runs no loops; test the header bytes, as in ip6[6]"),
    ("byte", "use ether[N]"),
    ("geneve", "filter the outer headers: udp port 6081"),
    ("llc", "use ether[14] and the bytes behind it"),
    ("clnp", "use iso"),
    ("esis", "use iso"),
    ("isis", "use iso"),
    ("wlan", "wireless frames cannot be filtered"),
    ("fddi", "only Ethernet, Linux cooked, loopback, PPP and raw IP can be filtered"),
    ("tr", "only Ethernet, Linux cooked, loopback, PPP and raw IP can be filtered"),
    ("ppp", "use ether for the link layer"),
    ("slip", "use ether for the link layer"),
    ("radio", "wireless frames cannot be filtered"),
    ("ifname", "capture on that interface instead"),
    ("ifindex", "capture on that interface instead"),
    ("ifindx", "capture on that interface instead"),
    ("on", "capture on that interface instead"),
];

/// All tokens of a filter, closed by [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Located<Token>>, FilterError> {
    if text.len() > TEXT_BYTES_MAX {
        let fault = FilterFault::TooComplex("its text is longer than 65536 bytes");
        return Err(FilterError { column: TEXT_BYTES_MAX + 1, fault });
    }
    let mut found = Vec::new();
    let mut rest = text;
    let mut column = 1;
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        let Some(first) = trimmed.chars().next() else {
            found.push(Located { column, value: Token::End });
            return Ok(found);
        };
        let fail = |fault| Err(FilterError { column, fault });
        let (value, length) = if let Some((address, length)) = colon_address(trimmed) {
            (address, length)
        } else if first.is_ascii_alphanumeric() {
            let length = word_length(trimmed);
            match word(trimmed.get(..length).unwrap_or_default()) {
                Ok(token) => (token, length),
                Err(fault) => return fail(fault),
            }
        } else if let Some(escaped) = trimmed.strip_prefix('\\') {
            let length = escaped.find([' ', '!', '(', ')', '\t', '\r', '\n']).unwrap_or(escaped.len());
            if length == 0 {
                return fail(FilterFault::Character('\\'));
            }
            (Token::Name(escaped.get(..length).unwrap_or_default().to_owned()), length + 1)
        } else if let Some((sign, value)) = SIGNS.iter().find(|(sign, _)| trimmed.starts_with(sign)) {
            (Token::Sign(*value), sign.len())
        } else {
            return fail(FilterFault::Character(first));
        };
        found.push(Located { column, value });
        let (token, after) = trimmed.split_at_checked(length).unwrap_or((trimmed, ""));
        column += token.chars().count();
        rest = after;
    }
}

/// A MAC or IPv6 address, which are the words with colons in them.
fn colon_address(text: &str) -> Option<(Token, usize)> {
    let length = text.find(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.').unwrap_or(text.len());
    let candidate = text.get(..length)?;
    // An address may be followed by the colon of nothing else: `ip[0:2]` has one colon, an address two.
    if candidate.matches(':').count() < 2 {
        return None;
    }
    let address = match separated_ethernet(candidate, ':') {
        Some(address) => Token::Ethernet(address),
        None => Token::Ipv6(candidate.parse().ok()?),
    };
    Some((address, length))
}

/// Letters, digits, `-`, `_` and `.`, ending in a letter, digit or `.`.
fn word_length(text: &str) -> usize {
    let run = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(text.len());
    text.get(..run).map_or(run, |run| run.trim_end_matches(['-', '_']).len())
}

fn word(text: &str) -> Result<Token, FilterFault> {
    if let Some(word) = Word::find(text) {
        return Ok(Token::Word(word));
    }
    if let Some((_, protocol)) = Protocol::ALL.iter().find(|(name, _)| *name == text) {
        return Ok(Token::Protocol(*protocol));
    }
    if let Some(value) = names::constant(text) {
        return Ok(Token::Number(value));
    }
    if let Some((name, advice)) = UNSUPPORTED.iter().find(|(name, _)| *name == text) {
        return Err(FilterFault::Unsupported(name, advice));
    }
    if let Some(address) = ethernet(text) {
        return Ok(Token::Ethernet(address));
    }
    if text.starts_with("0x") || text.starts_with("0X") || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).map(Token::Number);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return ipv4(text);
    }
    Ok(Token::Name(text.to_owned()))
}

/// A number as C writes it: decimal, octal behind `0`, hexadecimal behind `0x`.
fn number(text: &str) -> Result<u32, FilterFault> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text.get(1..).unwrap_or_default(), 8),
        None => (text, 10),
    };
    u32::from_str_radix(digits, radix).map_err(|error| match error.kind() {
        std::num::IntErrorKind::PosOverflow => {
            FilterFault::TooLarge { value: text.to_owned(), quantity: "number", limit: u32::MAX }
        }
        _ => FilterFault::Number(text.to_owned()),
    })
}

/// One to four dotted decimal numbers, the highest octet first.
fn ipv4(text: &str) -> Result<Token, FilterFault> {
    let malformed = || FilterFault::Address(text.to_owned());
    let mut value = 0;
    let mut bits = 0;
    for part in text.split('.') {
        let octet: u8 = part.parse().map_err(|_| malformed())?;
        if bits == 32 {
            return Err(malformed());
        }
        value = value << 8 | u32::from(octet);
        bits += 8;
    }
    Ok(Token::Ipv4 { value, bits })
}

/// MAC address forms without colons: `-` or `.` between octets, `.` between pairs of octets, or none.
fn ethernet(text: &str) -> Option<[u8; 6]> {
    if text.len() == 12 {
        return packed_ethernet(text);
    }
    if text.len() == 14 && text.split('.').count() == 3 && text.split('.').all(|part| part.len() == 4) {
        return packed_ethernet(&text.replace('.', ""));
    }
    separated_ethernet(text, '-').or_else(|| separated_ethernet(text, '.'))
}

fn packed_ethernet(digits: &str) -> Option<[u8; 6]> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    let [_, _, address @ ..] = value.to_be_bytes();
    Some(address)
}

/// Six parts of one or two hexadecimal digits.
fn separated_ethernet(text: &str, separator: char) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = text.split(separator);
    for octet in &mut address {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *octet = part
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u8::from_str_radix(part, 16).ok())
            .flatten()?;
    }
    parts.next().is_none().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<Token> {
        tokens(text).expect("scans").into_iter().map(|token| token.value).collect()
    }

    #[test]
    fn addresses_in_all_forms() {
        for text in
            ["00:11:22:33:44:55", "0:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "001122334455"]
        {
            assert_eq!(values(text)[0], Token::Ethernet([0, 0x11, 0x22, 0x33, 0x44, 0x55]), "{text}");
        }
        assert_eq!(values("2001:db8::1")[0], Token::Ipv6("2001:db8::1".parse().expect("an address")));
        assert_eq!(
            values("::ffff:192.0.2.1")[0],
            Token::Ipv6("::ffff:192.0.2.1".parse().expect("an address"))
        );
        assert_eq!(values("10.1")[0], Token::Ipv4 { value: 0x0a01, bits: 16 });
    }

    #[test]
    fn a_size_in_brackets_is_no_address() {
        let expected = [
            Token::Protocol(Protocol::Ip),
            Token::Sign(Sign::OpenIndex),
            Token::Number(2),
            Token::Sign(Sign::Colon),
            Token::Number(2),
            Token::Sign(Sign::CloseIndex),
            Token::End,
        ];
        assert_eq!(values("ip[2:2]"), expected);
    }

    #[test]
    fn numbers_as_c_writes_them_and_columns_in_characters() {
        assert_eq!(values("0x1f 010 7")[..3], [Token::Number(31), Token::Number(8), Token::Number(7)]);
        let error = tokens("port 80 and 089").expect_err("no octal digit");
        assert_eq!(error.column, 13);
        let error = tokens("host ä").expect_err("no filter has this");
        assert_eq!((error.column, error.fault), (6, FilterFault::Character('ä')));
        assert_eq!(tokens("host 1.2.3.256").expect_err("too large").column, 6);
        assert!(matches!(tokens("4294967296").expect_err("too large").fault, FilterFault::TooLarge { .. }));
    }

    #[test]
    fn escaped_words_are_names() {
        assert_eq!(values("ip proto \\tcp")[2], Token::Name("tcp".to_owned()));
        assert_eq!(values("6000-6008")[0], Token::Name("6000-6008".to_owned()));
    }
}
