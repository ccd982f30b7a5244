//! What the servers that a device asks for tell of it: makers name theirs.

use wardline_model::{DeviceField, Label, Protocol};

use super::Notes;
use crate::inventory::DeviceKey;
use crate::knowledge::{ClueSource, SignatureClaim};

impl Notes<'_> {
    /// Whoever is asked for names asks on behalf of others.
    pub(super) fn asked_for_names(&mut self) {
        if let Some(entity) = self.to().and_then(|key| self.inventory.entities.get_mut(&key)) {
            entity.asks_for_others();
        }
    }

    /// That a device asked for a server by name, or spoke to it.
    pub(super) fn service(
        &mut self,
        client: Option<DeviceKey>,
        protocol: Protocol,
        field: &str,
        name: &Label,
    ) {
        let Some(key) = client else { return };
        // A wildcard of a certificate stands for what is below it.
        let text = name.as_str();
        let host = text.strip_prefix("*.").unwrap_or(text).trim_end_matches('.');
        let host = host.split(':').next().unwrap_or_default();
        let whole = host.len() == text.len();
        let host = if whole { name.clone() } else { Label::new(host) };
        let only_devices = self.claims_of(ClueSource::Service, &host);
        let shared = self.claims_of(ClueSource::SharedService, &host);
        if only_devices.is_empty() && shared.is_empty() {
            return;
        }
        if self.inventory.entities.get(&key).is_none_or(|entity| entity.is_asking_for_others()) {
            return;
        }
        let shared = if self.is_built_for(key, &shared) { &*shared } else { &[] };
        for claim in only_devices.iter().chain(shared).cloned() {
            let seen = Some((host.clone(), claim.rule));
            self.claim(key, claim.field, claim.value, claim.confidence, (protocol, field), seen);
        }
    }

    /// Whether the network interface of a device was made by the maker that signatures name, or is a module that anybody
    /// may have built in. A telephone with the maker's program on it is neither.
    fn is_built_for(&self, key: DeviceKey, claims: &[SignatureClaim]) -> bool {
        let DeviceKey::Mac(mac) = key else { return false };
        let knowledge = self.inventory.knowledge;
        let Some(organization) = knowledge.organization(mac) else { return false };
        let maker = claims.iter().find(|claim| claim.field == DeviceField::Vendor).map(|claim| &claim.value);
        knowledge.makes_parts(organization)
            || maker.is_some_and(|maker| knowledge.vendor(organization).as_ref() == Some(maker))
    }
}
