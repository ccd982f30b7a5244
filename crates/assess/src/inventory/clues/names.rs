//! What names tell: DNS and its relatives, NTLM, WS-Discovery.

use std::net::IpAddr;

use wardline_model::fact::{DnsData, DnsFact, NtlmFact, WsDiscoveryFact};
use wardline_model::{DeviceField, Label, Protocol};

use super::{CHOSEN, HEARSAY, Notes};
use crate::knowledge::ClueSource;

impl Notes<'_> {
    pub(super) fn dns(&mut self, dns: &DnsFact) {
        if dns.response && dns.protocol == Protocol::Dns {
            self.role(true, Protocol::Dns, "dns.flags.response", "dns server");
        }
        if !dns.response && dns.protocol == Protocol::Dns {
            self.asked_for_names();
            for question in &dns.questions {
                self.service(self.from(), Protocol::Dns, "dns.qry.name", &question.name);
            }
        }
        for answer in &dns.answers {
            match (&answer.data, dns.protocol) {
                // Names that a station gives itself: only for its own address.
                (DnsData::Address(ip), Protocol::Mdns | Protocol::Llmnr | Protocol::Nbns)
                    if self.observation.from.ip == Some(*ip) =>
                {
                    self.own_name(dns.protocol, &answer.name);
                }
                (DnsData::Address(ip), Protocol::Dns) => self.name_of(*ip, &answer.name),
                (DnsData::Name(name), Protocol::Mdns) if answer.record_type == 12 => {
                    self.clue_from(Protocol::Mdns, "dns.ptr", ClueSource::MdnsService, Some(&answer.name));
                    self.clue_from(Protocol::Mdns, "dns.ptr.domain_name", ClueSource::MdnsName, Some(name));
                }
                (DnsData::Text(texts), Protocol::Mdns) => {
                    for text in texts {
                        self.clue_from(Protocol::Mdns, "dns.txt", ClueSource::MdnsName, Some(text));
                    }
                }
                _ => {}
            }
        }
    }

    fn own_name(&mut self, protocol: Protocol, name: &Label) {
        let short = Label::new(name.as_str().trim_end_matches('.').trim_end_matches(".local"));
        let key = self.from();
        self.read(key, DeviceField::Hostname, Some(&short), CHOSEN, (protocol, "dns.a"));
        let source = if protocol == Protocol::Mdns { ClueSource::MdnsName } else { ClueSource::DnsName };
        self.clue(key, protocol, "dns.a", source, Some(&short));
    }

    /// What a name server says about one of our devices. It may stand for many, so it weighs little.
    fn name_of(&mut self, ip: IpAddr, name: &Label) {
        let key =
            self.inventory.key_of_address(ip, None).filter(|key| self.inventory.entities.contains_key(key));
        let name = Label::new(name.as_str().trim_end_matches('.'));
        self.read(key, DeviceField::Hostname, Some(&name), HEARSAY, (Protocol::Dns, "dns.a"));
        self.clue(key, Protocol::Dns, "dns.a", ClueSource::DnsName, Some(&name));
    }

    pub(super) fn ntlm(&mut self, ntlm: &NtlmFact) {
        let key = self.from();
        self.read(
            key,
            DeviceField::Hostname,
            ntlm.computer.as_ref(),
            CHOSEN,
            (Protocol::Ntlm, "ntlmssp.computer"),
        );
        self.read(
            key,
            DeviceField::Hostname,
            ntlm.dns_computer.as_ref(),
            CHOSEN,
            (Protocol::Ntlm, "ntlmssp.dns_computer"),
        );
        let version =
            ntlm.version.map(|(major, minor, build)| Label::new(&format!("{major}.{minor}.{build}")));
        self.clue(key, Protocol::Ntlm, "ntlmssp.version", ClueSource::NtlmVersion, version.as_ref());
    }

    pub(super) fn ws_discovery(&mut self, discovery: &WsDiscoveryFact) {
        use wardline_model::fact::WsDiscoveryKind::{Hello, ProbeMatches, ResolveMatches};
        if !matches!(discovery.kind, Hello | ProbeMatches | ResolveMatches) {
            return;
        }
        for name in &discovery.types {
            self.clue_from(Protocol::WsDiscovery, "Types", ClueSource::WsDiscoveryType, Some(name));
        }
        for scope in &discovery.scopes {
            self.clue_from(Protocol::WsDiscovery, "Scopes", ClueSource::WsDiscoveryScope, Some(scope));
        }
    }
}
