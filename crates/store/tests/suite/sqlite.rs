//! What only a directory has.

use wardline_store::{FlowQuery, SqliteStore, Store as _};

#[test]
fn a_remnant_of_a_crash_is_removed_and_other_files_are_left() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let flows = directory.path().join("flows");
    for name in ["flows-000000000009.parquet", "flows-000000000010.parquet.unfinished", "notes.txt"] {
        std::fs::write(flows.join(name), b"half").unwrap();
    }
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.flows(&FlowQuery::default()).unwrap().total, 0);
    let left: Vec<_> = std::fs::read_dir(&flows).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
}
