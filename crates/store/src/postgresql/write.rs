//! A batch into the tables, in one transaction, with one statement for each table.

use std::collections::BTreeMap;

use postgres::{Client, GenericClient, Transaction};
use wardline_model::{
    Device, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Timestamp, Vulnerability,
};

use super::Failure;
use crate::record::{encode, search_text, undigest};
use crate::{Acknowledged, Batch, Charge, Heard, Progress};

/// Stores a batch. `unanswered` names the batch that an earlier call tried to store without hearing whether it was; it
/// is set while a commit is on its way.
pub(super) fn append(
    client: &mut Client,
    batch: &Batch,
    unanswered: &mut Option<String>,
) -> Result<Acknowledged, Failure> {
    let mut transaction = client.transaction()?;
    if let Some(name) = unanswered.take() {
        let stored = transaction.query_opt("SELECT sequence FROM progress WHERE batch = $1", &[&name]);
        // Still unanswered when this breaks as well.
        *unanswered = Some(name);
        if let Some(row) = stored? {
            return Ok(Acknowledged { sequence: row.try_get::<_, i64>(0)?.cast_unsigned() });
        }
        *unanswered = None;
    }
    check_charge(&mut transaction, batch.charge)?;
    put_devices(&mut transaction, &batch.devices)?;
    put_findings(&mut transaction, &batch.findings)?;
    put_exposures(&mut transaction, &batch.exposures)?;
    put_flows(&mut transaction, &batch.flows)?;
    add_edges(&mut transaction, &batch.edges)?;
    put_heard(&mut transaction, &batch.heard)?;
    let (sequence, name) = put_progress(&mut transaction, &batch.progress, batch.flows.len() as u64)?;
    *unanswered = Some(name);
    transaction.commit()?;
    *unanswered = None;
    Ok(Acknowledged { sequence })
}

/// Refuses where another has the charge, or the store was moved. Both stay so until the transaction ends.
fn check_charge(transaction: &mut Transaction<'_>, charge: Option<Charge>) -> Result<(), Failure> {
    let row = transaction.query_one("SELECT number, moved_to FROM charge FOR SHARE", &[])?;
    if let Some(to) = row.try_get::<_, Option<String>>(1)? {
        return Err(Failure::Moved(to));
    }
    let number = row.try_get::<_, i64>(0)?.cast_unsigned();
    if charge.is_some_and(|charge| charge.0 != number) { Err(Failure::Superseded) } else { Ok(()) }
}

pub(super) fn take_charge(
    client: &mut Client,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Charge>, Failure> {
    let row = client.query_opt(
        "UPDATE charge SET number = number + CASE WHEN holder = $1 THEN 0 ELSE 1 END, holder = $1, held_until = $3
         WHERE holder = $1 OR held_until <= $2 RETURNING number",
        &[&holder, &now.nanoseconds(), &until.nanoseconds()],
    )?;
    Ok(row.map(|row| row.try_get::<_, i64>(0)).transpose()?.map(|number| Charge(number.cast_unsigned())))
}

pub(super) fn replace_vulnerabilities(client: &mut Client, queue: &[Vulnerability]) -> Result<(), Failure> {
    let mut transaction = client.transaction()?;
    transaction.execute("DELETE FROM vulnerability", &[])?;
    put_vulnerabilities(&mut transaction, queue)?;
    transaction.commit()?;
    Ok(())
}

/// Columns of a table, filled row by row.
#[derive(Default)]
struct Columns {
    ids: Vec<String>,
    texts: [Vec<Option<String>>; 6],
    numbers: [Vec<i64>; 2],
    floats: Vec<f64>,
    records: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
}

/// The last of several with the same name: a statement may touch a row only once.
fn last_of<T>(items: &[T], key: impl Fn(&T) -> String) -> BTreeMap<String, &T> {
    items.iter().map(|item| (key(item), item)).collect()
}

pub(super) fn put_vulnerabilities(
    transaction: &mut Transaction<'_>,
    queue: &[Vulnerability],
) -> Result<(), Failure> {
    let mut columns = Columns::default();
    for (id, vulnerability) in
        last_of(queue, |vulnerability| format!("{} {}", vulnerability.device, vulnerability.cve))
    {
        let (record, digest) = encode("vulnerability", &id, vulnerability)?;
        let search =
            format!("{}\n{}\n{}", vulnerability.device_name, vulnerability.cve, vulnerability.advisory);
        columns.texts[0].push(Some(vulnerability.device.to_string()));
        columns.texts[1].push(Some(vulnerability.cve.to_string()));
        columns.texts[2].push(Some(search.to_lowercase()));
        columns.numbers[0].push(i64::from(vulnerability.rank));
        columns.numbers[1].push(vulnerability.priority as i64);
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
        columns.ids.push(id);
    }
    let Columns { ids, texts, numbers, records, digests, .. } = &columns;
    transaction.execute(
        "INSERT INTO vulnerability (id, device, cve, search, rank, priority, record, digest)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
         $7::bytea[], $8::bytea[])",
        &[ids, &texts[0], &texts[1], &texts[2], &numbers[0], &numbers[1], records, digests],
    )?;
    Ok(())
}

