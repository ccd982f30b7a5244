//! Hypertext Transfer Protocol 1.x: which product serves, which asks, for what. RFC 9112 (messages),
//! RFC 9110 (fields), RFC 7617 (Basic), RFC 7616 (Digest), RFC 6750 (Bearer), RFC 4559 (Negotiate).
//!
//! Recognised by a request line or status line with version `HTTP/1.`.
//!
//! Bodies are measured by Content-Length or chunks and passed over; only their first
//! [`Session::BODY_BYTES_SHOWN`] bytes are shown, in place and as they were sent: content codings are for whoever reads
//! the body. After an upgrade or CONNECT another protocol follows, which is not read here.
//!
//! Ignored: trailers, HTTP/2.

mod authorization;
mod body;
mod message;
mod path;
mod session;

pub use authorization::{Authorization, Challenge};
pub use body::{BodyFormat, Field, fields};
pub use message::{Head, Request, Response, probe};
pub use path::path_shape;
pub use session::{Event, Session, State};
