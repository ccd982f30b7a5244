//! SMTP, RDP: first words only.

use wardline_model::fact::{BannerFact, Protection, ProtectionFact};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::banner::{Kind, parse, probe_rdp, probe_smtp};
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::{Context, Progress, Stream, StreamAdaptor};

/// Longest first line kept, bytes.
const LINE_BYTES_MAX: usize = 512;

pub(super) const SMTP: Stream = Stream {
    protocol: Protocol::Smtp,
    ports: &[25, 587],
    probe: probe_smtp,
    adaptor: || Banners::boxed(Kind::Smtp),
};
pub(super) const RDP: Stream = Stream {
    protocol: Protocol::Rdp,
    ports: &[3389],
    probe: probe_rdp,
    adaptor: || Banners::boxed(Kind::Rdp),
};

/// The first line of each side.
struct Banners {
    kind: Kind,
    sides: [StreamBuffer; 2],
    told: [bool; 2],
}

impl Banners {
    fn boxed(kind: Kind) -> Box<dyn StreamAdaptor> {
        let buffer = || StreamBuffer::new(LINE_BYTES_MAX);
        Box::new(Self { kind, sides: [buffer(), buffer()], told: [false; 2] })
    }

    const fn protocol(&self) -> Protocol {
        match self.kind {
            Kind::Ssh => Protocol::Ssh,
            Kind::Smtp => Protocol::Smtp,
            Kind::Rdp => Protocol::Rdp,
        }
    }
}

impl StreamAdaptor for Banners {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let protocol = self.protocol();
        let kind = self.kind;
        let (Some(side), Some(told)) =
            (self.sides.get_mut(direction.index()), self.told.get_mut(direction.index()))
        else {
            return Progress::Done;
        };
        if *told {
            return Progress::Continue;
        }
        let fits = side.feed(bytes, |unread| {
            if *told {
                return Some(Consumed::exactly(unread.len()));
            }
            let banner = parse(kind, unread)?;
            let standard = kind == Kind::Rdp && matches!(banner.text, [] | [0]);
            let text = match kind {
                // The security protocols of MS-RDPBCGR section 2.2.1.1.1, which say whether log-ins are protected.
                Kind::Rdp => Label::new(match banner.text {
                    [] | [0] => "standard security",
                    [protocols] if protocols & 2 != 0 => "network level authentication",
                    _ => "tls",
                }),
                _ => Label::from_bytes(banner.text),
            };
            *told = true;
            context.tell(Fact::Banner(Box::new(BannerFact { protocol, text })));
            // Keys under RC4, and a server that cannot prove who it is: MS-RDPBCGR section 5.3.
            if standard && direction == Direction::Backward {
                context.tell(Fact::Protection(Box::new(ProtectionFact {
                    protocol,
                    scheme: Label::new("standard RDP security"),
                    strength: Protection::Weak,
                })));
            }
            Some(Consumed::exactly(unread.len()))
        });
        if !fits || self.told == [true; 2] { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        match self.kind {
            Kind::Ssh => Some(true),
            Kind::Smtp => Some(false),
            // Chosen by what both sides negotiate.
            Kind::Rdp => None,
        }
    }
}
