//! Who may enter, and what each may see.
//!
//! * [`Accounts`]: names, roles, passwords as argon2id, second factors, tokens of programs; a file of the state directory
//!   that only its owner reads.
//! * Sessions live in memory and end by themselves: a restart signs everybody out.
//! * [`permissions`] says for each address of the API which roles may ask. What it does not list, nobody reaches.

mod accounts;
mod doorkeeper;
pub(crate) mod permissions;
mod sessions;

pub use accounts::{Account, AccountError, Accounts, NewToken};
pub(crate) use doorkeeper::{Doorkeeper, Refusal, SignIn};
pub use permissions::Role;

use wardline_model::Label;

/// Whoever asks, once it is known who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub name: String,
    pub role: Role,
    /// The only zone whose devices may be seen; `None` for all.
    pub zone: Option<Label>,
}
