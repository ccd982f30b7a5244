//! Filters in the language of pcap-filter(7), as tcpdump takes them, compiled here to classic BPF.
//!
//! A filter gives the same verdict on each frame as libpcap's compiler, with these differences:
//! - Host and network names are refused: nothing is looked up. Service and protocol names are built in, so a
//!   filter means the same on every machine. Words that can only be a name need no backslash (`ip proto tcp`),
//!   and a network may be short (`net 10/8`).
//! - A protocol number that no packet can have is refused, where libpcap compiles it to nothing.
//! - `ip broadcast` tests for 255.255.255.255 and 0.0.0.0, as tcpdump does on a file: a mirror port knows no mask.
//! - Protocols on 802.2 (`stp`, `iso`, `ipx`, ...) are found in Linux cooked v2 frames too, where libpcap compares
//!   them with EtherTypes.
//! - libpcap's optimiser drops loads whose result does not matter; here they stay, so that a frame cut short
//!   before such a byte is refused, as by `tcpdump -O`.
//! - On BSD loopback frames (link type 0 and 108) the address family of IPv6 on Linux counts beside those of the
//!   BSDs and macOS, and either byte order; libpcap goes by the byte order of the file.
//! - Left out, with an error that says so: `gateway`, `protochain`, `byte`, `geneve`, `llc`, 802.11 terms,
//!   and link types other than Ethernet, Linux cooked, loopback, PPP and raw IP.
//!
//! VLAN tags, live: the kernel takes the outermost tag out of a frame before filters see it, and the ring puts
//! it back. `vlan` finds the tag in either place. Every other test sees the frame without its outermost tag, so
//! live `tcp port 80` matches tagged frames too, as it does with libpcap, while in a file (as with libpcap) it
//! takes `vlan and tcp port 80`.

mod calculation;
mod condition;
mod emitter;
mod error;
mod layers;
mod lexer;
mod names;
mod parser;
mod program;
mod resolver;
mod syntax;
#[cfg(test)]
mod tests;

pub use error::{FilterError, FilterFault};
pub use program::{Instruction, Program};

use self::condition::{Condition, Width};
use self::program::{INSTRUCTIONS_MAX, KERNEL_INSTRUCTIONS_MAX};
use self::resolver::{Resolver, Vantage};
use self::syntax::{Expression, Primitive};
use crate::frame::Frame;

/// A filter, parsed once and compiled for each link type that it meets.
#[derive(Clone, Debug)]
pub struct Filter {
    /// `None` lets everything through.
    expression: Option<Expression>,
    compiled: Vec<(u16, Result<Program, FilterError>)>,
}

impl Filter {
    /// Reads a filter. An empty text lets every frame through.
    ///
    /// # Errors
    /// Where the text is not in the language, with the column.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = parser::Parser::new(lexer::tokens(text)?).parse()?;
        let filter = Self { expression, compiled: Vec::new() };
        filter.check()?;
        Ok(filter)
    }

    /// What is wrong on every link type is said at once, not at the first frame.
    fn check(&self) -> Result<(), FilterError> {
        use crate::link_type::{ETHERNET, LINUX_SLL, RAW};
        let mut result = Ok(());
        for link_type in [RAW, LINUX_SLL, ETHERNET] {
            result = self.compile(link_type).map(|_| ());
            if result.is_ok() {
                return Ok(());
            }
        }
        // `inbound` and `outbound` are there live.
        self.compile_live(ETHERNET).map(|_| ()).or(result)
    }

    /// The program for frames of `link_type` as files have them.
    ///
    /// # Errors
    /// When the filter tests what this link type does not have.
    pub fn compile(&self, link_type: u16) -> Result<Program, FilterError> {
        let condition = self.condition(link_type, Vantage::Captured)?;
        emitter::program(&condition, INSTRUCTIONS_MAX).map_err(at_start)
    }

    /// The program for the kernel to run on an interface of `link_type`, where the outermost VLAN tag is
    /// beside the frame (see the module's description).
    ///
    /// # Errors
    /// When the filter tests what this link type does not have, or is longer than the kernel accepts.
    pub fn compile_live(&self, link_type: u16) -> Result<Program, FilterError> {
        let absent = self.condition(link_type, Vantage::Kernel { tag_beside_frame: false })?;
        if !self.expression.as_ref().is_some_and(tests_vlan) {
            return emitter::program(&absent, KERNEL_INSTRUCTIONS_MAX).map_err(at_start);
        }
        let present = self.condition(link_type, Vantage::Kernel { tag_beside_frame: true })?;
        let presence = Condition::equal(layers::ANCILLARY_VLAN_PRESENT, Width::Byte, 1);
        emitter::choice(&presence, &present, &absent, KERNEL_INSTRUCTIONS_MAX).map_err(at_start)
    }

    /// Whether the filter lets a frame of a file through. Compiles at the first frame of each link type.
    ///
    /// # Errors
    /// When the filter tests what this frame's link type does not have.
    pub fn matches(&mut self, frame: &Frame<'_>) -> Result<bool, FilterError> {
        if self.expression.is_none() {
            return Ok(true);
        }
        let position = match self.compiled.iter().position(|(known, _)| *known == frame.link_type) {
            Some(position) => position,
            None => {
                self.compiled.push((frame.link_type, self.compile(frame.link_type)));
                self.compiled.len() - 1
            }
        };
        match self.compiled.get(position) {
            Some((_, Ok(program))) => Ok(program.matches(frame.captured, frame.original_length)),
            Some((_, Err(error))) => Err(error.clone()),
            None => Ok(false),
        }
    }

    fn condition(&self, link_type: u16, vantage: Vantage) -> Result<Condition, FilterError> {
        let Some(expression) = &self.expression else { return Ok(Condition::Constant(true)) };
        Resolver::new(link_type, vantage).map_err(at_start)?.expression(expression)
    }
}

fn at_start(fault: FilterFault) -> FilterError {
    FilterError { column: 1, fault }
}

fn tests_vlan(expression: &Expression) -> bool {
    match expression {
        Expression::Joined(first, rest) => {
            tests_vlan(first) || rest.iter().any(|(_, expression)| tests_vlan(expression))
        }
        Expression::Not(inner) => tests_vlan(inner),
        Expression::Primitive(primitive) => matches!(primitive.value, Primitive::Vlan(_)),
    }
}
