//! Protocols that carry clinical data.
