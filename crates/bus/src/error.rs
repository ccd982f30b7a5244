//! What can go wrong on the way.

use std::path::PathBuf;

use thiserror::Error;

/// The bus failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BusError {
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A name of a site or sensor cannot be used.
    #[error("'{name}': a name is 1 to 32 letters, digits and hyphens, and begins with a letter or digit")]
    Name {
        /// As given.
        name: String,
    },
    /// A parcel cannot be read.
    #[error("a parcel of {sensor} cannot be read: {cause}; is its program newer than this one?")]
    Parcel {
        /// Whose.
        sensor: String,
        /// Why.
        cause: String,
    },
    /// The broker refused, or cannot be reached.
    #[error("{servers}: {cause}")]
    Broker {
        /// Which servers.
        servers: String,
        /// Why.
        cause: String,
    },
    /// Certificates or keys cannot be made.
    #[error("certificate of {name}: {cause}")]
    Certificate {
        /// Whose.
        name: String,
        /// Why.
        #[source]
        cause: rcgen::Error,
    },
    /// There is one of this name already.
    #[error("{path}: there is one already; choose another name, or remove that one first")]
    Exists {
        /// Where.
        path: PathBuf,
    },
}

impl BusError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}
