//! Which advisory is about which device, and in which order.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use wardline_assess::{Advisories, MatchMemory, Surroundings, rank};
use wardline_model::{
    AdvisedVulnerability, Advisory, BillOfMaterials, Category, Component, Criticality, CvssScore, Device,
    DeviceId, DeviceReference, Edge, Exploitation, ExploitedVulnerability, Exposure, ExposureKind, Label,
    MatchKind, Priority, ProductStatement, ProductStatus, Severity, StakeholderFacts, Timestamp, Transport,
    Vulnerability,
};

fn device(vendor: &str, model: &str, firmware: Option<&str>) -> Device {
    Device {
        id: DeviceId::from(format!("d-{model}").as_str()),
        macs: vec![],
        ips: vec![],
        hostnames: vec![],
        vendor: Some(Label::new(vendor)),
        model: Some(Label::new(model)),
        category: Category::InfusionPump,
        os: None,
        firmware: firmware.map(Label::new),
        serial: None,
        protocols: BTreeSet::new(),
        role: vec![],
        zone: None,
        criticality: Some(Criticality::Therapy),
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        confidence: 0.9,
        evidence: vec![],
        mismatches: Vec::new(),
    }
}

fn statement(vendor: &str, product: &str, versions: &str, status: ProductStatus) -> ProductStatement {
    ProductStatement {
        vendor: Label::new(vendor),
        product: Label::new(product),
        versions: versions.to_owned(),
        status,
        justification: None,
    }
}

fn advisory(id: &str, cve: &str, score: f32, products: Vec<ProductStatement>) -> Advisory {
    Advisory {
        id: Label::new(id),
        title: Label::new("an advisory"),
        publisher: Label::new("a publisher"),
        revision: Label::new("1"),
        released: None,
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new(cve),
            title: None,
            cvss: Some(CvssScore {
                version: Label::new("3.1"),
                vector: Label::new("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"),
                score,
            }),
            products,
            remedies: vec![],
        }],
    }
}

fn queue(advisories: Vec<Advisory>, devices: &[Device]) -> Vec<Vulnerability> {
    Advisories::new(advisories, vec![], vec![], vec![]).queue(devices, [])
}

fn one(vendor: &str, product: &str, versions: &str, device: &Device) -> Option<MatchKind> {
    let advisories = vec![advisory(
        "a",
        "CVE-1",
        7.0,
        vec![statement(vendor, product, versions, ProductStatus::Affected)],
    )];
    queue(advisories, std::slice::from_ref(device)).first().map(|vulnerability| vulnerability.matched.kind)
}

#[test]
fn versions_decide_and_what_is_not_known_is_possible() {
    let pump = |firmware| device("B. Braun", "Infusomat Space", firmware);
    let at =
        |versions: &str, firmware| one("B. Braun Melsungen AG", "Infusomat Space", versions, &pump(firmware));
    assert_eq!(at("<= 2.4", Some("2.4")), Some(MatchKind::Range));
    assert_eq!(at("<= 2.4", Some("2.5")), None);
    assert_eq!(at("2.4", Some("2.4.0")), Some(MatchKind::Exact));
    assert_eq!(at("vers:all/*", None), Some(MatchKind::Product));
    assert_eq!(at("<= 2.4", None), Some(MatchKind::Possible));
    assert_eq!(at("shipped before june 2018", Some("2.4")), Some(MatchKind::Possible));
    assert_eq!(one("B. Braun", "Perfusor Space", "vers:all/*", &pump(None)), Some(MatchKind::Possible));
    assert_eq!(one("Dräger", "Infusomat Space", "vers:all/*", &pump(None)), None, "another maker");
}

#[test]
fn a_former_name_is_the_same_maker() {
    let pump = device("ICU Medical", "Plum A+", Some("13.4"));
    assert_eq!(one("Hospira", "Plum A+ Infusion System", "<= 13.4", &pump), Some(MatchKind::Range));
}

