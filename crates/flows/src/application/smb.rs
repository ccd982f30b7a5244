//! SMB: shares, files and what is done to them.

use std::collections::VecDeque;

use wardline_model::fact::{SmbFact, SmbFileOperation};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject};
use wardline_wire::enterprise::smb::{
    Body, FileId, Message, PENDING, Packet, Session, entropy_centibits, probe,
};
use wardline_wire::{Direction, Sensitive};

use super::digest::{FILE_BYTES_MAX, FileDigest};
use super::names::{extension, from_utf16};
use super::{Context, Progress, Stream, StreamAdaptor, ntlm};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Smb2, ports: &[445, 139], probe, adaptor: || Box::<Smb>::default() };

/// Requests that wait for their answer, and open files, of one conversation. The oldest is forgotten first: its
/// later operations are then told without a name.
const WAITING_MAX: usize = 128;
const FILES_MAX: usize = 256;
/// Files of one conversation of which digests are made at the same time; the oldest is given up first.
const TRANSFERS_MAX: usize = 16;
/// Trees that are known to be for pipes.
const PIPES_MAX: usize = 16;
/// What a related command of the same packet says instead of an identifier: the file before it.
const SAME_FILE: FileId = [0xff; 16];
/// NT status "more processing required": a log-in goes on.
const MORE_PROCESSING: u32 = 0xc000_0016;

/// A file that is open, without its name.
#[derive(Clone)]
struct File {
    path: Pseudonym,
    extension: Option<Label>,
}

/// A file of which digests are made while it is written or read from its begin to its end.
struct Transfer {
    file: FileId,
    written: bool,
    digest: FileDigest,
}

/// Data of a command of which more follows: of which file, written or read, and how many bytes.
type Following = Option<(FileId, bool, u64)>;

#[derive(Default)]
struct Smb {
    session: Session,
    files: Files,
}

#[derive(Default)]
struct Files {
    waiting: VecDeque<(u64, File)>,
    open: VecDeque<(FileId, File)>,
    newest: Option<File>,
    pipe_trees: VecDeque<u32>,
    encrypted: bool,
    transfers: Transfers,
}

/// Only used where digests of files are looked for.
#[derive(Default)]
struct Transfers {
    under_way: VecDeque<Transfer>,
    /// Reads that wait for their answer: message, file, offset.
    asked: VecDeque<(u64, FileId, u64)>,
    /// Lengths of files when they were opened.
    sizes: VecDeque<(FileId, u64)>,
    following: [Following; 2],
}

impl StreamAdaptor for Smb {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, files } = self;
        if context.digests.any() {
            session.show_data();
        }
        let readable = session.feed(direction, bytes, |packet| match packet {
            Packet::Command(message) => files.command(&message, context),
            Packet::Smb1 => {
                context.labels.application = Some(Protocol::Smb1);
                context.tell(negotiated(0x0100, false, None));
            }
            Packet::Encrypted if !files.encrypted => {
                files.encrypted = true;
                context.tell(Fact::Smb(Box::new(SmbFact::Encrypted)));
            }
            Packet::Encrypted => {}
            Packet::MoreData(data) => files.transfers.more(data.expose(), context),
        });
        if readable { Progress::Continue } else { Progress::Done }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Behind a hole nobody knows where the next packet begins.
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        Some(self.files.encrypted)
    }
}

impl Files {
    fn command(&mut self, message: &Message<'_>, context: &mut Context<'_>) {
        let header = &message.header;
        match message.body {
            Body::Negotiated { dialect, signing_required, server, token } => {
                context.tell(negotiated(dialect, signing_required, Some(guid(server))));
                ntlm::tell(token, Protocol::Smb2, context);
            }
            Body::SessionSetup { token } => {
                ntlm::tell(token, Protocol::Smb2, context);
                if header.response && header.status != MORE_PROCESSING {
                    context.tell(Fact::Smb(Box::new(SmbFact::SessionSetup { status: header.status })));
                }
            }
            Body::TreeConnect { path } => {
                let path = from_utf16(path);
                let share = Label::new(path.rsplit('\\').next().unwrap_or_default());
                context.tell(Fact::Smb(Box::new(SmbFact::TreeConnect { share })));
            }
            Body::TreeConnected { kind } => {
                if kind == 2 {
                    remember(&mut self.pipe_trees, header.tree, PIPES_MAX);
                }
            }
            Body::Create { name, delete_on_close } => self.create(message, name, delete_on_close, context),
            Body::Created { file, size } => {
                self.created(header.message_id, file);
                self.transfers.opened(file, size);
            }
            Body::Close { file } => {
                self.transfers.close(file, context);
                self.open.retain(|(id, _)| *id != file);
            }
            Body::Read { file, length, offset } => {
                // Pipes are no files.
                if self.file(file).is_some() {
                    self.transfers.asked(header.message_id, file, offset);
                }
                self.tell(file, SmbFileOperation::Read, u64::from(length), None, context)
            }
            Body::ReadData { length, data } => {
                self.transfers.read(header.message_id, length, data.expose(), context);
            }
            Body::Write { file, length, offset, data } => {
                let entropy = entropy_centibits(data.expose());
                self.tell(file, SmbFileOperation::Write, u64::from(length), entropy, context);
                if self.file(file).is_some() {
                    self.transfers.data((file, true), offset, length, data.expose(), context);
                }
            }
            Body::Rename { file, name } => self.rename(file, name, context),
            Body::Delete { file } => self.tell(file, SmbFileOperation::Delete, 0, None, context),
            Body::Other => self.refused(message, context),
        }
    }

