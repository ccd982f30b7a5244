//! Internet Printing Protocol: what a printer says about itself. RFC 8010 section 3 (encoding), RFC 8011 section 5.4
//! (printer attributes), PWG 5100.
//!
//! Found in the bodies of HTTP by their content type `application/ipp`.
//!
//! Ignored: documents and everything about jobs, whose names and owners are about people.

mod message;

pub use message::{Attribute, Message};
