//! Line Printer Daemon: who prints where. RFC 1179 sections 5 and 6.
//!
//! Recognised by the command to take a job for a queue, followed by the server's zero byte or by the control file.
//!
//! Ignored: documents, titles of jobs and users: they are about people.

mod message;

pub use message::{Command, command, host, probe};
