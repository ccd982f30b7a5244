//! Rules whose findings are serious, and what silences each: the words of `silent_if` in a form that a test re-executes.
//!
//! An alarm of high severity from a rule that is not listed here stops every build with debug assertions, and
//! `tests/counterfactuals` refuses a rule without a scene in which each of its counterfactuals is applied to the same
//! observations and silences it.

use wardline_model::ServerRole;

/// What would have kept a finding silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterfactual {
    /// The site file had announced work on the devices.
    AnnouncedWork,
    /// The site file had named who acts as a server of this kind.
    NamedAs(ServerRole),
    /// The baseline had shown the same.
    Baseline,
    /// Less of it had been seen, or nothing.
    Less,
    /// What was seen had been otherwise, in the way that the words name.
    Otherwise,
}

/// A rule whose findings may be of high or critical severity.
#[derive(Clone, Copy, Debug)]
pub struct SeriousRule {
    /// Its name, the `detector` of findings.
    pub name: &'static str,
    /// Each of them alone silences it.
    pub silenced_by: &'static [Counterfactual],
}

const fn rule(name: &'static str, silenced_by: &'static [Counterfactual]) -> SeriousRule {
    SeriousRule { name, silenced_by }
}

/// All of them, by name.
pub const SERIOUS_RULES: &[SeriousRule] = {
    use Counterfactual::{AnnouncedWork, Baseline, Less, NamedAs, Otherwise};
    use ServerRole::{CentralStation, Management, Router};
    &[
        rule("alarm-lost-on-order", &[AnnouncedWork, NamedAs(CentralStation), NamedAs(Management)]),
        rule("alarms-off-together", &[AnnouncedWork, Less]),
        rule("answers-for-others", &[Less]),
        rule("arp-interception", &[Otherwise]),
        rule("bent-frame", &[Otherwise]),
        rule("changed-machine", &[AnnouncedWork, Otherwise]),
        rule("commanded", &[AnnouncedWork, NamedAs(Management)]),
        rule("connection-flood", &[Less]),
        rule("connections-held", &[Baseline, Less]),
        rule("contradicting-bytes", &[Less]),
        rule("data-leaves", &[Baseline, Otherwise]),
        rule("encryption-given-up", &[Otherwise]),
        rule("files-encrypted", &[Less]),
        rule("foreign-reset", &[Otherwise]),
        rule("frames-in-circles", &[Less]),
        rule("icmp-flood", &[Otherwise]),
        rule("impossible-jump", &[Otherwise]),
        rule("impossible-value", &[Otherwise]),
        rule("indicator", &[Otherwise]),
        rule("kept-settings-deleted", &[AnnouncedWork, Otherwise]),
        rule("leadership-fought-over", &[AnnouncedWork, Less]),
        rule("leases-used-up", &[Less]),
        rule("living-signal-stands-still", &[Less]),
        rule("made-up-stations", &[Less]),
        rule("message-of-a-stranger", &[Otherwise]),
        rule("message-sent-again", &[Otherwise]),
        rule("messages-in-circles", &[Less]),
        rule("name-tunnel", &[Less]),
        rule("neighbor-interception", &[Less]),
        rule("new-leading-router", &[AnnouncedWork, NamedAs(Router)]),
        rule("new-recipient", &[AnnouncedWork, Baseline]),
        rule("new-root-bridge", &[AnnouncedWork]),
        rule("new-router", &[AnnouncedWork, Baseline, NamedAs(Router)]),
        rule("one-identifier-two-contents", &[Otherwise]),
        rule("one-identity-two-places", &[Otherwise]),
        rule("one-radio-address-two-devices", &[Otherwise]),
        rule("packets-in-circles", &[Otherwise]),
        rule("password-guessing", &[Less]),
        rule("patient-swap", &[Otherwise]),
        rule("program-in-message", &[Otherwise]),
        rule("pseudo-sensor", &[Otherwise]),
        rule("redirects", &[Less]),
        rule("results-sent-again", &[Otherwise]),
        rule("second-dhcp-server", &[Otherwise]),
        rule("second-ipv6-router", &[NamedAs(Router)]),
        rule("sequence-of-another", &[AnnouncedWork, Otherwise]),
        rule("service-stopped", &[AnnouncedWork]),
        rule("settings-written", &[AnnouncedWork, NamedAs(Management)]),
        rule("silence", &[AnnouncedWork]),
        rule("sound-without-role", &[Less]),
        rule("syn-flood", &[Less]),
        rule("two-hearts", &[Less]),
        rule("udp-flood", &[Otherwise]),
        rule("watched-from-outside", &[Otherwise]),
    ]
};

/// Whether a rule may raise serious findings.
pub(super) fn is_serious(name: &str) -> bool {
    SERIOUS_RULES.iter().any(|rule| rule.name == name)
}
