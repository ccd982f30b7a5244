//! What a VNC handshake settles.

use crate::{Error, Layer, Reader};

/// `RFB 003.008` and a line feed.
const VERSION_LENGTH: usize = 12;

/// Security type, section 7.1.2 and the IANA registry of RFB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// 1: nobody is asked anything.
    Unprotected,
    /// 2: a password of eight letters proved with DES; the screen is sent in clear.
    VncAuthentication,
    /// Another type, such as 19 (VeNCrypt, TLS) or 30 (Apple).
    Other(u8),
}

/// The security type on which both agreed, from all that each side said so far; `None` where more is needed, or
/// the server refused.
pub fn chosen_security(server: &[u8], client: &[u8]) -> Option<Security> {
    read(server, client).ok().flatten()
}

fn read(server: &[u8], client: &[u8]) -> Result<Option<Security>, Error> {
    let mut server = Reader::new(Layer::Vnc, server);
    let mut client = Reader::new(Layer::Vnc, client);
    server.skip("version", VERSION_LENGTH)?;
    let version = client.take("version", VERSION_LENGTH)?;
    let chooses =
        matches!(version, [b'R', b'F', b'B', b' ', b'0', b'0', b'3', b'.', b'0', b'0', b'7'..=b'9', _]);
    let kind = if chooses {
        let count = usize::from(server.u8("number of security types")?);
        let offered = server.take("security types", count)?;
        let choice = client.u8("security type")?;
        if !offered.contains(&choice) {
            return Ok(None);
        }
        choice
    } else {
        u8::try_from(server.u32_be("security type")?).unwrap_or(0)
    };
    Ok(match kind {
        0 => None,
        1 => Some(Security::Unprotected),
        2 => Some(Security::VncAuthentication),
        other => Some(Security::Other(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_client_chooses_or_the_server_does() {
        let server = b"RFB 003.008\n\x02\x02\x01";
        assert_eq!(chosen_security(server, b"RFB 003.008\n\x01"), Some(Security::Unprotected));
        assert_eq!(chosen_security(server, b"RFB 003.008\n\x02"), Some(Security::VncAuthentication));
        assert_eq!(chosen_security(server, b"RFB 003.008\n\x13"), None);
        assert_eq!(chosen_security(server, b"RFB 003.008\n"), None);
        let server = b"RFB 003.003\n\0\0\0\x01";
        assert_eq!(chosen_security(server, b"RFB 003.003\n"), Some(Security::Unprotected));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(server: Vec<u8>, client: Vec<u8>) {
            let _ = chosen_security(&server, &client);
        }
    }
}
