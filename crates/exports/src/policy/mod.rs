//! A segmentation policy as the rules of a firewall, a switch, a cluster, or a device's own description.
//!
//! Renderings only write text; nothing here enforces anything. Give them only what
//! [`wardline_model::Policy::check`] accepted: names and numbers then need no escaping.
//!
//! Some cannot say everything. What they cannot say they deny, and tell: [`Rendered::unsaid`]. A protected conversation
//! that cannot be said is an error, not a denial.

mod aruba;
mod cisco;
mod dacl;
mod fortios;
mod kubernetes;
mod mud;
mod nftables;
mod ordered;
mod paloalto;

pub use aruba::aruba;
pub use cisco::cisco;
pub use dacl::dacl;
pub use fortios::fortios;
pub use kubernetes::kubernetes;
pub use mud::mud;
pub use nftables::nftables;
pub use paloalto::paloalto;

use thiserror::Error;
use wardline_model::{Policy, Transport};

/// A rendering for a back end that cannot say everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What of the policy is denied because the back end has no words for it, a line each.
    pub unsaid: Vec<String>,
}

/// Why a policy is not rendered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// A life hangs on something that the back end has no words for.
    #[error(
        "{back_end} cannot say the protected conversation {conversation}: enforce this policy with another back end"
    )]
    Protected {
        /// Which back end.
        back_end: &'static str,
        /// Ends, transport and ports.
        conversation: String,
    },
    /// The policy has no such group.
    #[error("the policy has no group '{0}'")]
    Group(String),
}

/// Looks for what a back end cannot say.
fn unsaid(
    policy: &Policy,
    back_end: &'static str,
    can_say: impl Fn(Transport) -> bool,
) -> Result<Vec<String>, RenderError> {
    if let Some(one) = policy.protected.iter().find(|one| !can_say(one.transport)) {
        let conversation = format!("{} > {} {}", one.from, one.to, one.transport);
        return Err(RenderError::Protected { back_end, conversation });
    }
    let rules = policy.rules.iter().filter(|rule| !can_say(rule.transport));
    Ok(rules.map(|rule| format!("{} > {} {}", rule.from, rule.to, rule.transport)).collect())
}
