//! Protocols of the link layer.
