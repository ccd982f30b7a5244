//! A protected path for devices that cannot protect themselves.
//!
//! Two boxes, one beside the devices and one beside the servers. Everything between them runs over one mutually
//! authenticated TLS 1.3 connection, in streams of their own ([`link`]). Names and keys come from a small certificate
//! authority ([`authority`]). What runs through is read and held against an allow-list ([`inspect`]);
//! HL7 messages are kept on disk until the far end has them ([`queue`]).
//!
//! - [`Settings`]: what an operator writes; every mistake names its line;
//! - [`device::run`], [`clinic::run`]: the two ends;
//! - [`report`]: what was refused, as findings, without patient data;
//! - [`Counters`]: for Prometheus.
//!
//! This crate does I/O: clock, disk, network and chance are used where they are needed.
#![forbid(unsafe_code)]

pub mod authority;
pub mod clinic;
mod counters;
pub mod device;
mod end;
mod error;
mod files;
pub mod frame;
mod health;
pub mod inspect;
pub mod limits;
pub mod link;
pub mod queue;
mod relay;
pub mod report;
mod settings;
pub mod tls;

pub use counters::Counters;
pub use error::ShieldError;
pub use settings::{Class, Role, Service, Settings, SettingsError};
