//! The schema, step by step. The table `schema` says how many steps a database has taken.

use postgres::Client;

/// One step each; a step that was released never changes. Text is compared by its bytes, as SQLite does, so that lists
/// have the same order on both.
const STEPS: &[&str] = &["
    CREATE TABLE device (
        id TEXT COLLATE \"C\" PRIMARY KEY, name TEXT COLLATE \"C\" NOT NULL, category TEXT COLLATE \"C\" NOT NULL,
        vendor TEXT COLLATE \"C\" NOT NULL, zone TEXT COLLATE \"C\" NOT NULL, criticality TEXT COLLATE \"C\" NOT NULL,
        first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL, confidence DOUBLE PRECISION NOT NULL,
        search TEXT COLLATE \"C\" NOT NULL, record BYTEA NOT NULL, digest BYTEA NOT NULL
    );
    CREATE INDEX device_name ON device (name, id);
    CREATE INDEX device_category ON device (category, name, id);
    CREATE INDEX device_last_seen ON device (last_seen, id);

    CREATE TABLE finding (
        id TEXT COLLATE \"C\" PRIMARY KEY, started BIGINT NOT NULL, last_seen BIGINT NOT NULL,
        attack TEXT COLLATE \"C\" NOT NULL, severity BIGINT NOT NULL, device TEXT COLLATE \"C\",
        source TEXT COLLATE \"C\", record BYTEA NOT NULL, digest BYTEA NOT NULL
    );
    CREATE INDEX finding_last_seen ON finding (last_seen DESC, id);
    CREATE INDEX finding_severity ON finding (severity, last_seen);
    CREATE INDEX finding_device ON finding (device);
    CREATE INDEX finding_source ON finding (source);

    CREATE TABLE exposure (
        id TEXT COLLATE \"C\" PRIMARY KEY, kind TEXT COLLATE \"C\" NOT NULL, severity BIGINT NOT NULL,
        device TEXT COLLATE \"C\", peer TEXT COLLATE \"C\", last_seen BIGINT NOT NULL, record BYTEA NOT NULL,
        digest BYTEA NOT NULL
    );
    CREATE INDEX exposure_severity ON exposure (severity DESC, last_seen DESC, id);
    CREATE INDEX exposure_device ON exposure (device);
    CREATE INDEX exposure_peer ON exposure (peer);

    CREATE TABLE edge (
        hour BIGINT NOT NULL, src TEXT COLLATE \"C\" NOT NULL, dst TEXT COLLATE \"C\" NOT NULL,
        transport BIGINT NOT NULL, port BIGINT NOT NULL, application TEXT COLLATE \"C\" NOT NULL,
        flows BIGINT NOT NULL, packets_from BIGINT NOT NULL, packets_to BIGINT NOT NULL,
        bytes_from BIGINT NOT NULL, bytes_to BIGINT NOT NULL, encrypted BIGINT NOT NULL, cleartext BIGINT NOT NULL,
        PRIMARY KEY (hour, src, dst, transport, port, application)
    );
    -- How many edges an hour has: counting millions takes longer than a page may.
    CREATE TABLE edge_hour (hour BIGINT PRIMARY KEY, edges BIGINT NOT NULL);
    CREATE INDEX edge_src ON edge (src, hour);
    CREATE INDEX edge_dst ON edge (dst, hour);

    -- Conversations wait here until there are enough of them for a file.
    CREATE TABLE waiting_flow (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, src_device TEXT COLLATE \"C\",
        dst_device TEXT COLLATE \"C\", started BIGINT NOT NULL, ended BIGINT NOT NULL, record BYTEA NOT NULL,
        digest BYTEA NOT NULL
    );
    -- Files of conversations (Parquet), here and not on a disk, so that whichever process takes over has them.
    CREATE TABLE flow_file (
        name TEXT COLLATE \"C\" PRIMARY KEY, flows BIGINT NOT NULL, started BIGINT NOT NULL, ended BIGINT NOT NULL,
        contents BYTEA NOT NULL, digest BYTEA NOT NULL
    );
    ALTER TABLE flow_file ALTER COLUMN contents SET STORAGE EXTERNAL;

    CREATE TABLE vulnerability (
        id TEXT COLLATE \"C\" PRIMARY KEY, device TEXT COLLATE \"C\" NOT NULL, cve TEXT COLLATE \"C\" NOT NULL,
        rank BIGINT NOT NULL, priority BIGINT NOT NULL, search TEXT COLLATE \"C\" NOT NULL, record BYTEA NOT NULL,
        digest BYTEA NOT NULL
    );
    CREATE INDEX vulnerability_rank ON vulnerability (rank);
    CREATE INDEX vulnerability_device ON vulnerability (device, rank);
    CREATE TABLE lifecycle (id TEXT COLLATE \"C\" PRIMARY KEY, record BYTEA NOT NULL, digest BYTEA NOT NULL);
    CREATE TABLE plan_event (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device TEXT COLLATE \"C\" NOT NULL,
        cve TEXT COLLATE \"C\" NOT NULL, record BYTEA NOT NULL, digest BYTEA NOT NULL
    );
    CREATE INDEX plan_event_device ON plan_event (device, cve);

    CREATE TABLE progress (
        only_one BOOLEAN PRIMARY KEY CHECK (only_one), sequence BIGINT NOT NULL, packets BIGINT NOT NULL,
        bytes BIGINT NOT NULL, dropped BIGINT NOT NULL, flows BIGINT NOT NULL, newest BIGINT,
        -- Names the newest batch, so that a writer whose connection broke can ask whether it was stored.
        batch TEXT NOT NULL
    );
    INSERT INTO progress VALUES (TRUE, 0, 0, 0, 0, 0, NULL, '');

    CREATE TABLE heard (
        sensor TEXT COLLATE \"C\" PRIMARY KEY, spool TEXT COLLATE \"C\" NOT NULL, number BIGINT NOT NULL,
        places BIGINT NOT NULL
    );
    CREATE TABLE charge (
        only_one BOOLEAN PRIMARY KEY CHECK (only_one), number BIGINT NOT NULL, holder TEXT NOT NULL,
        held_until BIGINT NOT NULL, moved_to TEXT
    );
    INSERT INTO charge VALUES (TRUE, 0, '', 0, NULL);
"];

/// The newest schema that this program knows.
pub(super) const NEWEST: u32 = STEPS.len() as u32;

/// Two programs that start at once must not both take a step; this number stands for the right to.
const MIGRATION_LOCK: i64 = 0x7761_7264_6c69_6e65;

/// Takes the steps that are missing, all in one transaction. Returns how many had been taken.
pub(super) fn migrate(client: &mut Client) -> Result<u32, postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS schema (steps INTEGER NOT NULL)")?;
    let taken = transaction.query_opt("SELECT steps FROM schema", &[])?;
    let taken = taken.map_or(Ok(0), |row| row.try_get::<_, i32>(0))?.cast_unsigned();
    if taken < NEWEST {
        for step in STEPS.iter().skip(taken as usize) {
            transaction.batch_execute(step)?;
        }
        transaction.batch_execute("DELETE FROM schema")?;
        transaction.execute("INSERT INTO schema VALUES ($1)", &[&NEWEST.cast_signed()])?;
    }
    transaction.commit()?;
    Ok(taken)
}
