//! What can go wrong with an interface, and what the operator can do about it.

use std::io;

use thiserror::Error;

use crate::filter::FilterError;

/// Live capture could not start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LiveError {
    // The operator's.
    /// No interface of this name.
    #[error("{interface}: there is no such interface; `ip link` lists them")]
    NoSuchInterface {
        /// The name as given.
        interface: String,
    },
    /// The process may not open packet sockets.
    #[error(
        "{interface}: capturing needs the capability CAP_NET_RAW; run as root, or grant it once with \
         `setcap cap_net_raw+ep` on the program, or in systemd with AmbientCapabilities=CAP_NET_RAW"
    )]
    Permission {
        /// The interface.
        interface: String,
    },
    /// A setting outside its range.
    #[error("{setting} is {value}; it must be from {minimum} to {maximum}")]
    Setting {
        /// Name of the setting in [`LiveSettings`](crate::LiveSettings).
        setting: &'static str,
        /// The value given.
        value: usize,
        /// Smallest value accepted.
        minimum: usize,
        /// Largest value accepted.
        maximum: usize,
    },
    /// The filter cannot be run on this interface.
    #[error(transparent)]
    Filter(#[from] FilterError),

    // The network's.
    /// The interface is down or was taken down or removed.
    #[error("{interface}: the interface is down; `ip link set {interface} up` brings it up")]
    InterfaceDown {
        /// The interface.
        interface: String,
    },
    /// The kernel gives frames of this interface in no form that has a link type.
    #[error(
        "{interface}: frames of interface type {arphrd} (ARPHRD) cannot be read; capture on the Ethernet \
         interface below it"
    )]
    UnsupportedInterface {
        /// The interface.
        interface: String,
        /// The kernel's interface type.
        arphrd: u16,
    },

    // The machine's.
    /// The kernel has no memory for the ring.
    #[error(
        "{interface}: the kernel has no {ring_bytes} bytes for a ring; make ring_bytes smaller or use fewer rings"
    )]
    RingMemory {
        /// The interface.
        interface: String,
        /// The size asked for.
        ring_bytes: usize,
    },
    /// Another refusal of the kernel.
    #[error("{interface}: {step} failed: {cause}")]
    System {
        /// The interface.
        interface: String,
        /// What was being done.
        step: &'static str,
        /// The kernel's reason.
        #[source]
        cause: io::Error,
    },
}
