//! IEEE 11073 service-oriented device connectivity: what a medical device is made of, what it measures, which alarms it
//! has, and what it is told to do. DPWS 1.1 (metadata), IEEE 11073-10207 (BICEPS: descriptions, states, services),
//! 11073-20701 (bindings), WS-Eventing (subscriptions); SOAP 1.2 over HTTP. WS-Discovery has a module of its own.
//!
//! Recognised by the media type `application/soap+xml` and an action of these standards in the header.
//!
//! The standard asks for TLS on every connection; what is read here is what devices in test beds, in older set-ups and
//! behind gateways send in clear.
//!
//! Ignored: waveforms (their samples are counted by the flow, not told), signatures, localised texts, calibration,
//! extensions.

mod message;
mod reader;

pub use message::{
    Action, Alarm, Component, Event, Header, Location, Model, Patient, Request, System, Value,
};
pub use reader::{Descriptors, Reader};
