//! The way to the enforcer: a socket of this machine. The console itself may change nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wardline_model::{CONTROL_BYTES_MAX, ControlAnswer, ControlRequest};

/// The largest policy takes the kernel some seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the enforcer listens.
#[derive(Clone, Debug)]
pub(crate) struct EnforcerSocket(PathBuf);

impl EnforcerSocket {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Asks, and waits for the answer: call it where it may block.
    pub(crate) fn ask(&self, request: &ControlRequest) -> std::io::Result<ControlAnswer> {
        let mut stream = UnixStream::connect(&self.0)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(CONTROL_BYTES_MAX)).read_until(b'\n', &mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}
