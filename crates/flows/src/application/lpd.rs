//! LPD: who prints on what.

use wardline_model::fact::IdentitySubject;
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::lpd::{Command, command, host, probe};
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::introduction::{attribute, introduction};
use super::{Context, Progress, Stream, StreamAdaptor};

/// Longest control file that is read; RFC 1179 needs some hundred bytes.
const CONTROL_FILE_BYTES_MAX: usize = 8_192;

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Lpd,
    ports: &[515],
    probe,
    adaptor: || {
        Box::new(Adaptor { client: StreamBuffer::new(2 * CONTROL_FILE_BYTES_MAX), within: false, file: None })
    },
};

struct Adaptor {
    client: StreamBuffer,
    /// Within a job.
    within: bool,
    /// Bytes of the control file that comes next.
    file: Option<usize>,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        if direction == Direction::Backward {
            return Progress::Continue;
        }
        let (within, file) = (&mut self.within, &mut self.file);
        let mut done = false;
        for piece in bytes.chunks(CONTROL_FILE_BYTES_MAX) {
            let fits = self.client.feed(piece, |unread| {
                if done {
                    return Some(Consumed::exactly(unread.len()));
                }
                if let Some(length) = *file {
                    // A zero byte ends the file.
                    let content = unread.get(..length)?;
                    unread.get(length)?;
                    *file = None;
                    tell_client(host(content).and_then(Label::non_empty), context);
                    return Some(Consumed::exactly(length + 1));
                }
                let (command, length) = command(unread, *within)?;
                let mut skip = 0;
                match command {
                    Command::Receive(queue) => {
                        *within = true;
                        tell_queue(Label::non_empty(queue), context);
                    }
                    Command::ControlFile(length) if length <= CONTROL_FILE_BYTES_MAX => *file = Some(length),
                    Command::DataFile(length) if length > 0 => skip = length + 1,
                    _ => done = true,
                }
                Some(Consumed { bytes: length, skip })
            });
            if !fits || done {
                return Progress::Done;
            }
        }
        Progress::Continue
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        let passed = direction == Direction::Backward || self.client.pass_over(length);
        if passed { Progress::Continue } else { Progress::Done }
    }
}

fn tell_queue(queue: Option<Label>, context: &mut Context<'_>) {
    let mut told = introduction(Protocol::Lpd, "receive a printer job");
    told.subject = IdentitySubject::Receiver;
    told.role = Some(Label::new("lpd printer"));
    attribute(&mut told, "queue", queue);
    context.tell(Fact::Identity(Box::new(told)));
}

fn tell_client(name: Option<Label>, context: &mut Context<'_>) {
    let mut told = introduction(Protocol::Lpd, "control file, host");
    told.role = Some(Label::new("lpd client"));
    told.name = name;
    context.tell(Fact::Identity(Box::new(told)));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_job_tells_queue_and_host_and_nobody() {
        let client =
            b"\x02ward3\n\x0230 cfA001ws-1\nHws-1\nPsomebody\nJletter.txt..\n\0\x034 dfA001ws-1\nabcd\0";
        let pieces = [(Direction::Forward, &client[..]), (Direction::Backward, &[0, 0, 0][..])];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let [Fact::Identity(printer), Fact::Identity(told)] = &whole[..] else { panic!("{whole:?}") };
        assert_eq!(printer.attributes.first(), Some(&(Label::new("queue"), Label::new("ward3"))));
        assert_eq!(told.name, Some(Label::new("ws-1")));
        assert!(!format!("{whole:?}").contains("somebody"));
        for size in [1, 4, 17] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }
}
