//! SMB 2.1 (MS-SMB2 section 2.2): a share is opened, its files are read, written, renamed and deleted.

/// Commands of section 2.2.1.
const NEGOTIATE: u16 = 0;
const SESSION_SETUP: u16 = 1;
const TREE_CONNECT: u16 = 3;
const CREATE: u16 = 5;
const CLOSE: u16 = 6;
const READ: u16 = 8;
const WRITE: u16 = 9;
const SET_INFO: u16 = 17;
/// FileRenameInformation and FileDispositionInformation of MS-FSCC section 2.4.
const RENAME: u8 = 10;
const DISPOSITION: u8 = 13;

use crate::conversation::Said;

/// A client's session with a share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    message: u64,
    file: u64,
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A message behind its header of the NetBIOS session service.
fn message(command: u16, number: u64, answer: Option<u32>, body: &[u8]) -> Vec<u8> {
    let mut smb = b"\xfeSMB".to_vec();
    smb.extend(64_u16.to_le_bytes());
    smb.extend(1_u16.to_le_bytes());
    smb.extend(answer.unwrap_or(0).to_le_bytes());
    smb.extend(command.to_le_bytes());
    smb.extend(1_u16.to_le_bytes());
    smb.extend(u32::from(answer.is_some()).to_le_bytes());
    smb.extend([0; 4]);
    smb.extend(number.to_le_bytes());
    smb.extend([0xff, 0xfe, 0, 0]);
    smb.extend(if command <= SESSION_SETUP { 0 } else { 5_u32 }.to_le_bytes());
    smb.extend(0x4000_0001_u64.to_le_bytes());
    smb.extend([0; 16]);
    smb.extend(body);
    let mut framed = (smb.len() as u32).to_be_bytes().to_vec();
    framed.extend(smb);
    framed
}

fn identifier(file: u64) -> Vec<u8> {
    [file.to_le_bytes(), (file ^ 0x5555).to_le_bytes()].concat()
}

impl Share {
    fn exchange(&mut self, command: u16, request: &[u8], status: u32, answer: &[u8]) -> Vec<Said> {
        self.message += 1;
        vec![
            (true, message(command, self.message, None, request)),
            (false, message(command, self.message, Some(status), answer)),
        ]
    }

    /// Dialect, a log-in that succeeds or not, and the share.
    pub(crate) fn open(&mut self, host: &str, share: &str, status: u32) -> Vec<Said> {
        let negotiate =
            [&[36, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[7; 16], &[0; 8], &[0x10, 0x02]].concat();
        let mut agreed = vec![65, 0, 1, 0, 0x10, 2, 0, 0];
        agreed.extend([9; 16]);
        agreed.extend([0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 16, 0]);
        agreed.extend([0; 16]);
        agreed.extend([128, 0, 0, 0, 0, 0, 0, 0]);
        let mut said = self.exchange(NEGOTIATE, &negotiate, 0, &agreed);
        said.extend(self.log_in(status));
        if status == 0 {
            let path = utf16(&format!("\\\\{host}\\{share}"));
            let tree = [&[9, 0, 0, 0, 72, 0][..], &(path.len() as u16).to_le_bytes(), &path].concat();
            let mut answer = vec![16, 0, 1, 0];
            answer.extend([0; 8]);
            answer.extend([0xff, 1, 0x1f, 0]);
            said.extend(self.exchange(TREE_CONNECT, &tree, 0, &answer));
        }
        said
    }

    /// One attempt to log in, as far as it can be read: a token and its answer.
    pub(crate) fn log_in(&mut self, status: u32) -> Vec<Said> {
        let token = [0x60, 6, 6, 4, 0x2b, 6, 1, 5];
        let request = [
            &[25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0, token.len() as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &token,
        ]
        .concat();
        self.exchange(SESSION_SETUP, &request, status, &[9, 0, 0, 0, 72, 0, 0, 0, 0])
    }

    /// Opens a file.
    pub(crate) fn create(&mut self, path: &str) -> Vec<Said> {
        self.file += 1;
        let name = utf16(path);
        let mut request = vec![57, 0, 0, 0, 2, 0, 0, 0];
        request.extend([0; 16]);
        request.extend([0x9f, 1, 0x12, 0, 0x80, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        request.extend(120_u16.to_le_bytes());
        request.extend((name.len() as u16).to_le_bytes());
        request.extend([0; 8]);
        request.extend(name);
        let mut answer = vec![89, 0, 0, 0, 1, 0, 0, 0];
        answer.extend([0; 56]);
        answer.extend(identifier(self.file));
        answer.extend([0; 8]);
        self.exchange(CREATE, &request, 0, &answer)
    }

    /// Reads so many bytes of the file that was opened last.
    pub(crate) fn read(&mut self, bytes: usize) -> Vec<Said> {
        let mut request = vec![49, 0, 80, 0];
        request.extend((bytes as u32).to_le_bytes());
        request.extend([0; 8]);
        request.extend(identifier(self.file));
        request.extend([0; 17]);
        let mut answer = vec![17, 0, 80, 0];
        answer.extend((bytes as u32).to_le_bytes());
        answer.extend([0; 8]);
        answer.extend(b"patient letter, plain words and numbers; ".iter().cycle().take(bytes));
        self.exchange(READ, &request, 0, &answer)
    }

    /// Writes to the file that was opened last.
    pub(crate) fn write(&mut self, content: &[u8]) -> Vec<Said> {
        let mut request = vec![49, 0, 112, 0];
        request.extend((content.len() as u32).to_le_bytes());
        request.extend([0; 8]);
        request.extend(identifier(self.file));
        request.extend([0; 16]);
        request.extend(content);
        let mut answer = vec![17, 0, 0, 0];
        answer.extend((content.len() as u32).to_le_bytes());
        answer.extend([0; 8]);
        self.exchange(WRITE, &request, 0, &answer)
    }

    fn set_information(&mut self, class: u8, information: &[u8]) -> Vec<Said> {
        let mut request = vec![33, 0, 1, class];
        request.extend((information.len() as u32).to_le_bytes());
        request.extend([96, 0, 0, 0, 0, 0, 0, 0]);
        request.extend(identifier(self.file));
        request.extend(information);
        self.exchange(SET_INFO, &request, 0, &[2, 0])
    }

    /// Renames the file that was opened last.
    pub(crate) fn rename(&mut self, path: &str) -> Vec<Said> {
        let name = utf16(path);
        let information = [&[0; 16][..], &(name.len() as u32).to_le_bytes(), &name].concat();
        self.set_information(RENAME, &information)
    }

    /// Deletes the file that was opened last.
    pub(crate) fn delete(&mut self) -> Vec<Said> {
        self.set_information(DISPOSITION, &[1])
    }

    /// Closes the file that was opened last.
    pub(crate) fn close(&mut self) -> Vec<Said> {
        let mut request = vec![24, 0, 0, 0, 0, 0, 0, 0];
        request.extend(identifier(self.file));
        let mut answer = vec![60, 0];
        answer.extend([0; 58]);
        self.exchange(CLOSE, &request, 0, &answer)
    }
}
