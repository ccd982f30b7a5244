//! Digests of files that go over the network, made as they pass.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};
use wardline_model::fact::FileFact;
use wardline_model::{Bounded, DigestAlgorithms, Label, Protocol};

/// Longer files are not digested to their end, bytes.
pub(super) const FILE_BYTES_MAX: usize = 256 << 20;

/// The digests of one file under way.
pub(super) struct FileDigest {
    bytes: u64,
    digests: Vec<Box<dyn DynDigest + Send>>,
}

impl FileDigest {
    /// `None` where none is asked for.
    pub(super) fn new(algorithms: DigestAlgorithms) -> Option<Self> {
        let mut digests: Vec<Box<dyn DynDigest + Send>> = Vec::new();
        if algorithms.md5 {
            digests.push(Box::new(Md5::default()));
        }
        if algorithms.sha1 {
            digests.push(Box::new(Sha1::default()));
        }
        if algorithms.sha256 {
            digests.push(Box::new(Sha256::default()));
        }
        if algorithms.sha512 {
            digests.push(Box::new(Sha512::default()));
        }
        (!digests.is_empty()).then_some(Self { bytes: 0, digests })
    }

    /// How many bytes there were.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digests.iter_mut().for_each(|digest| digest.update(bytes));
    }

    /// What is told of the file; nothing of an empty one.
    pub(super) fn finish(self, protocol: Protocol) -> Option<FileFact> {
        let digests: Bounded<Label, 4> =
            self.digests.into_iter().map(|digest| Label::new(&hexadecimal(&digest.finalize()))).collect();
        (self.bytes > 0).then_some(FileFact { protocol, bytes: self.bytes, digests })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