pub(super) fn replace_lifecycles(client: &mut Client, lifecycles: &[Lifecycle]) -> Result<(), Failure> {
    let mut transaction = client.transaction()?;
    transaction.execute("DELETE FROM lifecycle", &[])?;
    put_lifecycles(&mut transaction, lifecycles)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn put_lifecycles(
    transaction: &mut Transaction<'_>,
    lifecycles: &[Lifecycle],
) -> Result<(), Failure> {
    let mut columns = Columns::default();
    for (id, lifecycle) in last_of(lifecycles, |lifecycle| lifecycle.device.to_string()) {
        let (record, digest) = encode("lifecycle", &id, lifecycle)?;
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
        columns.ids.push(id);
    }
    transaction.execute(
        "INSERT INTO lifecycle SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[])",
        &[&columns.ids, &columns.records, &columns.digests],
    )?;
    Ok(())
}

pub(super) fn add_plan_event(client: &mut impl GenericClient, event: &PlanEvent) -> Result<(), Failure> {
    let (device, cve) = (event.device.to_string(), event.cve.as_str());
    let (record, digest) = encode("plan_event", &format!("{device} {cve}"), event)?;
    client.execute(
        "INSERT INTO plan_event (device, cve, record, digest) VALUES ($1,$2,$3,$4)",
        &[&device, &cve, &record, &digest.as_slice()],
    )?;
    Ok(())
}

pub(super) fn put_devices(transaction: &mut Transaction<'_>, devices: &[Device]) -> Result<(), Failure> {
    if devices.is_empty() {
        return Ok(());
    }
    let mut newest = last_of(devices, |device| device.id.to_string());
    let ids: Vec<_> = newest.keys().cloned().collect();
    // A run knows only what it saw itself; the first sighting of an earlier run stands.
    let mut merged = Vec::new();
    for row in
        transaction.query("SELECT id, first_seen, record, digest FROM device WHERE id = ANY($1)", &[&ids])?
    {
        let (id, first_seen): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let Some(device) = newest.get(&id).filter(|device| first_seen < device.first_seen.nanoseconds())
        else {
            continue;
        };
        let earlier: Device = undigest("device", &id, row.try_get(2)?, row.try_get(3)?)?;
        merged.push((id, Device { first_seen: earlier.first_seen, ..(*device).clone() }));
    }
    for (id, device) in &merged {
        newest.insert(id.clone(), device);
    }
    let mut columns = Columns::default();
    for (id, device) in newest {
        let (record, digest) = encode("device", &id, device)?;
        columns.texts[0].push(Some(device.display_name().as_str().to_lowercase()));
        columns.texts[1].push(Some(device.category.name().to_owned()));
        columns.texts[2].push(Some(device.vendor.as_ref().map_or("", |vendor| vendor.as_str()).to_owned()));
        columns.texts[3].push(Some(device.zone.as_ref().map_or("", |zone| zone.as_str()).to_owned()));
        let criticality = device.criticality.map_or("", |criticality| criticality.name());
        columns.texts[4].push(Some(criticality.to_owned()));
        columns.texts[5].push(Some(search_text(device)));
        columns.numbers[0].push(device.first_seen.nanoseconds());
        columns.numbers[1].push(device.last_seen.nanoseconds());
        columns.floats.push(f64::from(device.confidence));
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
        columns.ids.push(id);
    }
    let Columns { ids, texts, numbers, floats, records, digests } = &columns;
    transaction.execute(
        "INSERT INTO device (id, name, category, vendor, zone, criticality, search, first_seen, last_seen, confidence,
         record, digest)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
         $8::bigint[], $9::bigint[], $10::float8[], $11::bytea[], $12::bytea[])
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, category = excluded.category,
         vendor = excluded.vendor, zone = excluded.zone, criticality = excluded.criticality,
         search = excluded.search, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
         confidence = excluded.confidence, record = excluded.record, digest = excluded.digest",
        &[
            ids, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &texts[5], &numbers[0], &numbers[1], floats,
            records, digests,
        ],
    )?;
    Ok(())
}

