//! DICOM: who calls whom, what for, and with which commands. PS3.8 section 9.3, PS3.7 annex E.

use std::sync::Arc;

use bytes::Bytes;
use wardline_model::{Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::clinical::dicom::{Event, Session, commands, elements};
use wardline_wire::clinical::executable::begins_like_a_program;

use super::{Cut, Guard, List, MESSAGE_BYTES_MAX, Pending, Refused};
use crate::report::Notice;

/// A-ABORT by the service provider, reason not specified: PS3.8 section 9.3.8.
const ABORT: &[u8] = &[7, 0, 0, 0, 0, 4, 0, 0, 2, 0];

/// A-ASSOCIATE-RJ, permanent, by the service user, with a reason: PS3.8 section 9.3.4.
const fn reject(reason: u8) -> [u8; 10] {
    [3, 0, 0, 0, 0, 4, 0, 1, 1, reason]
}
const CALLING_UNKNOWN: u8 = 3;
const CALLED_UNKNOWN: u8 = 7;

/// An association.
#[derive(Debug)]
pub struct Dicom {
    guard: Arc<Guard>,
    session: Session,
    pending: [Pending; 2],
    requested: bool,
}

impl Dicom {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        let pending = Pending::both(&guard);
        Self { guard, session: Session::default(), pending, requested: false }
    }

    pub(super) fn pass(&mut self, direction: Direction, bytes: &[u8]) -> Result<Bytes, Box<Refused>> {
        let Self { guard, session, pending, requested } = self;
        let Some(pending) = pending.get_mut(direction.index()) else { return Ok(Bytes::new()) };
        let other = || refused(Notice::NotTheProtocol, "PDU", "not a PDU of DICOM".to_owned());
        pending.each(bytes, cut, other, |pdu| judge(guard, session, requested, direction, pdu))
    }
}

/// A PDU: type, reserved, length of four bytes.
fn cut(unread: &[u8], _: usize) -> Cut {
    match unread {
        [] => Cut::More,
        [kind, ..] if !(1..=7).contains(kind) => Cut::Never,
        [_, _, a, b, c, d, rest @ ..] => match u32::from_be_bytes([*a, *b, *c, *d]) as usize {
            length if length > MESSAGE_BYTES_MAX - 6 => Cut::Never,
            length if length <= rest.len() => Cut::At(6 + length),
            _ => Cut::More,
        },
        _ => Cut::More,
    }
}

fn refused(notice: Notice, field: &'static str, value: String) -> Box<Refused> {
    let abort = Bytes::from_static(ABORT);
    Box::new(Refused {
        notice,
        protocol: Protocol::Dicom,
        field,
        value,
        answer: abort.clone(),
        farewell: abort,
    })
}

fn judge(
    guard: &Guard,
    session: &mut Session,
    requested: &mut bool,
    direction: Direction,
    pdu: &[u8],
) -> Result<(), Box<Refused>> {
    let mut refusal = None;
    let mut understood = false;
    let ours = session.feed(direction, pdu, &mut |event| {
        let verdict = match event {
            Event::Request(association) => {
                understood = true;
                called(guard, association.calling, association.called)
            }
            Event::Accept(_) => {
                understood = true;
                Ok(())
            }
            Event::Command(bytes) => command(guard, bytes),
            Event::Dataset(encoding, head) => dataset(encoding, head),
            Event::Reject(_) | Event::Release | Event::Abort(_) => Ok(()),
        };
        if refusal.is_none() {
            refusal = verdict.err();
        }
    });
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let kind = pdu.first().copied().unwrap_or_default();
    let in_turn = match (kind, direction) {
        (1, Direction::Forward) => !std::mem::replace(requested, true) && understood,
        (2, Direction::Backward) => *requested && understood,
        (1 | 2, _) => false,
        // An abort needs no association.
        (7, _) => true,
        _ => *requested,
    };
    if ours && in_turn {
        return Ok(());
    }
    Err(refused(Notice::NotTheProtocol, "PDU", format!("a PDU of type {kind} that makes no sense here")))
}

fn called(guard: &Guard, calling: &[u8], called: &[u8]) -> Result<(), Box<Refused>> {
    for (list, field, title, reason) in [
        (List::CallingAe, "calling AE title", calling, CALLING_UNKNOWN),
        (List::CalledAe, "called AE title", called, CALLED_UNKNOWN),
    ] {
        let title = Label::from_bytes(title).to_string();
        if !guard.allows(list, &title, &title) {
            return Err(Box::new(Refused {
                answer: Bytes::copy_from_slice(&reject(reason)),
                // The other side has seen nothing yet.
                farewell: Bytes::new(),
                ..*refused(Notice::Forbidden, field, format!("{field} {title}"))
            }));
        }
    }
    Ok(())
}

/// PS3.7 annex E.1: names of the commands that ask for something.
fn name(field: u16) -> Option<&'static str> {
    Some(match field {
        0x0001 => "C-STORE-RQ",
        0x0010 => "C-GET-RQ",
        0x0020 => "C-FIND-RQ",
        0x0021 => "C-MOVE-RQ",
        0x0030 => "C-ECHO-RQ",
        0x0100 => "N-EVENT-REPORT-RQ",
        0x0110 => "N-GET-RQ",
        0x0120 => "N-SET-RQ",
        0x0130 => "N-ACTION-RQ",
        0x0140 => "N-CREATE-RQ",
        0x0150 => "N-DELETE-RQ",
        0x0fff => "C-CANCEL-RQ",
        _ => return None,
    })
}

fn command(guard: &Guard, bytes: &[u8]) -> Result<(), Box<Refused>> {
    let (mut field, mut class, mut twice) = (None, String::new(), false);
    commands(bytes, &mut |element| match element.tag {
        (0, 0x0100) => {
            twice |= field.is_some();
            // A high byte of zero was taken for padding.
            field = match element.value {
                [low] => Some(u16::from(*low)),
                [low, high] => Some(u16::from_le_bytes([*low, *high])),
                _ => None,
            };
        }
        (0, 0x0002 | 0x0003) => {
            twice |= !class.is_empty();
            class = Label::from_bytes(element.value.trim_ascii_end()).to_string();
        }
        _ => {}
    });
    let Some(field) = field.filter(|_| !twice) else {
        return Err(refused(
            Notice::NotTheProtocol,
            "(0000,0100)",
            "a command set that makes no sense".to_owned(),
        ));
    };
    // Answers to what was allowed.
    if field & 0x8000 != 0 {
        return Ok(());
    }
    let name = name(field).unwrap_or("unknown");
    if !guard.allows(List::Command, name, name) {
        return Err(refused(Notice::Forbidden, "(0000,0100)", format!("command {name}")));
    }
    // A cancellation names no class.
    if field != 0x0fff && !guard.allows(List::SopClass, &class, &class) {
        return Err(refused(Notice::Forbidden, "(0000,0002)", format!("{name} of SOP class {class}")));
    }
    Ok(())
}

fn dataset(encoding: wardline_wire::clinical::dicom::Encoding, head: &[u8]) -> Result<(), Box<Refused>> {
    let mut found = None;
    elements(encoding, head, &mut |element| {
        if begins_like_a_program(element.value) {
            found = Some(element.tag);
        }
    });
    match found {
        Some((group, element)) => {
            let value = format!("element ({group:04x},{element:04x}) begins like a program");
            Err(refused(Notice::Program, "data set", value))
        }
        None => Ok(()),
    }
}
