//! The answers in words.

use wardline_model::{
    DeviceRecall, Disclosure, Label, LifecycleAnswer, LifecycleQuestion, LifecycleState, MatchKind,
};

use super::super::components::Held;
use super::disclosed::{answer, is_so};
use super::support::{Lateness, Support};

fn told(
    question: LifecycleQuestion,
    state: LifecycleState,
    answer: impl Into<String>,
    sources: Vec<Label>,
) -> LifecycleAnswer {
    LifecycleAnswer { question, state, answer: answer.into(), sources }
}

/// The statement of a maker as a source.
fn form(disclosure: &Disclosure, question: &str) -> Label {
    let when = disclosure.released.as_ref().map(|day| format!(" of {day}")).unwrap_or_default();
    Label::new(&format!("disclosure statement of {}{when}, {question}", disclosure.vendor))
}

pub(super) fn support_end(support: &Support) -> LifecycleAnswer {
    let question = LifecycleQuestion::SupportEnd;
    let dated: Vec<_> = support.periods.iter().filter_map(|period| Some((period, period.end()?))).collect();
    if dated.is_empty() {
        return told(
            question,
            LifecycleState::Unknown,
            "Nobody said until when it is supported: ask the maker.",
            Vec::new(),
        );
    }
    let mut state = LifecycleState::Good;
    let mut sentences = Vec::new();
    for (period, end) in &dated {
        let over = *end < support.day.as_str();
        let name = &period.name;
        let general =
            period.ends.as_ref().filter(|ends| ends.as_str() != *end && ends.as_str() < support.day.as_str());
        let general = general.map(|ends| format!(" General support ended on {ends}.")).unwrap_or_default();
        sentences.push(match (over, period.sure) {
            (true, true) => format!("Support of {name} ended on {end}: nobody will correct it.{general}"),
            (false, true) => format!("Support of {name} ends on {end}.{general}"),
            (true, false) => format!("Support of {name} may have ended on {end}; which edition or version this is must be looked at."),
            (false, false) => format!("Support of {name} ends on {end} at the latest; which edition or version this is must be looked at."),
        });
        state = match (over, period.sure) {
            (true, true) => LifecycleState::Bad,
            (_, false) if state == LifecycleState::Good => LifecycleState::Doubtful,
            _ => state,
        };
    }
    told(
        question,
        state,
        sentences.join(" "),
        dated.iter().map(|(period, _)| period.source.clone()).collect(),
    )
}

pub(super) fn security_updates(support: &Support, disclosure: Option<&Disclosure>) -> LifecycleAnswer {
    let question = LifecycleQuestion::SecurityUpdates;
    if support.is_over() {
        let sources = support.periods.iter().map(|period| period.source.clone()).collect();
        return told(question, LifecycleState::Bad, "None are to be expected: support has ended.", sources);
    }
    if let Some(disclosure) = disclosure {
        let property = if disclosure.edition == 2013 {
            "owner may install corrections of the operating system"
        } else {
            "maker reviews updates in a cycle"
        };
        let source = |property: &str| {
            answer(disclosure, property).map(|(id, _)| form(disclosure, id)).into_iter().collect()
        };
        match (disclosure.edition, is_so(disclosure, property)) {
            (2013, Some(true)) => {
                return told(
                    question,
                    LifecycleState::Good,
                    "Corrections of its operating system can be applied as they come.",
                    source(property),
                );
            }
            (2013, Some(false)) => {
                return told(
                    question,
                    LifecycleState::Bad,
                    "Corrections of its operating system cannot be applied as they come: they wait for the maker.",
                    source(property),
                );
            }
            (_, Some(true)) => {
                return told(
                    question,
                    LifecycleState::Good,
                    "The maker reviews and releases updates in a cycle.",
                    source(property),
                );
            }
            (_, Some(false)) => {
                return told(
                    question,
                    LifecycleState::Bad,
                    "The maker promises no cycle of updates: ask him what he does when a vulnerability is found.",
                    source(property),
                );
            }
            (_, None) => {}
        }
        if is_so(disclosure, "maker tells when updates are approved") == Some(true) {
            let property = "maker tells when updates are approved";
            return told(
                question,
                LifecycleState::Good,
                "The maker tells when updates are approved for it.",
                source(property),
            );
        }
    }
    let until =
        support.periods.iter().filter(|period| period.sure).find_map(|period| Some((period, period.end()?)));
    match until {
        Some((period, end)) => told(
            question,
            LifecycleState::Good,
            format!("Security corrections of {} are promised until {end}.", period.name),
            vec![period.source.clone()],
        ),
        None => told(
            question,
            LifecycleState::Unknown,
            "Nobody said whether security updates are promised: ask the maker for his disclosure statement (MDS2).",
            Vec::new(),
        ),
    }
}

