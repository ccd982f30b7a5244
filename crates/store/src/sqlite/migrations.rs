//! The schema, step by step. `PRAGMA user_version` says how many steps a file has taken.

use rusqlite::Connection;

/// One step each; a step that was released never changes.
const STEPS: &[&str] = &[
    "
    CREATE TABLE device (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, vendor TEXT NOT NULL,
        zone TEXT NOT NULL, criticality TEXT NOT NULL, first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL, confidence REAL NOT NULL, search TEXT NOT NULL,
        record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX device_name ON device (name, id);
    CREATE INDEX device_category ON device (category, name, id);
    CREATE INDEX device_last_seen ON device (last_seen, id);

    CREATE TABLE finding (
        id TEXT PRIMARY KEY, started INTEGER NOT NULL, last_seen INTEGER NOT NULL, attack TEXT NOT NULL,
        severity INTEGER NOT NULL, device TEXT, source TEXT, record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX finding_last_seen ON finding (last_seen, id);
    CREATE INDEX finding_severity ON finding (severity, last_seen);
    CREATE INDEX finding_device ON finding (device);
    CREATE INDEX finding_source ON finding (source);

    CREATE TABLE exposure (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, severity INTEGER NOT NULL, device TEXT, peer TEXT,
        last_seen INTEGER NOT NULL, record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX exposure_severity ON exposure (severity, last_seen);
    CREATE INDEX exposure_device ON exposure (device);

    CREATE TABLE edge (
        hour INTEGER NOT NULL, src TEXT NOT NULL, dst TEXT NOT NULL, transport INTEGER NOT NULL,
        port INTEGER NOT NULL, application TEXT NOT NULL, flows INTEGER NOT NULL,
        packets_from INTEGER NOT NULL, packets_to INTEGER NOT NULL,
        bytes_from INTEGER NOT NULL, bytes_to INTEGER NOT NULL,
        encrypted INTEGER NOT NULL, cleartext INTEGER NOT NULL,
        PRIMARY KEY (hour, src, dst, transport, port, application)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX edge_src ON edge (src, hour);
    CREATE INDEX edge_dst ON edge (dst, hour);

    -- Conversations wait here, synced, until there are enough of them for a file.
    CREATE TABLE waiting_flow (
        number INTEGER PRIMARY KEY AUTOINCREMENT, src_device TEXT, dst_device TEXT, started INTEGER NOT NULL,
        ended INTEGER NOT NULL, record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT;
    -- Files of conversations that are complete. A file that is not listed is a remnant of a crash.
    CREATE TABLE flow_file (
        name TEXT PRIMARY KEY, flows INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE progress (
        only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL, packets INTEGER NOT NULL,
        bytes INTEGER NOT NULL, dropped INTEGER NOT NULL, flows INTEGER NOT NULL, newest INTEGER
    ) STRICT;
    INSERT INTO progress VALUES (1, 0, 0, 0, 0, 0, NULL);
",
    "
    -- The patch queue as it was last computed; it is replaced whole.
    CREATE TABLE vulnerability (
        id TEXT PRIMARY KEY, device TEXT NOT NULL, cve TEXT NOT NULL, rank INTEGER NOT NULL,
        priority INTEGER NOT NULL, search TEXT NOT NULL, record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX vulnerability_rank ON vulnerability (rank);
    CREATE INDEX vulnerability_device ON vulnerability (device, rank);
    -- What people decided about it; only ever added to.
    CREATE TABLE plan_event (
        number INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, cve TEXT NOT NULL,
        record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT;
    CREATE INDEX plan_event_device ON plan_event (device, cve);
",
    "
    -- What is known of each device's life, computed with the patch queue and replaced whole like it.
    CREATE TABLE lifecycle (
        id TEXT PRIMARY KEY, record BLOB NOT NULL, digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- How far each sensor of a site was heard.
    CREATE TABLE heard (
        sensor TEXT PRIMARY KEY, spool TEXT NOT NULL, number INTEGER NOT NULL, places INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- Who may write, while others stand by, and whether the state was moved elsewhere.
    CREATE TABLE charge (
        only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL, holder TEXT NOT NULL,
        held_until INTEGER NOT NULL, moved_to TEXT
    ) STRICT;
    INSERT INTO charge VALUES (1, 0, '', 0, NULL);
    CREATE INDEX exposure_peer ON exposure (peer);
    -- How many edges an hour has: counting millions takes longer than a page may.
    CREATE TABLE edge_hour (hour INTEGER PRIMARY KEY, edges INTEGER NOT NULL) STRICT;
    INSERT INTO edge_hour SELECT hour, count(*) FROM edge GROUP BY hour;
",
];

/// The newest schema that this program knows.
pub(super) const NEWEST: u32 = STEPS.len() as u32;

/// The schema that a file has.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Takes the steps that are missing, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let taken = version(connection)?;
    for (index, step) in STEPS.iter().enumerate().skip(taken as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
