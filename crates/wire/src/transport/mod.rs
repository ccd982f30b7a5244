//! Protocols of the transport layer.
