//! MITRE's "Rubric for Applying CVSS to Medical Devices" (version 0.12.04, qualified by FDA as a Medical Device Development
//! Tool in October 2020), for CVSS 3.0: its questions about impact.
//!
//! The rubric asks, for confidentiality, integrity and availability, how much of each of six things may be lost: personal data
//! (XCP, XIP, XAP), diagnosis or monitoring (XCD, ...), therapy (XCT, ...), clinical workflow (XCW, ...), secrets of the system
//! (XCS, ...), anything else (XCO, ...). The worst answer is the impact. What a device does is known here, so the first five are
//! answered by it; how an attack comes in (the questions XAV, XAC, XPR, XUI and XS) its publisher knows better, and his answer
//! stands. An impact is never made less than he says.

use wardline_model::{Category, Criticality, CvssScore, Label, RubricScore};

/// How much is lost, in CVSS's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    None,
    Low,
    High,
}

impl Loss {
    const fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Low => 'L',
            Self::High => 'H',
        }
    }
}

/// What a device holds and does, as far as the rubric asks for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    /// It holds personal data.
    pub personal: bool,
    /// Of many patients.
    pub of_many: bool,
    pub diagnosis: bool,
    pub therapy: bool,
}

impl Function {
    /// By what a device is; `disclosed` is whether its maker says that it holds personal data. `None` where it is no medical
    /// device, so that the rubric does not apply.
    pub(super) fn of(
        category: Category,
        criticality: Option<Criticality>,
        disclosed: Option<bool>,
    ) -> Option<Self> {
        if !category.is_medical() {
            return None;
        }
        let of_many = matches!(
            category,
            Category::Pacs
                | Category::Ehr
                | Category::IntegrationEngine
                | Category::TelemetryGateway
                | Category::RadiologyWorkstation
                | Category::LabAnalyzer
                | Category::MedicationCabinet
        );
        Some(Self {
            personal: disclosed.unwrap_or(true),
            of_many,
            diagnosis: matches!(criticality, Some(Criticality::Diagnostic | Criticality::Monitoring)),
            therapy: matches!(criticality, Some(Criticality::Therapy | Criticality::LifeSustaining)),
        })
    }
}

/// The answers about one property: question, how much, and why it is more than what was published.
fn answers(property: char, published: Loss, function: Function) -> Vec<(String, Loss, Option<&'static str>)> {
    let question = |of: char| format!("X{property}{of}");
    let raised =
        |to: Loss, why: &'static str| if to > published { (to, Some(why)) } else { (published, None) };
    let mut all = Vec::new();
    if function.personal {
        let (loss, why) = match property {
            'C' if function.of_many => {
                raised(Loss::High, "it holds data of many patients, so that what is read is not of one alone")
            }
            _ => (published, None),
        };
        all.push((question('P'), loss, why));
    }
    if function.diagnosis {
        let (loss, why) = match property {
            'I' => raised(Loss::High, "a value that was changed on it may lead to a wrong treatment"),
            _ => (published, None),
        };
        all.push((question('D'), loss, why));
    }
    if function.therapy {
        let (loss, why) = match property {
            'I' => raised(Loss::High, "it treats, and what is changed on it may harm a patient"),
            'A' => raised(Loss::High, "it treats, and a patient may be harmed when it stops"),
            _ => (published, None),
        };
        all.push((question('T'), loss, why));
    }
    all.push((question('W'), published, None));
    all.push((question('S'), published, None));
    all
}

