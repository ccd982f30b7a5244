//! What can go wrong, sorted by who can do something about it.

use std::path::PathBuf;

/// An error of the shield.
#[derive(Debug, thiserror::Error)]
pub enum ShieldError {
    /// The operator's file is wrong.
    #[error(transparent)]
    Settings(#[from] crate::SettingsError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds what it should not.
    #[error("{path}: {what}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// An address cannot be listened on.
    #[error("{address}: cannot listen: {source}")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The other end cannot be reached, or the connection to it broke.
    #[error("connection: {0}")]
    Connection(#[from] std::io::Error),
    /// The other end broke the rules of the link.
    #[error("the other end broke the protocol: {0}")]
    Protocol(&'static str),
    /// The other end refused this one.
    #[error("refused by the other end: {0}")]
    Refused(String),
    /// A certificate cannot be made or read.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The authority says no.
    #[error("{0}")]
    Authority(String),
}

impl ShieldError {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    pub(crate) fn content(path: &std::path::Path, what: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), what: what.into() }
    }
}

impl From<rcgen::Error> for ShieldError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

impl From<rustls::Error> for ShieldError {
    fn from(error: rustls::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}
