//! The three messages.

use super::Field;
use crate::{Error, Layer, Reader, Sensitive};

/// Strings are UTF-16 little endian (else of the OEM character set).
const NEGOTIATE_UNICODE: u32 = 0x0000_0001;
/// A version stands in the message.
const NEGOTIATE_VERSION: u32 = 0x0200_0000;
/// Most attribute pairs of a challenge that are read.
const PAIRS_MAX: usize = 32;

/// What one message says. Text as sent; `unicode` tells how.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// 1 negotiate, 2 challenge, 3 authenticate.
    pub kind: u8,
    /// Text is UTF-16 little endian.
    pub unicode: bool,
    /// Domain of the account or, in a challenge, NetBIOS domain of the server.
    pub domain: &'a [u8],
    /// Workstation of the client or, in a challenge, NetBIOS name of the server.
    pub computer: &'a [u8],
    /// DNS name of the server, in a challenge.
    pub dns_computer: &'a [u8],
    /// Account, in an authenticate message.
    pub account: Sensitive<&'a [u8]>,
    /// A response to the challenge was sent: it can be attacked off-line.
    pub has_response: bool,
    /// Operating system: major, minor, build.
    pub version: Option<(u8, u8, u16)>,
}

/// The first NTLM message inside other bytes.
pub fn find(bytes: &[u8]) -> Option<&[u8]> {
    memchr::memmem::find(bytes, b"NTLMSSP\0").and_then(|start| bytes.get(start..))
}

/// Reads a message that begins with the signature.
pub fn parse(message: &[u8]) -> Result<Message<'_>, Error> {
    let mut reader = Reader::new(Layer::Ntlm, message);
    if reader.take("signature", 8)? != b"NTLMSSP\0" {
        return Err(reader.malformed("signature"));
    }
    match reader.u32_le("message type")? {
        1 => negotiate(reader, message),
        2 => challenge(reader, message),
        3 => authenticate(reader, message),
        _ => Err(reader.malformed("message type")),
    }
}

fn empty<'a>(kind: u8) -> Message<'a> {
    Message {
        kind,
        unicode: false,
        domain: &[],
        computer: &[],
        dns_computer: &[],
        account: Sensitive::new(&[]),
        has_response: false,
        version: None,
    }
}

fn version(reader: &mut Reader<'_>, flags: u32) -> Option<(u8, u8, u16)> {
    if flags & NEGOTIATE_VERSION == 0 {
        return None;
    }
    let [major, minor, low, high] = reader.array("version").ok()?;
    let version = (major, minor, u16::from_le_bytes([low, high]));
    (version != (0, 0, 0)).then_some(version)
}

fn negotiate<'a>(mut reader: Reader<'a>, bytes: &'a [u8]) -> Result<Message<'a>, Error> {
    let flags = reader.u32_le("negotiate flags")?;
    let mut message = empty(1);
    // Names and version are left out by some clients; their names are of the OEM character set.
    if let (Ok(domain), Ok(computer)) =
        (Field::new(&mut reader, "domain"), Field::new(&mut reader, "workstation"))
    {
        message.domain = domain.bytes(bytes);
        message.computer = computer.bytes(bytes);
        message.version = version(&mut reader, flags);
    }
    Ok(message)
}

fn challenge<'a>(mut reader: Reader<'a>, bytes: &'a [u8]) -> Result<Message<'a>, Error> {
    let target = Field::new(&mut reader, "target name")?;
    let flags = reader.u32_le("negotiate flags")?;
    reader.skip("server challenge and reserved", 16)?;
    let mut message = empty(2);
    message.unicode = flags & NEGOTIATE_UNICODE != 0;
    message.domain = target.bytes(bytes);
    let Ok(information) = Field::new(&mut reader, "target information") else { return Ok(message) };
    message.version = version(&mut reader, flags);
    let mut pairs = Reader::new(Layer::Ntlm, information.bytes(bytes));
    for _ in 0..PAIRS_MAX {
        let Ok(identifier) = pairs.u16_le("attribute") else { break };
        let Ok(length) = pairs.u16_le("attribute length") else { break };
        let Ok(value) = pairs.take("attribute value", usize::from(length)) else { break };
        // These are always UTF-16; a challenge without the flag would be read wrongly, so only with it.
        match identifier {
            0 => break,
            1 if message.unicode => message.computer = value,
            2 if message.unicode => message.domain = value,
            3 if message.unicode => message.dns_computer = value,
            _ => {}
        }
    }
    Ok(message)
}

fn authenticate<'a>(mut reader: Reader<'a>, bytes: &'a [u8]) -> Result<Message<'a>, Error> {
    let lm_response = Field::new(&mut reader, "LM response")?;
    let nt_response = Field::new(&mut reader, "NT response")?;
    let domain = Field::new(&mut reader, "domain")?;
    let account = Field::new(&mut reader, "user name")?;
    let computer = Field::new(&mut reader, "workstation")?;
    let mut message = empty(3);
    message.domain = domain.bytes(bytes);
    message.account = Sensitive::new(account.bytes(bytes));
    message.computer = computer.bytes(bytes);
    message.has_response = nt_response.length >= 24 || lm_response.length >= 24;
    if Field::new(&mut reader, "session key").is_ok()
        && let Ok(flags) = reader.u32_le("negotiate flags")
    {
        message.unicode = flags & NEGOTIATE_UNICODE != 0;
        message.version = version(&mut reader, flags);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// A challenge of Windows build 17763, made after MS-NLMP section 2.2.1.2.
    fn challenge_bytes() -> Vec<u8> {
        let target = utf16("WARD");
        let mut pairs = Vec::new();
        for (identifier, value) in
            [(2u16, utf16("WARD")), (1, utf16("PACS1")), (3, utf16("pacs1.example")), (0, vec![])]
        {
            pairs.extend(identifier.to_le_bytes());
            pairs.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            pairs.extend(value);
        }
        let mut bytes = b"NTLMSSP\0\x02\0\0\0".to_vec();
        let field = |length: usize, offset: u32| {
            let length = u16::try_from(length).unwrap().to_le_bytes();
            [&length[..], &length, &offset.to_le_bytes()].concat()
        };
        bytes.extend(field(target.len(), 56));
        bytes.extend((NEGOTIATE_UNICODE | NEGOTIATE_VERSION).to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(field(pairs.len(), 56 + u32::try_from(target.len()).unwrap()));
        bytes.extend([10, 0]);
        bytes.extend(17763u16.to_le_bytes());
        bytes.extend([0, 0, 0, 15]);
        bytes.extend(target);
        bytes.extend(pairs);
        bytes
    }

    #[test]
    fn a_server_tells_its_name_and_version() {
        let wrapped = [b"\x60\x82\x01".as_slice(), &challenge_bytes()].concat();
        let message = parse(find(&wrapped).unwrap()).unwrap();
        assert_eq!((message.kind, message.unicode), (2, true));
        assert_eq!(message.computer, utf16("PACS1"));
        assert_eq!(message.dns_computer, utf16("pacs1.example"));
        assert_eq!(message.version, Some((10, 0, 17763)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(tail: Vec<u8>, kind in 0u8..5, at in 0usize..120, byte: u8) {
            let _ = parse(&[b"NTLMSSP\0".as_slice(), &[kind, 0, 0, 0], &tail].concat()).is_ok();
            let mut bent = challenge_bytes();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = parse(&bent).is_ok();
        }
    }
}