pub(super) fn update_lateness(late: &Lateness) -> LifecycleAnswer {
    let question = LifecycleQuestion::UpdateLateness;
    let (mut sentences, mut sources) = (Vec::new(), Vec::new());
    if let Some((days, version, source)) = &late.newer {
        sentences.push(format!("Version {version} has been out for {days} days and is not installed."));
        sources.push(source.clone());
    }
    if let Some((days, advisory)) = &late.oldest {
        sentences.push(format!("A correction has been offered for {days} days and is not installed."));
        sources.push(advisory.clone());
    }
    match (sentences.is_empty(), &late.newest) {
        (false, _) => told(question, LifecycleState::Bad, sentences.join(" "), sources),
        (true, Some(source)) => told(
            question,
            LifecycleState::Good,
            "It has the newest version of its line.",
            vec![source.clone()],
        ),
        (true, None) => told(
            question,
            LifecycleState::Unknown,
            "Which version is the newest is not known, and no advisory with a correction surely names its version.",
            Vec::new(),
        ),
    }
}

pub(super) fn recalls(recalls: &[DeviceRecall], any_kept: bool) -> LifecycleAnswer {
    let question = LifecycleQuestion::Recalls;
    let open: Vec<_> = recalls.iter().filter(|recall| recall.ended.is_none()).collect();
    let sure = open.iter().filter(|recall| recall.matched.kind != MatchKind::Possible).count();
    let sources: Vec<Label> = open.iter().map(|recall| recall.number.clone()).collect();
    let ended = recalls.len() - open.len();
    match (sure, open.len()) {
        (0, 0) if !any_kept => told(
            question,
            LifecycleState::Unknown,
            "No recalls are kept here; fetch them with `wardline feeds update`.",
            Vec::new(),
        ),
        (0, 0) => {
            let past = if ended > 0 { format!(" {ended} have ended.") } else { String::new() };
            told(question, LifecycleState::Good, format!("No open recall names it.{past}"), Vec::new())
        }
        (0, possible) => told(
            question,
            LifecycleState::Doubtful,
            format!("{possible} open recalls name its model: compare lots, serial numbers and versions."),
            sources,
        ),
        (sure, all) => told(
            question,
            LifecycleState::Bad,
            format!("{sure} open recalls name it, {} more may: do what they ask.", all - sure),
            sources,
        ),
    }
}

pub(super) fn bill_of_materials(held: Option<Held>, disclosure: Option<&Disclosure>) -> LifecycleAnswer {
    let question = LifecycleQuestion::BillOfMaterials;
    match held {
        Some(Held { parts, sure: true }) => {
            return told(
                question,
                LifecycleState::Good,
                format!("Its bill of materials is here: {parts} parts."),
                Vec::new(),
            );
        }
        Some(Held { parts, sure: false }) => {
            return told(
                question,
                LifecycleState::Doubtful,
                format!(
                    "A bill of materials of its model is here ({parts} parts), but of which version this device is is not known."
                ),
                Vec::new(),
            );
        }
        None => {}
    }
    let property = "bill of materials is available";
    let disclosed = disclosure.and_then(|form| Some((form, is_so(form, property)?)));
    match disclosed {
        Some((disclosure, available)) => {
            let sources =
                answer(disclosure, property).map(|(id, _)| form(disclosure, id)).into_iter().collect();
            let words = if available {
                "Its maker says that there is one, and it is missing here: ask for it and import it."
            } else {
                "Its maker has none to give, so nobody can tell which vulnerable parts it holds."
            };
            told(question, LifecycleState::Bad, words, sources)
        }
        None => told(
            question,
            LifecycleState::Unknown,
            "Missing: what it is made of is not known. Ask the maker for a bill of materials (CycloneDX or SPDX).",
            Vec::new(),
        ),
    }
}