pub(super) fn put_findings(transaction: &mut Transaction<'_>, findings: &[Finding]) -> Result<(), Failure> {
    if findings.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    let mut severities = Vec::new();
    for (id, finding) in last_of(findings, |finding| finding.id.clone()) {
        let (record, digest) = encode("finding", &id, finding)?;
        let device = finding.device.as_ref().and_then(|device| device.id.as_ref());
        let source = finding.source.as_ref().and_then(|source| source.id.as_ref());
        columns.texts[0].push(Some(finding.attack.name().to_owned()));
        columns.texts[1].push(device.map(ToString::to_string));
        columns.texts[2].push(source.map(ToString::to_string));
        columns.numbers[0].push(finding.started.nanoseconds());
        columns.numbers[1].push(finding.last_seen.nanoseconds());
        severities.push(finding.severity as i64);
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
        columns.ids.push(id);
    }
    let Columns { ids, texts, numbers, records, digests, .. } = &columns;
    transaction.execute(
        "INSERT INTO finding (id, attack, device, source, started, last_seen, severity, record, digest)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
         $7::bigint[], $8::bytea[], $9::bytea[])
         ON CONFLICT (id) DO UPDATE SET attack = excluded.attack, device = excluded.device,
         source = excluded.source, started = excluded.started, last_seen = excluded.last_seen,
         severity = excluded.severity, record = excluded.record, digest = excluded.digest",
        &[ids, &texts[0], &texts[1], &texts[2], &numbers[0], &numbers[1], &severities, records, digests],
    )?;
    Ok(())
}

pub(super) fn put_exposures(
    transaction: &mut Transaction<'_>,
    exposures: &[Exposure],
) -> Result<(), Failure> {
    if exposures.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    for (id, exposure) in last_of(exposures, |exposure| exposure.id.clone()) {
        let (record, digest) = encode("exposure", &id, exposure)?;
        let device = exposure.device.as_ref().and_then(|device| device.id.as_ref());
        let peer = exposure.peer.as_ref().and_then(|peer| peer.id.as_ref());
        columns.texts[0].push(Some(exposure.kind.name().to_owned()));
        columns.texts[1].push(device.map(ToString::to_string));
        columns.texts[2].push(peer.map(ToString::to_string));
        columns.numbers[0].push(exposure.severity as i64);
        columns.numbers[1].push(exposure.last_seen.nanoseconds());
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
        columns.ids.push(id);
    }
    let Columns { ids, texts, numbers, records, digests, .. } = &columns;
    transaction.execute(
        "INSERT INTO exposure (id, kind, device, peer, severity, last_seen, record, digest)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
         $7::bytea[], $8::bytea[])
         ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, device = excluded.device, peer = excluded.peer,
         severity = excluded.severity, last_seen = excluded.last_seen, record = excluded.record,
         digest = excluded.digest",
        &[ids, &texts[0], &texts[1], &texts[2], &numbers[0], &numbers[1], records, digests],
    )?;
    Ok(())
}

pub(super) fn put_flows(transaction: &mut Transaction<'_>, flows: &[FlowRecord]) -> Result<(), Failure> {
    if flows.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    for flow in flows {
        let (record, digest) = encode("flow", "", flow)?;
        columns.texts[0].push(flow.src_device.as_ref().map(ToString::to_string));
        columns.texts[1].push(flow.dst_device.as_ref().map(ToString::to_string));
        columns.numbers[0].push(flow.start.nanoseconds());
        columns.numbers[1].push(flow.end.nanoseconds());
        columns.records.push(record);
        columns.digests.push(digest.to_vec());
    }
    let Columns { texts, numbers, records, digests, .. } = &columns;
    // WITH ORDINALITY keeps them in the order in which they ended.
    transaction.execute(
        "INSERT INTO waiting_flow (src_device, dst_device, started, ended, record, digest)
         SELECT src, dst, started, ended, record, digest
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])
         WITH ORDINALITY AS new (src, dst, started, ended, record, digest, place) ORDER BY place",
        &[&texts[0], &texts[1], &numbers[0], &numbers[1], records, digests],
    )?;
    Ok(())
}

