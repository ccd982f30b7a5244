//! Security manager protocol: volume 3 part H section 3.5, and the choice of the method, section 2.3.5.1.

use crate::{Error, Layer, Reader};

/// A message that bears on how a key comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Pairing Request.
    Request(Features),
    /// Pairing Response.
    Response(Features),
    /// Pairing Failed, with its reason.
    Failed(u8),
    /// Anything else.
    Other(u8),
}

/// What one end can do and wants: section 3.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Input and output: 0 display, 1 display and yes/no, 2 keyboard, 3 none, 4 keyboard and display.
    pub input_output: u8,
    /// It has data from another channel.
    pub out_of_band: bool,
    /// It wants protection against somebody in between.
    pub man_in_the_middle: bool,
    /// It knows LE Secure Connections.
    pub secure_connections: bool,
    /// Longest key, bytes.
    pub key_bytes_max: u8,
}

/// How the key comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing is compared: somebody in between stays unnoticed.
    JustWorks,
    /// A number of six digits is typed in.
    Passkey,
    /// Two numbers are compared.
    NumericComparison,
    /// Over another channel.
    OutOfBand,
}

/// What two ends agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How.
    pub method: Method,
    /// With LE Secure Connections rather than legacy pairing, whose keys a listener can compute.
    pub secure_connections: bool,
    /// Length of the key, bytes; 16 is the longest.
    pub key_bytes: u8,
}

impl Message {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ble, bytes);
        let code = reader.u8("code")?;
        Ok(match code {
            1 | 2 => {
                let [input_output, out_of_band, requirements, key_bytes_max] = reader.array("features")?;
                let features = Features {
                    input_output,
                    out_of_band: out_of_band == 1,
                    man_in_the_middle: requirements & 0x04 != 0,
                    secure_connections: requirements & 0x08 != 0,
                    key_bytes_max,
                };
                if code == 1 { Self::Request(features) } else { Self::Response(features) }
            }
            5 => Self::Failed(reader.u8("reason")?),
            _ => Self::Other(code),
        })
    }
}

impl Agreement {
    /// Section 2.3.5.1, tables 2.6 to 2.8.
    pub fn of(initiator: Features, responder: Features) -> Self {
        let secure_connections = initiator.secure_connections && responder.secure_connections;
        let out_of_band = if secure_connections {
            initiator.out_of_band || responder.out_of_band
        } else {
            initiator.out_of_band && responder.out_of_band
        };
        let method = if out_of_band {
            Method::OutOfBand
        } else if !initiator.man_in_the_middle && !responder.man_in_the_middle {
            Method::JustWorks
        } else {
            match (initiator.input_output, responder.input_output) {
                (3.., 3) | (3, _) | (_, 3 | 5..) | (5.., _) => Method::JustWorks,
                (1 | 4, 1 | 4) if secure_connections => Method::NumericComparison,
                (0 | 1, 0 | 1) => Method::JustWorks,
                _ => Method::Passkey,
            }
        };
        let key_bytes = initiator.key_bytes_max.min(responder.key_bytes_max);
        Self { method, secure_connections, key_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(input_output: u8, man_in_the_middle: bool, secure_connections: bool) -> Features {
        Features {
            input_output,
            out_of_band: false,
            man_in_the_middle,
            secure_connections,
            key_bytes_max: 16,
        }
    }

    #[test]
    fn the_method_is_that_of_table_2_8() {
        use Method::{JustWorks, NumericComparison, Passkey};
        // Rows: responder; columns: initiator; each display, yes/no, keyboard, none, both.
        let legacy = [
            [JustWorks, JustWorks, Passkey, JustWorks, Passkey],
            [JustWorks, JustWorks, Passkey, JustWorks, Passkey],
            [Passkey, Passkey, Passkey, JustWorks, Passkey],
            [JustWorks; 5],
            [Passkey, Passkey, Passkey, JustWorks, Passkey],
        ];
        for (responder, row) in (0..).zip(legacy) {
            for (initiator, method) in (0..).zip(row) {
                let agreed = Agreement::of(features(initiator, true, false), features(responder, true, true));
                assert_eq!(agreed.method, method, "legacy {initiator} {responder}");
                let agreed = Agreement::of(features(initiator, true, true), features(responder, false, true));
                let both = matches!(initiator, 1 | 4) && matches!(responder, 1 | 4);
                assert_eq!(
                    agreed.method,
                    if both { NumericComparison } else { method },
                    "{initiator} {responder}"
                );
            }
        }
        let agreed = Agreement::of(features(4, false, true), features(4, false, true));
        assert_eq!((agreed.method, agreed.secure_connections), (JustWorks, true));
    }
}