    fn create(
        &mut self,
        message: &Message<'_>,
        name: Sensitive<&[u8]>,
        delete_on_close: bool,
        context: &mut Context<'_>,
    ) {
        let name = from_utf16(name.expose());
        if self.pipe_trees.contains(&message.header.tree) {
            context
                .tell(Fact::Smb(Box::new(SmbFact::Pipe { name: Label::new(name.trim_start_matches('\\')) })));
            return;
        }
        let file = self.describe(&name, context);
        context.tell(operation(SmbFileOperation::Open, Some(&file), 0, None));
        if delete_on_close {
            context.tell(operation(SmbFileOperation::Delete, Some(&file), 0, None));
        }
        self.newest = Some(file.clone());
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back((message.header.message_id, file));
    }

    fn describe(&self, name: &str, context: &Context<'_>) -> File {
        let folded = name.to_lowercase();
        File {
            path: context.pseudonym(Subject::Resource, Sensitive::new(folded.as_bytes())),
            extension: extension(folded.as_bytes()),
        }
    }

    fn created(&mut self, message_id: u64, id: FileId) {
        let Some(place) = self.waiting.iter().position(|(waiting, _)| *waiting == message_id) else { return };
        if let Some((_, file)) = self.waiting.remove(place) {
            if self.open.len() >= FILES_MAX {
                self.open.pop_front();
            }
            self.open.push_back((id, file));
        }
    }

    fn rename(&mut self, id: FileId, name: Sensitive<&[u8]>, context: &mut Context<'_>) {
        let name = from_utf16(name.expose());
        let renamed = self.describe(&name, context);
        context.tell(Fact::Smb(Box::new(SmbFact::File {
            operation: SmbFileOperation::Rename,
            file: self.file(id).map(|file| file.path),
            extension: renamed.extension.clone(),
            bytes: 0,
            entropy_centibits: None,
        })));
        if let Some((_, file)) = self.open.iter_mut().find(|(open, _)| *open == id) {
            *file = renamed;
        }
    }

    /// A log-in or anything else that the server refused.
    fn refused(&self, message: &Message<'_>, context: &mut Context<'_>) {
        use wardline_wire::enterprise::smb::Command;
        let header = &message.header;
        if header.response && header.command == Command::SessionSetup && header.status != PENDING {
            context.tell(Fact::Smb(Box::new(SmbFact::SessionSetup { status: message.header.status })));
        }
    }

    fn file(&self, id: FileId) -> Option<&File> {
        if id == SAME_FILE {
            return self.newest.as_ref();
        }
        self.open.iter().rev().find(|(open, _)| *open == id).map(|(_, file)| file)
    }

    fn tell(
        &self,
        id: FileId,
        what: SmbFileOperation,
        bytes: u64,
        entropy: Option<u16>,
        context: &mut Context<'_>,
    ) {
        context.tell(operation(what, self.file(id), bytes, entropy));
    }
}

impl Transfers {
    fn opened(&mut self, file: FileId, size: u64) {
        remember(&mut self.sizes, (file, size), FILES_MAX);
    }

    fn asked(&mut self, message: u64, file: FileId, offset: u64) {
        remember(&mut self.asked, (message, file, offset), WAITING_MAX);
    }