/// The score of a published vector of CVSS 3.0 or 3.1 for a device that does this. `score` computes one from a vector.
pub(super) fn adjust(
    cvss: &CvssScore,
    function: Function,
    score: fn(&str) -> Option<f64>,
) -> Option<RubricScore> {
    let metrics = cvss
        .vector
        .as_str()
        .strip_prefix("CVSS:3.0/")
        .or_else(|| cvss.vector.as_str().strip_prefix("CVSS:3.1/"))?;
    let (mut base, mut extended, mut reasons) = (String::from("CVSS:3.0"), String::new(), Vec::new());
    for metric in metrics.split('/') {
        let (name, value) = metric.split_once(':')?;
        let property = match name {
            "C" | "I" | "A" => name.chars().next()?,
            "AV" | "AC" | "PR" | "UI" | "S" => {
                base.push_str(&format!("/{metric}"));
                continue;
            }
            // Times and places change no base score.
            _ => continue,
        };
        let published = match value {
            "N" => Loss::None,
            "L" => Loss::Low,
            "H" => Loss::High,
            _ => return None,
        };
        let mut worst = published;
        if published > Loss::None {
            for (question, loss, why) in answers(property, published, function) {
                extended.push_str(&format!("/{question}:{}", loss.letter()));
                if loss > worst {
                    worst = loss;
                    reasons.extend(why.map(|why| format!("{question}: {why}")));
                }
            }
        }
        base.push_str(&format!("/{name}:{}", worst.letter()));
    }
    let score = score(&base)?;
    Some(RubricScore { vector: Label::new(&format!("{base}{extended}")), score: score as f32, reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cvss(vector: &str) -> CvssScore {
        CvssScore { version: Label::new("3.1"), vector: Label::new(vector), score: 5.3 }
    }

    /// Counts impacts instead of computing: higher is worse.
    fn count(vector: &str) -> Option<f64> {
        Some(vector.matches(":H").count() as f64)
    }

    fn of(category: Category, criticality: Criticality) -> Function {
        Function::of(category, Some(criticality), None).unwrap()
    }

    #[test]
    fn what_is_changed_on_a_device_that_treats_may_harm() {
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L/E:P";
        let pump = adjust(&cvss(vector), of(Category::InfusionPump, Criticality::Therapy), count).unwrap();
        assert!(
            pump.vector.as_str().starts_with("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:H/A:H/XCP:L"),
            "{}",
            pump.vector
        );
        assert_eq!((pump.score, pump.reasons.len()), (2.0, 2));
        assert!(pump.reasons[0].starts_with("XIT: "));
        let archive = adjust(&cvss(vector), of(Category::Pacs, Criticality::Support), count).unwrap();
        assert!(archive.vector.as_str().contains("/C:H/I:L/A:L/"), "{}", archive.vector);
        let monitor =
            adjust(&cvss(vector), of(Category::PatientMonitor, Criticality::Monitoring), count).unwrap();
        assert!(monitor.vector.as_str().contains("/C:L/I:H/A:L/"), "{}", monitor.vector);
    }

    #[test]
    fn what_is_not_touched_stays_so_and_computers_are_not_asked() {
        let vector = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";
        let pump = adjust(&cvss(vector), of(Category::InfusionPump, Criticality::Therapy), count).unwrap();
        assert!(
            pump.reasons.is_empty() && pump.vector.as_str().contains("/C:N/I:N/A:H/XAP:H"),
            "{}",
            pump.vector
        );
        assert!(Function::of(Category::Workstation, None, None).is_none());
        let four = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N";
        assert_eq!(adjust(&cvss(four), of(Category::Ventilator, Criticality::LifeSustaining), count), None);
    }

    #[test]
    fn no_impact_becomes_less() {
        for c in ["N", "L", "H"] {
            for i in ["N", "L", "H"] {
                for a in ["N", "L", "H"] {
                    let vector = format!("CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:C/C:{c}/I:{i}/A:{a}");
                    for category in Category::ALL.iter().filter(|category| category.is_medical()) {
                        let criticality = crate::inventory::default_criticality(*category);
                        let function = Function::of(*category, criticality, None).unwrap();
                        let here = adjust(&cvss(&vector), function, count).unwrap();
                        let rank = |letter: &str| "NLH".find(letter).unwrap();
                        for (name, before) in [("C", c), ("I", i), ("A", a)] {
                            let vector = here.vector.as_str();
                            let after = vector
                                .split('/')
                                .find_map(|part| part.strip_prefix(&format!("{name}:")))
                                .unwrap();
                            assert!(rank(after) >= rank(before), "{vector}");
                        }
                    }
                }
            }
        }
    }
}
