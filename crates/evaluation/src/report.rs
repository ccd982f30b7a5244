//! The results as tables in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wardline_model::Attack;

use crate::run::{Results, Scope};
use crate::statistics::{poisson_upper, proportion_lower};
use crate::trial::Outcome;

/// The tables, with the seeds they come from and the day on which they were made.
pub fn table(results: &Results, scope: &Scope, date: &str, command: &str) -> String {
    let mut text = String::new();
    let hours: f64 = results.outcomes.iter().map(|outcome| outcome.seconds as f64 / 3_600.0).sum();
    let months: f64 = results.peace.iter().map(|peace| peace.device_months).sum();
    let frames: u64 = results.outcomes.iter().map(|outcome| outcome.frames).sum::<u64>()
        + results.peace.iter().map(|peace| peace.frames).sum::<u64>();
    let _ = writeln!(
        text,
        "Made on {date} by `{command}`: {} attacks in {hours:.0} simulated hours, {months:.1} device-months of peace, {frames} frames, seeds from {}.\n",
        results.outcomes.len(),
        scope.first_seed
    );
    attacks(&mut text, results);
    variants(&mut text, results);
    peace(&mut text, results, months);
    text
}

fn by_attack(results: &Results) -> BTreeMap<Attack, Vec<&Outcome>> {
    let mut by: BTreeMap<Attack, Vec<&Outcome>> = BTreeMap::new();
    for outcome in &results.outcomes {
        if let Some(attack) = outcome.variant.attack {
            by.entry(attack).or_default().push(outcome);
        }
    }
    by
}

/// The value below which this share of some numbers lies.
fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(place).copied()
}

fn seconds(outcomes: &[&Outcome], share: f64) -> String {
    let late =
        outcomes.iter().filter_map(|outcome| outcome.found.as_ref()).map(|(_, late)| *late as f64 / 1e9);
    quantile(late.collect(), share).map_or_else(|| "–".to_owned(), |late| format!("{late:.1}"))
}

fn found(outcomes: &[&Outcome]) -> (u32, u32) {
    let count = outcomes.iter().filter(|outcome| outcome.found.is_some()).count();
    (count as u32, outcomes.len() as u32)
}

fn attacks(text: &mut String, results: &Results) {
    text.push_str("| attack (variants that are not stealthy) | found | rate | at least (95 %) | median s | 95th percentile s |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (attack, outcomes) in by_attack(results) {
        let crude: Vec<_> = outcomes.into_iter().filter(|outcome| !outcome.variant.stealthy).collect();
        let (count, of) = found(&crude);
        if of == 0 {
            continue;
        }
        let _ = writeln!(
            text,
            "| {} | {count} of {of} | {:.1} % | {:.1} % | {} | {} |",
            attack.name(),
            100.0 * f64::from(count) / f64::from(of),
            100.0 * proportion_lower(count, of),
            seconds(&crude, 0.5),
            seconds(&crude, 0.95)
        );
    }
    text.push('\n');
}

fn variants(text: &mut String, results: &Results) {
    text.push_str("| attack | variant | found | at least (95 %) | median s | 95th percentile s | by | missed reports (95th percentile) |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (attack, outcomes) in by_attack(results) {
        let mut by: Vec<(&str, Vec<&Outcome>)> = Vec::new();
        for outcome in outcomes {
            match by.iter_mut().find(|(name, _)| *name == outcome.variant.name) {
                Some((_, list)) => list.push(outcome),
                None => by.push((outcome.variant.name, vec![outcome])),
            }
        }
        for (name, outcomes) in by {
            let (count, of) = found(&outcomes);
            let mut rules: BTreeMap<&str, u32> = BTreeMap::new();
            for (rule, _) in outcomes.iter().filter_map(|outcome| outcome.found.as_ref()) {
                *rules.entry(rule).or_default() += 1;
            }
            let rules: Vec<_> = rules.iter().map(|(rule, count)| format!("`{rule}` {count}")).collect();
            let missed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.missed_reports).collect();
            let stealthy = outcomes.iter().any(|outcome| outcome.variant.stealthy);
            let _ = writeln!(
                text,
                "| {} | {name}{} | {count} of {of} | {:.0} % | {} | {} | {} | {} |",
                attack.name(),
                if stealthy { " (stealthy)" } else { "" },
                100.0 * proportion_lower(count, of),
                seconds(&outcomes, 0.5),
                seconds(&outcomes, 0.95),
                rules.join(", "),
                quantile(missed, 0.95).map_or_else(|| "–".to_owned(), |missed| format!("{missed:.1}"))
            );
        }
    }
    text.push('\n');
}

fn peace(text: &mut String, results: &Results, months: f64) {
    let controls: Vec<_> =
        results.outcomes.iter().filter(|outcome| outcome.variant.attack.is_none()).collect();
    let claimed =
        controls.iter().filter(|outcome| !outcome.before.is_empty() || !outcome.beside.is_empty()).count();
    if !controls.is_empty() {
        let _ = writeln!(
            text,
            "Controls (a pure tap, local recording): {claimed} of {} claimed.\n",
            controls.len()
        );
    }
    let early: usize = results.outcomes.iter().map(|outcome| outcome.before.len()).sum();
    let explained = results.outcomes.iter().filter(|outcome| outcome.explained).count();
    let _ = writeln!(
        text,
        "False findings above `low` before an attack began: {early}. Trials in which every serious finding says what would have kept it silent: {explained} of {}.\n",
        results.outcomes.len()
    );
    if months <= 0.0 {
        return;
    }
    let events: u32 = results.peace.iter().map(|peace| peace.claims.len() as u32).sum();
    let _ = writeln!(
        text,
        "Peace: {events} false episodes above `low` in {months:.1} device-months: {:.3} per device-month, at most {:.3} (95 %).\n",
        f64::from(events) / months,
        poisson_upper(events) / months
    );
    text.push_str("| rule | false episodes |\n| --- | --- |\n");
    let mut rules: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for claim in results.peace.iter().flat_map(|peace| &peace.claims) {
        *rules.entry((claim.attack.name(), &claim.detector)).or_default() += 1;
    }
    for ((attack, rule), count) in rules {
        let _ = writeln!(text, "| {attack}: `{rule}` | {count} |");
    }
    let mut disturbances: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, count) in results.peace.iter().flat_map(|peace| &peace.disturbances) {
        *disturbances.entry(name).or_default() += count;
    }
    let list: Vec<_> = disturbances.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(text, "\nDisturbances: {}.", list.join(", "));
}