#[test]
fn a_makers_word_that_it_is_fixed_is_respected() {
    let pump = device("Baxter", "Spectrum IQ", Some("9.2"));
    let affected = advisory(
        "a",
        "CVE-1",
        9.0,
        vec![statement("Baxter", "Spectrum IQ", "vers:all/*", ProductStatus::Affected)],
    );
    let fixed =
        advisory("b", "CVE-1", 9.0, vec![statement("Baxter", "Spectrum IQ", "9.2", ProductStatus::Fixed)]);
    assert_eq!(queue(vec![affected.clone()], std::slice::from_ref(&pump)).len(), 1);
    assert!(queue(vec![affected, fixed], &[pump]).is_empty());
}

#[test]
fn what_is_exploited_comes_first_and_says_why() {
    let pumps = [device("Baxter", "Spectrum IQ", Some("9.2")), device("Medtronic", "MiniMed 670G", None)];
    let all = |vendor, product| vec![statement(vendor, product, "vers:all/*", ProductStatus::Affected)];
    let advisories = vec![
        advisory("a", "CVE-1", 9.9, all("Baxter", "Spectrum IQ")),
        advisory("b", "CVE-2", 4.0, all("Medtronic", "MiniMed 670G")),
    ];
    let exploited = vec![ExploitedVulnerability {
        cve: Label::new("CVE-2"),
        added: Label::new("2026-01-01"),
        ransomware: true,
    }];
    let queue = Advisories::new(advisories, exploited, vec![], vec![]).queue(&pumps, []);
    assert_eq!(queue[0].cve.as_str(), "CVE-2");
    assert!(queue[0].kev && queue[0].priority > Priority::TrackClosely);
    assert_eq!(queue.iter().map(|vulnerability| vulnerability.rank).collect::<Vec<_>>(), [1, 2]);
    assert!(queue[0].why.iter().any(|reason| reason.contains("2026-01-01")));
    assert!(!queue[0].fix.text.is_empty());
}

fn part(vendor: &str, name: &str, version: Option<&str>) -> Component {
    Component { vendor: Label::new(vendor), name: Label::new(name), version: version.map(Label::new) }
}

#[test]
fn what_is_inside_a_device_meets_advisories_about_it() {
    let advisories = vec![
        advisory(
            "a-1",
            "CVE-2025-0001",
            9.8,
            vec![statement(
                "Apache Software Foundation",
                "Apache Tomcat",
                ">= 9.0.0 | < 9.0.10",
                ProductStatus::Affected,
            )],
        ),
        advisory(
            "a-2",
            "CVE-2025-0002",
            9.8,
            vec![statement("Apache Software Foundation", "Apache Tomcat", "< 8.5", ProductStatus::Affected)],
        ),
        advisory(
            "a-3",
            "CVE-2025-0003",
            7.5,
            vec![statement("Someone Else", "Zlib", "*", ProductStatus::Affected)],
        ),
    ];
    let kev = vec![ExploitedVulnerability {
        cve: Label::new("CVE-2025-0001"),
        added: Label::new("2025-02-01"),
        ransomware: false,
    }];
    let bill = |version: Option<&str>| BillOfMaterials {
        product: part("B. Braun", "Infusomat Space", version),
        components: vec![part("apache", "tomcat", Some("9.0.1")), part("", "zlib", Some("1.2.3"))],
    };
    let queue = |version: Option<&str>, firmware: Option<&str>| {
        let ready =
            Advisories::new(advisories.clone(), kev.clone(), vec![], vec![]).with_bills(vec![bill(version)]);
        ready.queue(&[device("B. Braun", "Infusomat Space", firmware)], [])
    };
    let found = queue(Some("3.1"), Some("3.1"));
    let kinds: Vec<_> = found.iter().map(|one| (one.cve.as_str(), one.matched.kind, one.kev)).collect();
    assert_eq!(
        kinds,
        [("CVE-2025-0001", MatchKind::Range, true), ("CVE-2025-0003", MatchKind::Possible, false)]
    );
    assert!(found[0].matched.reason.contains("bill of materials"), "{}", found[0].matched.reason);

    // A bill of another version is not the device's; where the device says no version, a person must look.
    assert!(queue(Some("3.1"), Some("2.0")).is_empty());
    assert!(queue(Some("3.1"), None).iter().all(|one| one.matched.kind == MatchKind::Possible));
    assert_eq!(queue(None, Some("2.0")).len(), 2);
}

