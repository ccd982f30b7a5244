//! SSH: which software, by which algorithms it is known, and whether the two ends agreed on weak ones.

use wardline_model::fact::{BannerFact, Protection};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::banner::probe_ssh;
use wardline_wire::enterprise::ssh::{KeyExchange, Opening};
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::introduction::{attribute, introduction, protection};
use super::{Context, Progress, Stream, StreamAdaptor};

/// Lines, identification and offer of one side: the longest packet of RFC 4253 section 6.1 and some lines.
const OPENING_BYTES_MAX: usize = 40_000;

/// Ciphers that are broken, or next to it: RFC 8758 (RC4), RFC 9142 and the 64-bit blocks of 3DES.
const WEAK_CIPHERS: &[&str] =
    &["none", "arcfour", "arcfour128", "arcfour256", "3des-cbc", "des-cbc", "blowfish-cbc", "cast128-cbc"];
/// Ways to agree on keys that RFC 9142 says must not, or should not, be used.
const WEAK_AGREEMENTS: &[&str] =
    &["diffie-hellman-group1-sha1", "rsa1024-sha1", "gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g=="];

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Ssh,
    ports: &[22],
    probe: probe_ssh,
    adaptor: || Box::new(Adaptor::default()),
};

struct Adaptor {
    sides: [Side; 2],
}

struct Side {
    buffer: StreamBuffer,
    banner: bool,
    /// The offer was told.
    done: bool,
    agreements: Vec<Label>,
    ciphers: Vec<Label>,
}

impl Default for Adaptor {
    fn default() -> Self {
        let side = || Side {
            buffer: StreamBuffer::new(OPENING_BYTES_MAX),
            banner: false,
            done: false,
            agreements: Vec::new(),
            ciphers: Vec::new(),
        };
        Self { sides: [side(), side()] }
    }
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(direction.index()) else { return Progress::Done };
        if side.done {
            return Progress::Continue;
        }
        let mut read = Ok(());
        let (banner, done) = (&mut side.banner, &mut side.done);
        let (agreements, ciphers) = (&mut side.agreements, &mut side.ciphers);
        // What follows the offer is long and hidden.
        let piece = bytes.get(..bytes.len().min(OPENING_BYTES_MAX)).unwrap_or_default();
        let fits = side.buffer.feed(piece, |unread| {
            if let Some(line) = Opening::identification(unread).filter(|_| !*banner) {
                *banner = true;
                let text = Label::from_bytes(line);
                context.tell(Fact::Banner(Box::new(BannerFact { protocol: Protocol::Ssh, text })));
            }
            match Opening::parse(unread) {
                Ok(Some(opening)) => {
                    *done = true;
                    if let Some(offer) = opening.key_exchange {
                        tell_offer(&offer, direction, context);
                        let [by_client, _] = offer.ciphers;
                        *agreements =
                            KeyExchange::names(offer.key_agreement).map(Label::from_bytes).collect();
                        *ciphers = KeyExchange::names(by_client).map(Label::from_bytes).collect();
                    }
                    Some(Consumed::exactly(unread.len()))
                }
                Ok(None) => None,
                Err(error) => {
                    read = Err(error);
                    None
                }
            }
        });
        if !fits || read.is_err() {
            return Progress::Done;
        }
        if self.sides.iter().all(|side| side.done) {
            self.agreed(context);
            return Progress::Done;
        }
        Progress::Continue
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        Some(true)
    }
}

impl Adaptor {
    /// What both ends agreed on: the first of the client that the server has as well, RFC 4253 section 7.1.
    fn agreed(&self, context: &mut Context<'_>) {
        // The server is who allowed it.
        context.direction = Direction::Backward;
        let [client, server] = &self.sides;
        let pick =
            |offered: &[Label], known: &[Label]| offered.iter().find(|name| known.contains(name)).cloned();
        for (agreed, weak, words) in [
            (pick(&client.ciphers, &server.ciphers), WEAK_CIPHERS, "the cipher"),
            (pick(&client.agreements, &server.agreements), WEAK_AGREEMENTS, "the key exchange"),
        ] {
            if let Some(name) = agreed.filter(|name| weak.contains(&name.as_str())) {
                context.tell(protection(Protocol::Ssh, &format!("{words} {name}"), Protection::Weak));
            }
        }
    }
}

fn tell_offer(offer: &KeyExchange<'_>, direction: Direction, context: &mut Context<'_>) {
    let server = direction == Direction::Backward;
    let mut told = introduction(Protocol::Ssh, "SSH_MSG_KEXINIT");
    told.role = Some(Label::new(if server { "ssh server" } else { "ssh client" }));
    let name = if server { "hassh server" } else { "hassh" };
    attribute(&mut told, name, Some(Label::new(&offer.hassh(server).to_string())));
    let first = |list| KeyExchange::names(list).next().and_then(Label::non_empty);
    attribute(&mut told, "first host key", first(offer.host_keys).filter(|_| server));
    context.tell(Fact::Identity(Box::new(told)));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    fn side(line: &str, agreement: &str, cipher: &str) -> Vec<u8> {
        let mut packet = vec![4, 20];
        packet.extend([7; 16]);
        for list in [
            agreement,
            "ssh-ed25519",
            cipher,
            cipher,
            "hmac-sha2-256",
            "hmac-sha2-256",
            "none",
            "none",
            "",
            "",
        ] {
            packet.extend((list.len() as u32).to_be_bytes());
            packet.extend(list.as_bytes());
        }
        packet.extend([0; 9]);
        let mut bytes = format!("{line}\r\n").into_bytes();
        bytes.extend((packet.len() as u32).to_be_bytes());
        bytes.extend(packet);
        bytes
    }

    #[test]
    fn both_ends_and_what_they_agreed_on_are_told() {
        let client = side("SSH-2.0-OpenSSH_9.6", "curve25519-sha256", "aes128-ctr,3des-cbc");
        let server = side("SSH-2.0-dropbear_2012.55", "curve25519-sha256", "3des-cbc");
        let pieces = [(Direction::Forward, &client[..]), (Direction::Backward, &server[..])];
        let (whole, progress) = driver::stream(&STREAM, &pieces, usize::MAX);
        assert_eq!(progress, Progress::Done);
        let [
            Fact::Banner(_),
            Fact::Identity(_),
            Fact::Banner(banner),
            Fact::Identity(told),
            Fact::Protection(weak),
        ] = &whole[..]
        else {
            panic!("{whole:?}")
        };
        assert_eq!(banner.text.as_str(), "SSH-2.0-dropbear_2012.55");
        assert_eq!(told.role, Some(Label::new("ssh server")));
        assert_eq!(weak.scheme.as_str(), "the cipher 3des-cbc");
        for size in [1, 5, 64] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }
}
