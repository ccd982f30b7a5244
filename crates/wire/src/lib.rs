//! Bytes to protocol messages; pure, no I/O.