/// A large region: `cargo test --release -p wardline-assess --test vulnerabilities -- --ignored --nocapture`. No two
/// devices are of one make, model and version, so nothing is found by having been asked before.
#[test]
#[ignore = "takes long; prints what it measures"]
fn twenty_thousand_devices_meet_two_hundred_thousand_records() {
    const MAKERS: usize = 400;
    const MODELS: usize = 50;
    let name = |number: usize| {
        (format!("Maker{} Medical", number % MAKERS), format!("Pump{}", number / MAKERS % MODELS))
    };
    let records: Vec<_> = (0..200_000)
        .map(|number| {
            let (maker, model) = name(number);
            let versions = format!(">= 1.{} | < 2.{}", number % 7, number % 11);
            let cve = format!("CVE-2025-{number:06}");
            advisory(&cve, &cve, 7.5, vec![statement(&maker, &model, &versions, ProductStatus::Affected)])
        })
        .collect();
    let devices: Vec<_> = (0..20_000)
        .map(|number| {
            let (maker, model) = name(number);
            let mut device = device(&maker, &model, Some(&format!("2.{}", number % 13)));
            device.id = DeviceId::from(format!("d-{number}").as_str());
            device
        })
        .collect();
    let began = std::time::Instant::now();
    let found = Advisories::new(records, vec![], vec![], vec![]).queue(&devices, []);
    println!("{} vulnerabilities in {:.1} s", found.len(), began.elapsed().as_secs_f64());
    assert!(found.len() > 10_000 && began.elapsed().as_secs() < 30);
}

/// A statement about every version of a product.
fn about(place: usize) -> Vec<ProductStatement> {
    vec![statement("Baxter", &format!("Pump {place}"), "vers:all/*", ProductStatus::Affected)]
}

/// What is varied about one vulnerability among others.
#[derive(Clone, Copy, Debug)]
struct Facts {
    exploited: u8,
    internet: bool,
    zones: u8,
    harm: u8,
    automatable: bool,
    score: u8,
}

fn any_facts() -> impl Strategy<Value = Facts> {
    (0_u8..3, any::<bool>(), 0_u8..4, 0_u8..4, any::<bool>(), 0_u8..=100).prop_map(
        |(exploited, internet, zones, harm, automatable, score)| Facts {
            exploited,
            internet,
            zones,
            harm,
            automatable,
            score,
        },
    )
}

/// The queue of one device for each of these facts.
fn queue_of(all: &[Facts]) -> Vec<Vulnerability> {
    const HARM: [Criticality; 4] =
        [Criticality::It, Criticality::Support, Criticality::Therapy, Criticality::LifeSustaining];
    const EXPLOITED: [Exploitation; 3] =
        [Exploitation::None, Exploitation::ProofOfConcept, Exploitation::Active];
    let cve = |place: usize| format!("CVE-2025-{:04}", place + 1);
    let mut devices = Vec::new();
    let (mut advisories, mut stakeholder, mut exposures, mut edges) = (vec![], vec![], vec![], vec![]);
    for (place, facts) in all.iter().enumerate() {
        let mut own = device("Baxter", &format!("Pump {place}"), None);
        own.criticality = Some(HARM[usize::from(facts.harm)]);
        own.zone = Some(Label::new("ward"));
        for zone in 0..facts.zones {
            let mut other = device("Nobody", &format!("of zone {zone}"), None);
            other.zone = Some(Label::new(&format!("zone {zone}")));
            edges.push(edge(&other.id, &own.id));
            devices.push(other);
        }
        if facts.internet {
            exposures.push(on_the_internet(&own.id));
        }
        advisories.push(advisory(
            &format!("a{place}"),
            &cve(place),
            f32::from(facts.score) / 10.0,
            about(place),
        ));
        stakeholder.push(StakeholderFacts {
            cve: Label::new(&cve(place)),
            exploitation: EXPLOITED[usize::from(facts.exploited)],
            automatable: Some(facts.automatable),
            total_impact: None,
        });
        devices.push(own);
    }
    let mut surroundings = Surroundings::new(&exposures);
    surroundings.hear(&devices, &edges);
    Advisories::new(advisories, vec![], vec![], stakeholder).queue_within(&devices, &surroundings)
}

