//! What is wrong with a filter, at which column, and what to write instead.

use thiserror::Error;

/// A filter text cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("filter, column {column}: {fault}")]
pub struct FilterError {
    /// Where in the text, in characters from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub fault: FilterFault,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FilterFault {
    /// A character that no filter contains.
    #[error("unexpected character {0:?}")]
    Character(char),
    /// A word where another was due.
    #[error("{found} where {expected} is due")]
    Unexpected {
        /// What the text has.
        found: String,
        /// What the language wants there.
        expected: &'static str,
    },
    /// A name where an address is needed.
    #[error("{0:?} is no address: host names are not looked up, write the address (as in: host 192.0.2.7)")]
    HostName(String),
    /// A network name where a network is needed.
    #[error("{0:?} is no network: names are not looked up, write it as in: net 192.0.2.0/24")]
    NetworkName(String),
    /// A service without a known port.
    #[error("{0:?} is no known service: write the port number")]
    ServiceName(String),
    /// A protocol without a known number.
    #[error("{0:?} is no known protocol here: write its number")]
    ProtocolName(String),
    /// A number that does not fit.
    #[error("{value} is too large: the largest {quantity} is {limit}")]
    TooLarge {
        /// The number as written.
        value: String,
        /// What it stands for.
        quantity: &'static str,
        /// The bound.
        limit: u32,
    },
    /// A number that is none.
    #[error("{0:?} is not a number: a leading 0 means octal, a leading 0x hexadecimal")]
    Number(String),
    /// An IPv4 address with an impossible part.
    #[error("{0:?} is not an IPv4 address: each part is at most 255")]
    Address(String),
    /// A network whose address has bits outside its mask.
    #[error("the network has bits outside its mask: write {suggestion}")]
    HostBits {
        /// The network with those bits cleared.
        suggestion: String,
    },
    /// A mask behind something that is no network.
    #[error("a mask belongs to a network: write net in place of {0}")]
    MaskWithoutNetwork(&'static str),
    /// A qualifier in front of something it does not qualify.
    #[error("{qualifier:?} does not go with {what}")]
    Qualifier {
        /// The qualifier as written.
        qualifier: &'static str,
        /// What it stands before.
        what: &'static str,
    },
    /// An address or number with nothing that says what it is.
    #[error("{0} needs a word before it that says what it is, such as host, net or port")]
    Unqualified(String),
    /// A part of the language that is deliberately left out.
    #[error("{0:?} is not supported here; {1}")]
    Unsupported(&'static str, &'static str),
    /// Byte access that the protocol does not offer.
    #[error("bytes of {0:?} cannot be reached with [ ]")]
    Index(&'static str),
    /// Byte access of an impossible size.
    #[error("the size of a byte access is 1, 2 or 4, not {0}")]
    AccessSize(u32),
    /// Division by a zero that is written in the filter.
    #[error("division by zero")]
    DivisionByZero,
    /// A shift by more than a word.
    #[error("a shift by {0} bits: the largest is 31")]
    Shift(u32),
    /// More arithmetic, nesting or terms than a filter can hold.
    #[error("the filter is too large: {0}")]
    TooComplex(&'static str),
    /// More instructions than can be run where the filter is to run.
    #[error("the filter compiles to more than {0} instructions: shorten it, or join addresses into networks")]
    TooLong(usize),
    /// A test that the frames' link type does not offer.
    #[error("{what:?} cannot be tested on {link} frames")]
    LinkLayer {
        /// The test.
        what: &'static str,
        /// The link type.
        link: &'static str,
    },
    /// Frames of a link type that filters do not know.
    #[error(
        "frames of link type {0} cannot be filtered: only Ethernet, Linux cooked, loopback, PPP and raw IP can"
    )]
    LinkType(u16),
}
