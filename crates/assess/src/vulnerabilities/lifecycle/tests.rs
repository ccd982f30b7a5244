use std::collections::BTreeSet;

use wardline_model::{
    AdvisedVulnerability, Advisory, BillOfMaterials, Component, Criticality, Disclosed, DisclosedAnswer,
    LifecycleQuestion, LifecycleState, MatchKind, ProductStatement, ProductStatus, Remedy, RemedyKind,
    Timestamp,
};

use super::*;
use crate::Advisories;

fn device(model: &str, firmware: Option<&str>, os: Option<&str>) -> Device {
    Device {
        id: DeviceId::from(format!("d-{model}").as_str()),
        macs: vec![],
        ips: vec![],
        hostnames: vec![],
        vendor: Some(Label::new("Example Medical")),
        model: Some(Label::new(model)),
        category: Category::InfusionPump,
        os: os.map(Label::new),
        firmware: firmware.map(Label::new),
        serial: Some(Label::new("SN-4711")),
        protocols: BTreeSet::new(),
        role: vec![],
        zone: None,
        criticality: Some(Criticality::Therapy),
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        confidence: 0.9,
        evidence: vec![],
        mismatches: vec![],
    }
}

fn form(edition: u16, answers: &[(&str, Disclosed, &str)]) -> Disclosure {
    Disclosure {
        vendor: Label::new("Example Medical"),
        product: Label::new("Pump 700"),
        edition,
        released: Some(Label::new("2024-02-03")),
        answers: answers
            .iter()
            .map(|(id, said, note)| {
                let note = Some(Label::new(note)).filter(|note| !note.is_empty());
                (Label::new(id), DisclosedAnswer { said: *said, note })
            })
            .collect(),
    }
}

fn recall(number: &str, class: Option<u8>, product: &str, codes: &str, ended: Option<&str>) -> Recall {
    Recall {
        number: Label::new(number),
        class,
        firm: Label::new("Example Medical, Inc."),
        product: product.to_owned(),
        codes: codes.to_owned(),
        reason: Label::new("May stop."),
        product_code: Some(Label::new("FRN")),
        begun: Label::new("2024-01-31"),
        ended: ended.map(Label::new),
    }
}

fn period(vendor: &str, product: &str, cycle: &str, ends: &str, latest: &str) -> SupportPeriod {
    SupportPeriod {
        vendor: Label::new(vendor),
        products: vec![Label::new(product)],
        cycle: Label::new(cycle),
        ends: Some(Label::new(ends)),
        security_ends: None,
        latest: Some(Label::new(latest)).filter(|latest| !latest.is_empty()),
        latest_released: Some(Label::new("2025-01-01")),
        source: Label::new("a table"),
    }
}

fn of(products: Products, device: &Device) -> Lifecycle {
    let advisories = Advisories::new(vec![], vec![], vec![], vec![]).with_products(products, "2026-01-31");
    advisories.lifecycles(std::slice::from_ref(device), &[]).remove(0)
}

fn states(lifecycle: &Lifecycle) -> Vec<LifecycleState> {
    lifecycle.answers.iter().map(|answer| answer.state).collect()
}

#[test]
fn where_nobody_says_anything_every_answer_is_unknown() {
    let life = of(Products::default(), &device("Pump 700", Some("2.1"), None));
    assert_eq!(states(&life), [LifecycleState::Unknown; 5]);
    let questions: Vec<_> = life.answers.iter().map(|answer| answer.question).collect();
    assert!(questions.is_sorted() && questions[0] == LifecycleQuestion::SupportEnd);
    assert!(life.support_end.is_none() && life.late_days.is_none());
}