    fn read(&mut self, message: u64, length: u32, data: &[u8], context: &mut Context<'_>) {
        let Some(place) = self.asked.iter().position(|(asked, ..)| *asked == message) else { return };
        let Some((_, file, offset)) = self.asked.remove(place) else { return };
        // It was opened by a command of the same packet, whose answer stands before this one.
        let newest = self.sizes.back().map(|(file, _)| *file);
        let file = if file == SAME_FILE { newest.unwrap_or(file) } else { file };
        self.data((file, false), offset, length, data, context);
    }

    /// `length` bytes at `offset`, of which `data` came so far.
    fn data(
        &mut self,
        (file, written): (FileId, bool),
        offset: u64,
        length: u32,
        data: &[u8],
        context: &mut Context<'_>,
    ) {
        if let Some(following) = self.following.get_mut(context.direction.index()) {
            *following = Some((file, written, u64::from(length).saturating_sub(data.len() as u64)));
        }
        let place = self.place(file, written);
        let next =
            place.and_then(|place| self.under_way.get(place)).map_or(0, |transfer| transfer.digest.bytes());
        // What does not follow on what came before may begin anew, and is no transfer from begin to end otherwise.
        if offset != next || place.is_none() {
            place.map(|place| self.under_way.remove(place));
            let Some(digest) = FileDigest::new(context.digests).filter(|_| offset == 0) else { return };
            if self.under_way.len() >= TRANSFERS_MAX {
                self.under_way.pop_front();
            }
            self.under_way.push_back(Transfer { file, written, digest });
        }
        self.feed((file, written), data, context);
    }

    /// More data of the last command of this direction.
    fn more(&mut self, data: &[u8], context: &mut Context<'_>) {
        let Some(Some((file, written, left))) = self.following.get_mut(context.direction.index()) else {
            return;
        };
        let within = data.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= within as u64;
        let which = (*file, *written);
        self.feed(which, data.get(..within).unwrap_or_default(), context);
    }

    fn feed(&mut self, (file, written): (FileId, bool), data: &[u8], context: &mut Context<'_>) {
        let Some(place) = self.place(file, written) else { return };
        let Some(transfer) = self.under_way.get_mut(place) else { return };
        transfer.digest.feed(data);
        let bytes = transfer.digest.bytes();
        let size = self.sizes.iter().rev().find(|(open, _)| *open == file).map(|(_, size)| *size);
        if bytes > FILE_BYTES_MAX as u64 {
            self.under_way.remove(place);
        } else if !written && size == Some(bytes) {
            self.finish(place, context);
        }
    }

    /// What was written is whole when it is closed.
    fn close(&mut self, file: FileId, context: &mut Context<'_>) {
        if let Some(place) = self.place(file, true) {
            self.finish(place, context);
        }
        if file != SAME_FILE {
            self.sizes.retain(|(open, _)| *open != file);
            self.under_way.retain(|transfer| transfer.file != file);
        }
    }

    fn finish(&mut self, place: usize, context: &mut Context<'_>) {
        let file = self.under_way.remove(place).and_then(|transfer| transfer.digest.finish(Protocol::Smb2));
        if let Some(file) = file {
            context.tell(Fact::File(Box::new(file)));
        }
    }

    fn place(&self, file: FileId, written: bool) -> Option<usize> {
        self.under_way.iter().position(|transfer| transfer.file == file && transfer.written == written)
    }
}

fn operation(
    operation: SmbFileOperation,
    file: Option<&File>,
    bytes: u64,
    entropy_centibits: Option<u16>,
) -> Fact {
    Fact::Smb(Box::new(SmbFact::File {
        operation,
        file: file.map(|file| file.path),
        extension: file.and_then(|file| file.extension.clone()),
        bytes,
        entropy_centibits,
    }))
}

fn negotiated(dialect: u16, signing_required: bool, server: Option<Label>) -> Fact {
    Fact::Smb(Box::new(SmbFact::Negotiated { dialect, signing_required, server }))
}

/// A GUID as people write it; its first three parts are little endian.
fn guid(bytes: [u8; 16]) -> Label {
    let bits = u128::from_be_bytes(bytes);
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    Label::new(&format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        u32::from_le_bytes([a, b, c, d]),
        u16::from_le_bytes([e, f]),
        u16::from_le_bytes([g, h]),
        bits >> 48 & 0xffff,
        bits & 0xffff_ffff_ffff
    ))
}

fn remember<T: PartialEq>(list: &mut VecDeque<T>, item: T, limit: usize) {
    if !list.contains(&item) {
        if list.len() >= limit {
            list.pop_front();
        }
        list.push_back(item);
    }
}
