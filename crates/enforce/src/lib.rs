//! Enforcement that cannot hurt a patient.
//!
//! A policy becomes one table of the kernel's packet filter. Every rule that drops asks a set whose elements the kernel
//! forgets by itself: the *lease*. A small process, the keeper, renews it. Whoever kills the keeper, stops it, or breaks the
//! rest of Wardline lifts the restrictions, at the latest when the lease ends.
//!
//! - [`compile()`]: policy and quarantine → [`ruleset::Ruleset`], a value;
//! - [`verify()`]: refuses a ruleset that could drop a conversation that a life hangs on;
//! - [`kernel`]: into the kernel, the rules in one transaction, through nft(8);
//! - [`Enforcer`]: apply, confirm, roll back, quarantine, each written into the [`audit`] log;
//! - [`keep()`]: the keeper;
//! - [`radius`]: the second way, by RADIUS to a switch or controller;
//! - [`listen()`]: a socket for programs without rights, such as the console.
#![forbid(unsafe_code)]

pub mod audit;
mod compile;
mod control;
mod enforcer;
mod json;
mod keeper;
pub mod kernel;
mod port;
pub mod quarantine;
pub mod radius;
pub mod ruleset;
mod state;
mod verify;

pub use compile::{RATE_LIMIT_BYTES, Scope, compile};
pub use control::{answer, listen};
pub use enforcer::{Applied, Enforcer, RolledBack, Status};
pub use json::{Buffer, preparation, removal, renewal, replacement};
pub use keeper::{Ended, keep};
pub use port::{HeldPort, PortOrder};
pub use state::{EnforceError, LEASE_MAX_S, LEASE_MIN_S, Pending, State};
pub use verify::{Refusal, verify};