fn edge(from: &DeviceId, to: &DeviceId) -> Edge {
    Edge {
        hour: Timestamp::default(),
        src_device: from.clone(),
        dst_device: to.clone(),
        transport: Transport::TCP,
        port: 80,
        application: None,
        flows: 1,
        packets: [1, 1],
        bytes: [1, 1],
        encrypted_flows: 0,
        cleartext_flows: 1,
    }
}

fn on_the_internet(device: &DeviceId) -> Exposure {
    Exposure {
        id: format!("internet-{device}"),
        device: Some(DeviceReference { id: Some(device.clone()), ip: None, mac: None, name: None }),
        peer: None,
        kind: ExposureKind::InternetExposed,
        severity: Severity::High,
        summary: String::new(),
        patient_fields: Vec::new(),
        hearing: None,
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        observations: 1,
        evidence: Vec::new(),
        remedy: String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// More exposed, more exploited or more harmful never ranks lower, whatever else is in the queue.
    #[test]
    fn worse_never_ranks_lower(all in proptest::collection::vec(any_facts(), 2..8), which in 0_usize..8, worse in 0_u8..6) {
        let which = which % all.len();
        let mut worsened = all.clone();
        let facts = &mut worsened[which];
        match worse {
            0 => facts.exploited = (facts.exploited + 1).min(2),
            1 => facts.internet = true,
            2 => facts.zones = (facts.zones + 1).min(3),
            3 => facts.harm = (facts.harm + 1).min(3),
            4 => facts.automatable = true,
            _ => facts.score = facts.score.saturating_add(10).min(100),
        }
        let place = |queue: &[Vulnerability]| {
            let cve = format!("CVE-2025-{:04}", which + 1);
            queue.iter().find(|vulnerability| vulnerability.cve.as_str() == cve).unwrap().rank
        };
        prop_assert!(place(&queue_of(&worsened)) <= place(&queue_of(&all)), "{:?}", all[which]);
    }

    /// The places follow from the records as they are kept, in whatever order these are read.
    #[test]
    fn places_follow_from_the_records(all in proptest::collection::vec(any_facts(), 2..8), turn in 0_usize..8) {
        let queue = queue_of(&all);
        let text = serde_json::to_string(&queue).unwrap();
        let mut again: Vec<Vulnerability> = serde_json::from_str(&text).unwrap();
        again.reverse();
        again.rotate_left(turn % queue.len());
        for record in &mut again {
            record.rank = 0;
        }
        rank(&mut again);
        prop_assert_eq!(&again, &queue);
        let ranks: Vec<u32> = queue.iter().map(|vulnerability| vulnerability.rank).collect();
        prop_assert_eq!(ranks, (1..=u32::try_from(queue.len()).unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn a_back_test_counts_what_came_later() {
    let advisories = (0..40)
        .map(|place| {
            advisory(
                &format!("a{place}"),
                &format!("CVE-2024-{place:04}"),
                if place < 10 { 9.8 } else { 5.0 },
                about(place),
            )
        })
        .collect();
    let known = |cve: &str| ExploitedVulnerability {
        cve: Label::new(cve),
        added: Label::new("2025-01-01"),
        ransomware: false,
    };
    let ready = Advisories::new(advisories, vec![known("CVE-2024-0000")], vec![], vec![]);
    let later =
        [known("CVE-2024-0000"), known("CVE-2024-0001"), known("CVE-2024-0039"), known("CVE-2030-0001")];
    let results = ready.backtest(&later);
    let nine = results.iter().find(|result| result.rule == "CVSS from 9.0").unwrap();
    assert_eq!((nine.effort.count, nine.effort.of), (9, 39), "what was known before is not foretold");
    assert_eq!((nine.coverage.count, nine.coverage.of), (1, 2));
    assert_eq!((nine.efficiency.count, nine.efficiency.of), (1, 9));
    assert!(nine.coverage.low < 0.5 && nine.coverage.high > 0.5);
}

/// Three makers with a product each.
fn three_makers() -> (Vec<Device>, Vec<Advisory>) {
    let makers = ["Alpha Works", "Beta Works", "Gamma Works"];
    let devices =
        makers.iter().enumerate().map(|(n, maker)| device(maker, &format!("Unit {n}00"), Some("2.1")));
    let advisories = makers.iter().enumerate().map(|(n, maker)| {
        let product = statement(maker, &format!("Unit {n}00"), "< 2.3", ProductStatus::Affected);
        advisory(&format!("adv-{n}"), &format!("CVE-2025-000{n}"), 7.5, vec![product])
    });
    (devices.collect(), advisories.collect())
}

#[test]
fn a_change_matches_again_only_what_it_touches() {
    let (devices, mut advisories) = three_makers();
    let mut memory = MatchMemory::default();
    let kev = |cve: &str| {
        vec![ExploitedVulnerability {
            cve: Label::new(cve),
            added: Label::new("2026-01-01"),
            ransomware: false,
        }]
    };
    let mut counted =
        |advisories: &[Advisory], exploited: Vec<ExploitedVulnerability>, devices: &[Device]| {
            let all = Advisories::new(advisories.to_vec(), exploited, vec![], vec![]);
            let none = Surroundings::default();
            let queue = all.queue_remembering(devices, &none, &mut memory);
            assert_eq!(queue, all.queue_within(devices, &none), "a memory changes no result");
            let counts = (memory.matched, memory.kept);
            // It outlives the program.
            memory = serde_json::from_slice(&serde_json::to_vec(&memory).unwrap()).unwrap();
            counts
        };
    assert_eq!(counted(&advisories, vec![], &devices), (3, 0), "the first time");
    assert_eq!(counted(&advisories, vec![], &devices), (0, 3), "nothing changed");
    assert_eq!(
        counted(&advisories, kev("CVE-2025-0001"), &devices),
        (0, 3),
        "a catalogue touches places, not matches"
    );
    advisories[1].vulnerabilities[0].products[0].versions = "< 2.0".to_owned();
    assert_eq!(counted(&advisories, vec![], &devices), (1, 2), "one maker's advisory");
    let product = statement("Delta Works", "Unit 900", "*", ProductStatus::Affected);
    advisories.insert(0, advisory("adv-00", "CVE-2025-0009", 5.0, vec![product]));
    assert_eq!(counted(&advisories, vec![], &devices), (0, 3), "a maker of whom nothing is here");
    advisories.remove(1);
    assert_eq!(counted(&advisories, vec![], &devices), (1, 2), "an advisory that was withdrawn");
    let more = [devices.clone(), vec![device("Gamma Works", "Unit 200", Some("2.9"))]].concat();
    assert_eq!(counted(&advisories, vec![], &more), (1, 3), "a device that came");
}

proptest! {
    #[test]
    fn a_memory_never_changes_a_result(edits in proptest::collection::vec((0_usize..3, 0_usize..4, any::<bool>()), 1..8)) {
        let (devices, mut advisories) = three_makers();
        let mut memory = MatchMemory::default();
        for (which, what, _) in edits {
            let products = &mut advisories[which].vulnerabilities[0].products;
            match what {
                0 => products[0].versions = "*".to_owned(),
                1 => products[0].status = ProductStatus::Fixed,
                2 => products[0].product = Label::new("Unit 100"),
                _ => products[0].vendor = Label::new("Beta Worka"),
            }
            let all = Advisories::new(advisories.clone(), vec![], vec![], vec![]);
            let none = Surroundings::default();
            prop_assert_eq!(all.queue_remembering(&devices, &none, &mut memory), all.queue_within(&devices, &none));
        }
    }
}
