//! Protocols of the network layer.
