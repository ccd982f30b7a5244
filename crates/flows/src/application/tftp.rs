//! TFTP: which kind of file is fetched or left, without log-in: images to boot, configurations, firmware.

use wardline_model::fact::{ControlFact, ControlOperation};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::http::path_shape;
use wardline_wire::enterprise::recognition::probe_tftp;
use wardline_wire::enterprise::tftp::Request;

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Tftp,
    ports: &[69],
    first: FirstBytes::of(&[0..=0]),
    probe: probe_tftp,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(request) = Request::parse(datagram) else { return Progress::Lost };
    if let Some(request) = request {
        context.tell(Fact::Control(Box::new(ControlFact {
            protocol: Protocol::Tftp,
            operation: if request.write { ControlOperation::Write } else { ControlOperation::Read },
            command: Label::new(if request.write { "Write Request" } else { "Read Request" }),
            object: Some(shape(&request)),
            objects: 1,
            authenticated: false,
            accepted: None,
        })));
    }
    Progress::Continue
}

/// The name of the file with everything taken out that may name a person or a thing: words of letters stay, others
/// become a star, the ending stays.
fn shape(request: &Request<'_>) -> Label {
    let name = String::from_utf8_lossy(request.name());
    let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
    let words: Vec<_> = stem.split(['-', '_', '.']).map(|word| path_shape(&format!("/{word}"))).collect();
    let stem: Vec<_> = words.iter().map(|word| word.trim_start_matches('/')).collect();
    let ending = request.extension().map(|ending| format!(".{}", String::from_utf8_lossy(ending)));
    Label::new(&format!("{}{}", stem.join("-"), ending.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_file_is_told_by_its_kind() {
        for (bytes, operation, object) in [
            (&b"\0\x02switch/startup-config.cfg\0octet\0"[..], ControlOperation::Write, "startup-config.cfg"),
            (b"\0\x01SEP0009FB001122.xml\0octet\0", ControlOperation::Read, "*.xml"),
        ] {
            let facts = driver::datagram(&DATAGRAM, bytes);
            let [Fact::Control(told)] = &facts[..] else { panic!("{facts:?}") };
            assert_eq!((told.operation, told.object.as_ref().unwrap().as_str()), (operation, object));
        }
        assert!(driver::datagram(&DATAGRAM, b"\0\x04\0\x01").is_empty());
    }
}
