//! Advertising data: volume 3 part C section 11, Core Specification Supplement part A.

use super::att::Uuid;

/// What a device tells everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// Flags, section 1.3.
    Flags(u8),
    /// A service that it offers; solicited services are those of others.
    Service(Uuid),
    /// Its name, and whether it is whole.
    Name(&'a [u8], bool),
    /// Appearance, section 1.12.
    Appearance(u16),
    /// Company identifier and data of that company.
    Company(u16, &'a [u8]),
    /// Data of a service.
    ServiceData(Uuid, &'a [u8]),
}

/// The elements that are known, in order.
pub fn elements(data: &[u8], mut tell: impl FnMut(Element<'_>)) {
    let mut rest = data;
    while let [length, after @ ..] = rest {
        let Some((element, next)) = after.split_at_checked(usize::from(*length)) else { return };
        rest = next;
        let [kind, value @ ..] = element else { continue };
        match (kind, value) {
            (0x01, [flags, ..]) => tell(Element::Flags(*flags)),
            (0x02 | 0x03, _) => uuids::<2>(value, &mut tell),
            (0x04 | 0x05, _) => uuids::<4>(value, &mut tell),
            (0x06 | 0x07, _) => uuids::<16>(value, &mut tell),
            (0x08 | 0x09, name) => tell(Element::Name(name, *kind == 0x09)),
            (0x19, [low, high]) => tell(Element::Appearance(u16::from_le_bytes([*low, *high]))),
            (0x16, [a, b, data @ ..]) => {
                tell(Element::ServiceData(Uuid::short(u16::from_le_bytes([*a, *b])), data));
            }
            (0xff, [low, high, data @ ..]) => tell(Element::Company(u16::from_le_bytes([*low, *high]), data)),
            _ => {}
        }
    }
}

fn uuids<const N: usize>(value: &[u8], tell: &mut impl FnMut(Element<'_>)) {
    for uuid in value.as_chunks::<N>().0.iter().filter_map(|bytes| Uuid::parse(bytes)) {
        tell(Element::Service(uuid));
    }
}
