//! Many sensors to one mind.
//!
//! A *sensor* listens at one place of a site and tells what it saw as [`Parcel`]s of observations. The *site* reads the
//! parcels of all its sensors, puts their observations in the order of capture time ([`Merge`]), draws conclusions and
//! stores them. Between them is a durable stream of NATS JetStream.
//!
//! # Guarantees
//!
//! * A parcel lies on the sensor's disk, synced, before it is sent, and stays there until the site says that what follows
//!   from it is stored. Neither a broken link nor a broker that forgets what it acknowledged loses anything.
//! * Parcels of a sensor are numbered; the site takes each once and in order, however often it arrives.
//! * A full spool gives up observations, never counts: what was given up is told with the next parcel.
//! * A sensor has a certificate of its own, and the broker lets it speak under its own name only ([`access`]).
//! * No payload and no patient is in a parcel: observations hold pseudonyms under the site's key.
#![forbid(unsafe_code)]

pub mod access;
mod clock;
mod error;
mod link;
mod merge;
mod parcel;
mod sensor;
mod site;
mod spool;

pub use clock::ClockComparison;
pub use error::BusError;
pub use link::{Link, Names, check_name};
pub use merge::{Counters as MergeCounters, Merge, Merged};
pub use parcel::{Counted, Parcel};
pub use sensor::{Sensor, SensorHealth};
pub use site::{FromSensor, Site, Wanted};
pub use spool::{Spool, SpoolLimits};
