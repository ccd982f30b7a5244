//! Invented advisories about invented products, the queue that they make, and what is decided about it.

use wardline_assess::{Advisories, Products, Surroundings};
use wardline_model::{
    AdvisedVulnerability, Advisory, CvssScore, ExploitPrediction, ExploitedVulnerability, Label, PatchStatus,
    PlanAction, PlanEvent, ProductStatement, ProductStatus, Remedy, RemedyKind, Vulnerability,
};
use wardline_store::{Batch, SqliteStore, Store, StoreError};

const LONG_REMEDY: &str = "Update to version 2.4. The maker's engineer installs it on site; allow half an hour for each pump, keep the drug library on a card, and check the firmware afterwards in the service menu under System, About, Versions-of-all-boards-and-modules. <b>Do not</b> interrupt the power meanwhile.";

fn advisory(
    number: u8,
    (vendor, product): (&str, &str),
    versions: &str,
    score: f32,
    remedy: Option<(RemedyKind, &str)>,
) -> Advisory {
    let remedies = remedy.map(|(kind, text)| Remedy { kind, text: text.to_owned(), products: Vec::new() });
    Advisory {
        id: Label::new(&format!("EXAMPLE-26-{number:03}-01")),
        title: Label::new(product),
        publisher: Label::new("Example Agency"),
        revision: Label::new("2"),
        released: Some(super::BEGIN),
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new(&format!("CVE-2026-{number:05}")),
            title: None,
            cvss: Some(CvssScore {
                version: Label::new("3.1"),
                vector: Label::new("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
                score,
            }),
            products: vec![ProductStatement {
                vendor: Label::new(vendor),
                product: Label::new(product),
                versions: versions.to_owned(),
                status: ProductStatus::Affected,
                justification: None,
            }],
            remedies: remedies.into_iter().collect(),
        }],
    }
}

fn advisories() -> Advisories {
    let update = |text| Some((RemedyKind::Update, text));
    let advisories = vec![
        advisory(1, ("Corvin", "SteadyFlow 2"), "vers:all/*", 9.8, update(LONG_REMEDY)),
        advisory(2, ("Brevia", "Aeris 500"), "< 5.1", 7.5, None),
        advisory(
            3,
            ("Ostra Imaging", "CT 64"),
            "made before june 2024",
            6.5,
            Some((RemedyKind::Mitigation, "Turn the service account off.")),
        ),
        advisory(4, ("Plain Computing", "R2"), "vers:all/*", 8.1, update("Install the update of March.")),
    ];
    let exploited = vec![ExploitedVulnerability {
        cve: Label::new("CVE-2026-00004"),
        added: Label::new("2026-02-20"),
        ransomware: true,
    }];
    let predictions = vec![ExploitPrediction {
        cve: Label::new("CVE-2026-00001"),
        probability: 0.124,
        percentile: 0.94,
        model: Label::new("v2026.06.15"),
        date: Label::new("2026-03-02"),
    }];
    Advisories::new(advisories, exploited, predictions, Vec::new())
}

fn queue(advisories: &Advisories, batch: &Batch) -> Vec<Vulnerability> {
    let mut surroundings = Surroundings::new(&batch.exposures);
    surroundings.hear(&batch.devices, &batch.edges);
    advisories.queue_within(&batch.devices, &surroundings)
}

/// Keeps the queue, and what was decided about its first pump.
pub(crate) fn keep(store: &SqliteStore, batch: &Batch) -> Result<(), StoreError> {
    let advisories = advisories().with_products(Products::default(), "2026-03-02");
    let queue = queue(&advisories, batch);
    store.replace_vulnerabilities(&queue)?;
    store.replace_lifecycles(&advisories.lifecycles(&batch.devices, &queue))?;
    let Some(first) = queue.iter().find(|entry| entry.fix.needs_vendor_approval) else { return Ok(()) };
    let actions = [
        PlanAction::Assign { owner: Label::new("Bo Example"), due: Label::new("2026-03-31") },
        PlanAction::Approve { reference: Label::new("maker bulletin 7") },
        PlanAction::Status { status: PatchStatus::Planned },
    ];
    for (action, number) in actions.into_iter().zip(1..) {
        let (device, cve) = (first.device.clone(), first.cve.clone());
        let event =
            PlanEvent { time: super::at(number * 60), by: Label::new("Ada Example"), device, cve, action };
        store.add_plan_event(&event)?;
    }
    Ok(())
}
