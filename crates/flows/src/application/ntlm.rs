//! NTLM inside whatever carries it: SMB, HTTP, RPC.

use wardline_model::fact::{CredentialFact, CredentialKind, NtlmFact};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::Sensitive;
use wardline_wire::enterprise::ntlm;

use super::Context;
use super::names::from_utf16;

/// Tells what the first NTLM message inside `token` says, if there is one.
pub(super) fn tell(token: &[u8], carrier: Protocol, context: &mut Context<'_>) {
    let Some(message) = ntlm::find(token).and_then(|bytes| ntlm::parse(bytes).ok()) else { return };
    let text = |bytes: &[u8]| {
        let label = if message.unicode { Label::new(&from_utf16(bytes)) } else { Label::from_bytes(bytes) };
        Some(label).filter(|label| !label.is_empty())
    };
    // The same account has the same pseudonym, whether it was typed in capitals or not.
    let account = message.account.map(|name| {
        if message.unicode { from_utf16(name) } else { String::from_utf8_lossy(name).into_owned() }
    });
    let account = Some(account.expose().to_lowercase())
        .filter(|name| !name.is_empty())
        .map(|name| context.pseudonym(Subject::Account, Sensitive::new(name.as_bytes())));
    context.tell(Fact::Ntlm(Box::new(NtlmFact {
        message: message.kind,
        domain: text(message.domain),
        computer: text(message.computer),
        dns_computer: text(message.dns_computer),
        account,
        version: message.version,
    })));
    if message.kind == 3 && message.has_response && account.is_some() {
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: carrier,
            kind: CredentialKind::ChallengeResponse,
            field: Label::new("ntlmssp.auth.ntresponse"),
            account,
            secret: None,
        })));
    }
}