#[test]
fn support_ends_for_the_line_that_a_version_is_of() {
    let support = || {
        vec![
            period("Example Medical", "Pump 700", "2.x", "2025-06-30", "2.9"),
            period("Example Medical", "Pump 700", "3.x", "2028-06-30", "3.0"),
        ]
    };
    let products = || Products::new(vec![], vec![], vec![], support());
    let old = of(products(), &device("Pump 700", Some("2.1"), None));
    assert_eq!(states(&old)[..3], [LifecycleState::Bad; 3]);
    assert_eq!((old.support_end.as_ref().unwrap().as_str(), old.late_days), ("2025-06-30", Some(395)));
    let new = of(products(), &device("Pump 700", Some("3.0"), None));
    assert_eq!(states(&new)[..3], [LifecycleState::Good; 3]);
    // Twenty is not two.
    assert_eq!(states(&of(products(), &device("Pump 700", Some("20.1"), None)))[0], LifecycleState::Unknown);
    let unknown = of(products(), &device("Pump 700", None, None));
    assert_eq!((states(&unknown)[0], unknown.support_end), (LifecycleState::Doubtful, None));
    assert_eq!(states(&of(products(), &device("Pump 800", Some("2.1"), None)))[0], LifecycleState::Unknown);
}

#[test]
fn operating_systems_end_by_feed_and_by_what_is_known_without_one() {
    let xp = of(Products::default(), &device("Pump 700", None, Some("Windows XP")));
    assert_eq!((states(&xp)[0], xp.support_end.unwrap().as_str()), (LifecycleState::Bad, "2014-04-08"));
    // Some editions last longer: a person must look.
    let ten = of(Products::default(), &device("Pump 700", None, Some("Windows 10")));
    assert_eq!(states(&ten)[0], LifecycleState::Doubtful);
    let support = vec![
        period("", "Ubuntu", "22.04", "2027-04-01", ""),
        period("", "Ubuntu", "14.04", "2019-04-25", ""),
    ];
    let old = of(
        Products::new(vec![], vec![], vec![], support),
        &device("Pump 700", None, Some("Ubuntu 14.04 Linux")),
    );
    assert_eq!(old.support_end.unwrap().as_str(), "2019-04-25");
}

#[test]
fn recalls_are_sure_where_their_words_name_the_device() {
    let recalls = vec![
        recall("Z-1", Some(2), "Pump 700 infusion pump", "Lot 1234", None),
        recall("Z-2", None, "Pump 700 infusion pump", "software versions 2.0, 2.1 and 2.2.", None),
        recall("Z-2", Some(1), "Pump 700 infusion pump", "software versions 2.0, 2.1 and 2.2.", None),
        recall("Z-3", Some(1), "Pump 700", "all lots", Some("2024-12-31")),
        recall("Z-4", Some(1), "Pump 800", "all lots", None),
    ];
    let class = DeviceClass {
        code: Label::new("FRN"),
        name: Label::new("Pump, infusion"),
        class: Some(2),
        life_sustaining: false,
    };
    let products = || Products::new(vec![], recalls.clone(), vec![class.clone()], vec![]);
    let named = of(products(), &device("Pump 700", Some("2.1"), None));
    let told: Vec<_> =
        named.recalls.iter().map(|one| (one.number.as_str(), one.class, one.matched.kind)).collect();
    assert_eq!(
        told,
        [
            ("Z-2", Some(1), MatchKind::Exact),
            ("Z-1", Some(2), MatchKind::Possible),
            ("Z-3", Some(1), MatchKind::Product),
        ]
    );
    assert_eq!(states(&named)[3], LifecycleState::Bad);
    assert_eq!(named.classes, std::slice::from_ref(&class));
    let other = of(products(), &device("Pump 700", Some("3.0"), None));
    assert_eq!(states(&other)[3], LifecycleState::Doubtful);
    assert_eq!(states(&of(products(), &device("Pump 900", None, None)))[3], LifecycleState::Good);
}

#[test]
fn a_maker_s_form_answers_for_updates_and_bills() {
    use Disclosed::{No, NotApplicable, SeeNote, Yes};
    let with = |edition, answers: &[(&str, Disclosed, &str)]| {
        of(
            Products::new(vec![form(edition, answers)], vec![], vec![], vec![]),
            &device("Pump 700", Some("2.1"), None),
        )
    };
    let new = with(
        2019,
        &[
            ("CSUP-11.2", Yes, ""),
            ("SBOM-1", No, ""),
            ("MLDP-2", NotApplicable, ""),
            ("CSUP-2", Yes, "Windows XP"),
        ],
    );
    assert_eq!((states(&new)[1], states(&new)[4]), (LifecycleState::Good, LifecycleState::Bad));
    assert!(new.answers[1].sources[0].as_str().contains("2024-02-03, CSUP-11.2"), "{:?}", new.answers[1]);
    // What is disclosed of a model is not seen on a device: its system's end stays doubtful.
    assert_eq!((states(&new)[0], new.support_end.clone()), (LifecycleState::Doubtful, None));
    assert_eq!(new.disclosed.len(), 4);
    let old = with(2013, &[("CSUP-1", No, ""), ("RDMP-2", Yes, "")]);
    assert_eq!((states(&old)[1], states(&old)[4]), (LifecycleState::Bad, LifecycleState::Bad));
    let note = with(2019, &[("CSUP-11.2", SeeNote, "ask us"), ("CSUP-7", Yes, "")]);
    assert_eq!(states(&note)[1], LifecycleState::Good);
}

