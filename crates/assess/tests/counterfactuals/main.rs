//! What a serious finding says would have kept it silent is done to the same observations, and does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod clinical;
mod network;
mod settings;
mod wire;

use wardline_assess::{Counterfactual, SERIOUS_RULES};
use wardline_model::{Finding, MaintenanceWindow, Severity, SiteServer, Timestamp};

use wire::{START_SECONDS, Scene};

/// The scene of a rule.
fn scene_of(rule: &str) -> Option<Scene> {
    clinical::scene_of(rule).or_else(|| network::scene_of(rule)).or_else(|| settings::scene_of(rule))
}

fn serious(findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| finding.severity >= Severity::High)
}

fn announced() -> MaintenanceWindow {
    MaintenanceWindow {
        devices: vec![],
        zones: vec![],
        from: Some(Timestamp::from_seconds(START_SECONDS - 86_400)),
        until: Some(Timestamp::from_seconds(START_SECONDS + 86_400)),
        days: vec![],
        start_minute: None,
        length_minutes: None,
        reason: None,
    }
}

/// The findings of a rule after a counterfactual was applied to its scene.
fn without(scene: &Scene, finding: &Finding, rule: &str, counterfactual: Counterfactual) -> Vec<Finding> {
    let mut changed = scene.clone();
    match counterfactual {
        Counterfactual::AnnouncedWork => changed.site.maintenance.push(announced()),
        Counterfactual::NamedAs(role) => {
            let acts = finding.source.as_ref().or(finding.device.as_ref()).and_then(|party| party.ip);
            let ip = acts.expect("somebody acts who has an address");
            changed.site.servers.push(SiteServer { ip, role });
        }
        Counterfactual::Baseline => {
            let baseline: Vec<_> = scene.before.iter().chain(&scene.attack).cloned().collect();
            return scene.run(&baseline, &scene.attack, rule);
        }
        Counterfactual::Less => {
            changed.attack.truncate(scene.attack.len() / 3);
        }
        Counterfactual::Otherwise => {
            let (before, attack) = scene.otherwise.clone().unwrap_or_else(|| panic!("{rule}: what else?"));
            changed.before = before.unwrap_or(changed.before);
            changed.attack = attack;
        }
    }
    changed.findings(rule)
}

/// Words that name a counterfactual, one of which the text must hold.
fn words(counterfactual: Counterfactual) -> &'static [&'static str] {
    match counterfactual {
        Counterfactual::AnnouncedWork => &["maintenance window", "announced the work"],
        Counterfactual::NamedAs(_) => &["site file"],
        Counterfactual::Baseline => &["baseline", "from the start"],
        Counterfactual::Less => {
            &["fewer", "less", "only", "no sound", "never", "equal", "once", "not come back"]
        }
        Counterfactual::Otherwise => &["had", "were", "was"],
    }
}

#[test]
fn each_serious_rule_is_silenced_by_what_it_says() {
    let mut wrong = Vec::new();
    for rule in SERIOUS_RULES {
        let name = rule.name;
        let Some(scene) = scene_of(name) else {
            wrong.push(format!("{name}: no scene"));
            continue;
        };
        let before = scene.run(&[], &[], name);
        if serious(&before).is_some() {
            wrong.push(format!("{name}: told before the attack"));
        }
        let findings = scene.findings(name);
        let Some(finding) = serious(&findings) else {
            wrong.push(format!("{name}: not told, or softly: {findings:?}"));
            continue;
        };
        if rule.silenced_by.is_empty() {
            wrong.push(format!("{name}: no counterfactual"));
        }
        for counterfactual in rule.silenced_by {
            let left = without(&scene, finding, name, *counterfactual);
            if left.iter().any(|finding| finding.severity > Severity::Low) {
                wrong.push(format!("{name}: {counterfactual:?} does not silence it: {}", left[0].summary));
            }
            if !words(*counterfactual).iter().any(|word| finding.silent_if.contains(word)) {
                wrong.push(format!("{name}: {counterfactual:?} is not in its words: {}", finding.silent_if));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_catalogue_is_in_order_and_names_no_rule_twice() {
    assert!(SERIOUS_RULES.windows(2).all(|pair| pair[0].name < pair[1].name));
}
