//! Datagrams and the operations in them.

use super::super::mder::list;
use crate::{Error, Layer, Reader, Verdict};

/// Class, event and action codes of the partition of objects.
const CONNECT_INDICATION: u16 = 3_351;
const MDS_CREATE: u16 = 3_334;
const POLL: u16 = 3_094;
const EXTENDED_POLL: u16 = 61_755;

/// Session data of association requests and responses.
const SESSION_DATA: &[u8] = b"\x05\x08\x13\x01\x00\x16\x01\x02\x80\x00\x14\x02\x00\x02";

/// What a datagram is.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// A monitor tells its network that it can be connected to: its attributes.
    ConnectIndication(Reader<'a>),
    /// A computer wants to associate.
    AssociationRequest,
    /// The monitor accepts.
    AssociationResponse,
    /// The monitor refuses.
    Refuse,
    /// One side ends the association and waits for an answer, or gives it.
    Release,
    /// One side ends the association at once.
    Abort,
    /// A data export message.
    Export(Operation<'a>),
}

/// A remote operation.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// The monitor created its system object: its attributes.
    Create(Reader<'a>),
    /// The computer polls objects of a class.
    Poll(u16),
    /// The monitor answers a poll.
    Polled(Body<'a>),
    /// The computer sets something.
    Set,
    /// The computer reads the settings.
    Get,
    /// Anything else, such as the confirmation of an event.
    Other,
}

/// The answer to a poll.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// Class of the objects polled.
    pub class: u16,
    /// Date and time of the monitor, binary-coded decimals.
    pub time: [u8; 8],
    contexts: Reader<'a>,
}

impl<'a> Body<'a> {
    /// The objects polled: `tell` gets the handle of each, and its attributes.
    pub fn objects(
        &self,
        tell: &mut dyn FnMut(u16, &mut Reader<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut contexts = self.contexts;
        list(&mut contexts, "poll-info-list", |context| {
            context.skip("context-id", 2)?;
            list(context, "single-context-poll", |object| {
                let handle = object.u16_be("obj-handle")?;
                tell(handle, object)
            })
        })
    }
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Intellivue, datagram);
        Ok(match datagram {
            [0xe1, 0x00, ..] => {
                reader.skip("session-id and context-id", 4)?;
                Self::Export(operation(&mut reader)?)
            }
            [0x00, 0x00, 0x01, 0x00, ..] => {
                reader.skip("nomenclature", 4)?;
                match operation_body(&mut reader)? {
                    // Of a connect indication the attributes stand alone, without the object before them.
                    (1, 0, mut content) => {
                        let (event, info) = event(&mut content)?;
                        if event != CONNECT_INDICATION {
                            return Err(reader.unsupported("event type"));
                        }
                        Self::ConnectIndication(info)
                    }
                    _ => return Err(reader.unsupported("operation")),
                }
            }
            [0x0d, ..] => Self::AssociationRequest,
            [0x0e, ..] => Self::AssociationResponse,
            [0x0c, ..] => Self::Refuse,
            [0x09 | 0x0a, ..] => Self::Release,
            [0x19, ..] => Self::Abort,
            _ => return Err(reader.malformed("message type")),
        })
    }
}

/// Kind of operation and of command, and what the command carries: ROapdus and what stands in it.
fn operation_body<'a>(reader: &mut Reader<'a>) -> Result<(u16, u16, Reader<'a>), Error> {
    let kind = reader.u16_be("ro_type")?;
    let length = usize::from(reader.u16_be("ROapdus length")?);
    let mut operation = reader.sub("ROapdus", length)?;
    if kind == 5 {
        // Linked results say which of how many they are.
        operation.skip("linked_id", 2)?;
    }
    operation.skip("invoke_id", 2)?;
    let command = operation.u16_be("command_type")?;
    let length = usize::from(operation.u16_be("command length")?);
    Ok((kind, command, operation.sub("command", length)?))
}

/// An EventReportArgument: its type and what it reports.
fn event<'a>(content: &mut Reader<'a>) -> Result<(u16, Reader<'a>), Error> {
    content.skip("managed object and event time", 10)?;
    let event = content.u16_be("event_type")?;
    let length = usize::from(content.u16_be("event length")?);
    Ok((event, content.sub("event", length)?))
}

fn operation<'a>(reader: &mut Reader<'a>) -> Result<Operation<'a>, Error> {
    let (kind, command, mut content) = operation_body(reader)?;
    Ok(match (kind, command) {
        (1, 1) => match event(&mut content)? {
            (MDS_CREATE, mut info) => {
                info.skip("managed object", 6)?;
                Operation::Create(info)
            }
            _ => Operation::Other,
        },
        (1, 7) => {
            content.skip("managed object and scope", 10)?;
            match content.u16_be("action_type")? {
                POLL | EXTENDED_POLL => {
                    content.skip("action length and poll number", 4)?;
                    content.skip("partition of the polled objects", 2)?;
                    Operation::Poll(content.u16_be("polled_obj_type")?)
                }
                _ => Operation::Other,
            }
        }
        (1, 4 | 5) => Operation::Set,
        (1, 3) => Operation::Get,
        (2 | 5, 7) => {
            content.skip("managed object", 6)?;
            let extended = match content.u16_be("action_type")? {
                POLL => false,
                EXTENDED_POLL => true,
                _ => return Ok(Operation::Other),
            };
            content.skip("action length and poll number", 4)?;
            if extended {
                content.skip("sequence_no", 2)?;
            }
            content.skip("rel_time_stamp", 4)?;
            let time = content.array("abs_time_stamp")?;
            content.skip("partition of the polled objects", 2)?;
            let class = content.u16_be("polled_obj_type")?;
            content.skip("polled_attr_grp", 2)?;
            Operation::Polled(Body { class, time, contexts: content })
        }
        _ => Operation::Other,
    })
}

/// Whether a datagram is of this protocol.
pub fn probe(datagram: &[u8]) -> Verdict {
    let rest_is = |place: usize| {
        let length = datagram.get(place..place + 2).and_then(|bytes| bytes.first_chunk());
        let rest = datagram.len().checked_sub(place + 2);
        length.is_some_and(|length| rest == Some(usize::from(u16::from_be_bytes(*length))))
    };
    let yes = match datagram {
        [0xe1, 0x00, _, _, 0x00, 0x01 | 0x02 | 0x03 | 0x05, ..] => rest_is(6),
        [0x00, 0x00, 0x01, 0x00, 0x00, 0x01, ..] => {
            rest_is(6) && matches!(Message::parse(datagram), Ok(Message::ConnectIndication(_)))
        }
        // A session header with its length, in one byte or in two behind 0xff.
        [0x0d | 0x0e, 0xff, _, _, data @ ..] => rest_is(2) && data.starts_with(SESSION_DATA),
        [0x0d | 0x0e, length, data @ ..] => {
            usize::from(*length) == data.len() && data.starts_with(SESSION_DATA)
        }
        // A release or an abort has only a presentation header, whose second half is fixed.
        [0x09 | 0x0a, length, 0xc1, _, 0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xa0, ..] => {
            usize::from(*length) + 2 == datagram.len()
        }
        [0x19, length, 0x11, 0x01, _, 0xc1, _, 0xa0, 0x80, ..] => usize::from(*length) + 2 == datagram.len(),
        _ => false,
    };
    if yes { Verdict::Certain } else { Verdict::NotMine }
}