#[test]
fn lateness_and_bills_come_from_the_queue_and_from_what_is_kept() {
    let advisory = Advisory {
        id: Label::new("ex-1"),
        title: Label::new("t"),
        publisher: Label::new("p"),
        revision: Label::new("1"),
        // 2026-01-01
        released: Some(Timestamp::from_seconds(1_767_225_600)),
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new("CVE-2026-0001"),
            title: None,
            cvss: None,
            products: vec![ProductStatement {
                vendor: Label::new("Example Medical"),
                product: Label::new("Pump 700"),
                versions: "< 2.3".to_owned(),
                status: ProductStatus::Affected,
                justification: None,
            }],
            remedies: vec![Remedy { kind: RemedyKind::Update, text: "Update.".to_owned(), products: vec![] }],
        }],
    };
    let part = |name: &str, version: &str| Component {
        vendor: Label::new("Example Medical"),
        name: Label::new(name),
        version: Some(Label::new(version)),
    };
    let bill =
        BillOfMaterials { product: part("Pump 700", "2.1"), components: vec![part("libexample", "1.0")] };
    let advisories = Advisories::new(vec![advisory], vec![], vec![], vec![])
        .with_bills(vec![bill])
        .with_products(Products::default(), "2026-01-31");
    let devices = [device("Pump 700", Some("2.1"), None)];
    let queue = advisories.queue(&devices, &[]);
    let life = advisories.lifecycles(&devices, &queue).remove(0);
    assert_eq!((life.late_days, states(&life)[2]), (Some(30), LifecycleState::Bad));
    assert_eq!(states(&life)[4], LifecycleState::Good);
}

#[test]
fn what_is_past_support_comes_first_among_equals() {
    let statement = |product: &str| ProductStatement {
        vendor: Label::new("Example Medical"),
        product: Label::new(product),
        versions: "*".to_owned(),
        status: ProductStatus::Affected,
        justification: None,
    };
    let advisory = Advisory {
        id: Label::new("ex-1"),
        title: Label::new("t"),
        publisher: Label::new("p"),
        revision: Label::new("1"),
        released: None,
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new("CVE-2026-0001"),
            title: None,
            cvss: None,
            products: vec![statement("Pump 700"), statement("Pump 600")],
            remedies: vec![],
        }],
    };
    let support = vec![period("Example Medical", "Pump 700", "", "2025-06-30", "")];
    let advisories = Advisories::new(vec![advisory], vec![], vec![], vec![])
        .with_products(Products::new(vec![], vec![], vec![], support), "2026-01-31");
    let queue = advisories.queue(&[device("Pump 600", None, None), device("Pump 700", None, None)], &[]);
    let first = queue.first().unwrap();
    // The version is not known, but every line of the product has ended.
    assert_eq!((first.device.to_string().as_str(), first.basis.unsupported), ("d-Pump 700", true));
    assert!(first.why.iter().any(|why| why.starts_with("Support has ended")));
    assert!(!queue[1].basis.unsupported);
}

#[test]
fn days_are_counted_as_calendars_do() {
    assert_eq!(days("1970-01-01"), Some(0));
    assert_eq!(days("2000-03-01"), Some(11_017));
    assert_eq!(days("2026-01-31").zip(days("2025-12-31")).map(|(one, other)| one - other), Some(31));
    assert_eq!(days("2024-03-01").zip(days("2024-02-28")).map(|(one, other)| one - other), Some(2));
    assert_eq!((days("2026-13-01"), days("soon"), days("")), (None, None, None));
}
