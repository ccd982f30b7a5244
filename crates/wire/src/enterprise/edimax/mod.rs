//! Edimax: how its plugs and cameras register with their maker's servers, and answer a search of the local network.
//!
//! The maker publishes no description. The exchange is that of Z. Ling et al., "Security Vulnerabilities of Internet of
//! Things: A Case Study of the Smart Plug System", IEEE Internet of Things Journal 4(6), 2017: short XML texts over UDP.
//! Their first byte is `<` and a number of 0 to 7; by as many bits the bytes behind it are rotated to the right, which hides
//! nothing.
//!
//! Recognised by the begin of the text, `<param><code value="`, or by the maker's name behind a link address.
//!
//! Ignored: relays, their keys, and what is said through them.

mod message;

pub use message::{Found, Registration, probe};
