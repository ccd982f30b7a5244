//! IEEE 11073-20601 personal health device communication: an agent (oximeter, scale, meter, pen) tells a manager what it
//! is, what it measures, and how it will say so. IEEE 11073-20601-2019 sections 6 (domain information), 7 (service) and 8
//! (communication), annex A (types), annex F (MDER); device specialisations 11073-10404, -10407, -10408, -10415, -10417.
//!
//! Made for Bluetooth, USB and ZigBee; on a network it comes over TCP as it is, from gateways and simulators, or out of a
//! serial device server.
//!
//! Recognised by an association request or response for 20601, or by a presentation APDU whose three lengths agree, for a
//! stream that began before the capture.
//!
//! A scan report in the fixed format is a row of bytes that only the configuration explains. It is taken from the
//! configuration report, and from the specialisation where the agent announces a standard one.
//!
//! Ignored: readings that are stored and sent in segments, reports of scanners in the grouped format, real-time samples,
//! enumerations, confirmations; encodings other than MDER, which every agent must offer.

mod configuration;
mod message;
mod session;

pub use configuration::specialization;
pub use message::{Association, Command, Device};
pub use session::{Event, Numeric, Session, probe};