pub(super) fn add_edges(transaction: &mut Transaction<'_>, edges: &[Edge]) -> Result<(), Failure> {
    if edges.is_empty() {
        return Ok(());
    }
    let mut sums: BTreeMap<_, [i64; 7]> = BTreeMap::new();
    for edge in edges {
        let application = edge.application.map_or("", |application| application.name());
        let key = (
            edge.hour.nanoseconds(),
            edge.src_device.to_string(),
            edge.dst_device.to_string(),
            i64::from(edge.transport.0),
            i64::from(edge.port),
            application.to_owned(),
        );
        let counts = [
            edge.flows,
            edge.packets[0],
            edge.packets[1],
            edge.bytes[0],
            edge.bytes[1],
            edge.encrypted_flows,
            edge.cleartext_flows,
        ];
        let sum = sums.entry(key).or_default();
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum = sum.wrapping_add(count.cast_signed());
        }
    }
    let (mut hours, mut transports, mut ports) = (Vec::new(), Vec::new(), Vec::new());
    let [mut sources, mut destinations, mut applications]: [Vec<String>; 3] = Default::default();
    let mut counts: [Vec<i64>; 7] = Default::default();
    for ((hour, source, destination, transport, port, application), sum) in sums {
        hours.push(hour);
        sources.push(source);
        destinations.push(destination);
        transports.push(transport);
        ports.push(port);
        applications.push(application);
        for (column, count) in counts.iter_mut().zip(sum) {
            column.push(count);
        }
    }
    transaction.execute(
        "WITH stored AS (
         INSERT INTO edge (hour, src, dst, transport, port, application, flows, packets_from, packets_to, bytes_from,
         bytes_to, encrypted, cleartext)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
         ON CONFLICT (hour, src, dst, transport, port, application) DO UPDATE SET
         flows = edge.flows + excluded.flows, packets_from = edge.packets_from + excluded.packets_from,
         packets_to = edge.packets_to + excluded.packets_to, bytes_from = edge.bytes_from + excluded.bytes_from,
         bytes_to = edge.bytes_to + excluded.bytes_to, encrypted = edge.encrypted + excluded.encrypted,
         cleartext = edge.cleartext + excluded.cleartext
         -- A row that was there before names who changed it.
         RETURNING hour, xmax = 0 AS is_new)
         INSERT INTO edge_hour SELECT hour, count(*) FROM stored WHERE is_new GROUP BY hour
         ON CONFLICT (hour) DO UPDATE SET edges = edge_hour.edges + excluded.edges",
        &[
            &hours, &sources, &destinations, &transports, &ports, &applications, &counts[0], &counts[1], &counts[2],
            &counts[3], &counts[4], &counts[5], &counts[6],
        ],
    )?;
    Ok(())
}

pub(super) fn put_heard(transaction: &mut Transaction<'_>, heard: &[Heard]) -> Result<(), Failure> {
    for Heard { sensor, spool, number, places } in heard {
        transaction.execute(
            "INSERT INTO heard VALUES ($1,$2,$3,$4)
             ON CONFLICT (sensor) DO UPDATE SET spool = excluded.spool, number = excluded.number,
             places = excluded.places",
            &[sensor, spool, &number.cast_signed(), &places.cast_signed()],
        )?;
    }
    Ok(())
}

/// Counts, and names the batch. Whoever comes second waits here until the first has committed.
fn put_progress(
    transaction: &mut Transaction<'_>,
    progress: &Progress,
    flows: u64,
) -> Result<(u64, String), Failure> {
    let row = transaction.query_one(
        "UPDATE progress SET sequence = sequence + 1, packets = packets + $1, bytes = bytes + $2,
         dropped = dropped + $3, flows = flows + $4, newest = greatest(newest, $5),
         batch = gen_random_uuid()::text RETURNING sequence, batch",
        &[
            &progress.packets.cast_signed(),
            &progress.bytes.cast_signed(),
            &progress.dropped.cast_signed(),
            &flows.cast_signed(),
            &progress.newest.map(|time| time.nanoseconds()),
        ],
    )?;
    Ok((row.try_get::<_, i64>(0)?.cast_unsigned(), row.try_get(1)?))
}
