//! From one store to another and back, and through a backup, nothing is lost and nothing added.

use wardline_model::DeviceId;
use wardline_store::{
    Batch, Heard, PostgresStore, SqliteStore, Store, StoreError, back_up, copy, proof, restore,
};

use crate::backend::Backend;
use crate::records::{batch, device, finding};

/// A store with something in every table, in files and waiting.
fn fill(store: &dyn Store) {
    for number in 1..=35 {
        store.append(&batch(number)).unwrap();
    }
    let heard = Heard { sensor: "icu".to_owned(), spool: "s".to_owned(), number: 4, places: 2 };
    store.append(&Batch { findings: vec![finding(7, 3)], heard: vec![heard], ..Batch::default() }).unwrap();
}

#[test]
fn to_the_server_and_back() {
    let Some(database) = Backend::postgresql("moved") else { return };
    let (first, last) = (Backend::sqlite(), Backend::sqlite());
    let (from, server, back) = (first.open(10), database.open(9), last.open(8));
    fill(from.as_ref());
    let expected = proof(from.as_ref()).unwrap();
    assert_eq!(expected.items, 35 * 3 + 3);
    assert_eq!(copy(from.as_ref(), server.as_ref(), Some("there")).unwrap(), expected);
    // Whoever goes on writing to the old place is told where it went; reading goes on.
    let refused = first.open(10).append(&batch(36)).unwrap_err();
    assert!(refused.to_string().contains("moved to there"), "{refused}");
    assert_eq!(first.open(10).device(&DeviceId::from("d-000000000035")).unwrap(), Some(device(35)));
    assert_eq!(copy(server.as_ref(), back.as_ref(), None).unwrap(), expected);
    assert_eq!(proof(back.as_ref()).unwrap(), expected);
    // A copy counts on where its source ended.
    assert_eq!(server.append(&batch(36)).unwrap(), back.append(&batch(36)).unwrap());
    assert_eq!(proof(back.as_ref()).unwrap(), proof(server.as_ref()).unwrap());
}

#[test]
fn nothing_is_copied_into_what_holds_something() {
    for target in [Some(Backend::sqlite()), Backend::postgresql("full")].into_iter().flatten() {
        let source = Backend::sqlite();
        fill(source.open(10).as_ref());
        let store = target.open(10);
        store.append(&batch(1)).unwrap();
        let before = proof(store.as_ref()).unwrap();
        let refused = copy(source.open(10).as_ref(), store.as_ref(), Some("there")).unwrap_err();
        assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
        assert_eq!(proof(store.as_ref()).unwrap(), before);
        source.open(10).append(&batch(36)).expect("the source was left as it was");
    }
}

#[test]
fn a_backup_is_whole_or_refused() {
    let backends = || [Some(Backend::sqlite()), Backend::postgresql("backed_up")];
    for source in backends().into_iter().flatten() {
        let store = source.open(10);
        fill(store.as_ref());
        let mut backup = Vec::new();
        let expected = back_up(store.as_ref(), &mut backup).unwrap();
        assert_eq!(expected, proof(store.as_ref()).unwrap());
        let fresh = Backend::sqlite();
        assert_eq!(restore(backup.as_slice(), fresh.open(10).as_ref()).unwrap(), expected);

        let cut = zstd::decode_all(backup.as_slice()).unwrap();
        let lines: Vec<_> = cut.split_inclusive(|byte| *byte == b'\n').collect();
        let without = |left_out: usize| -> Vec<u8> {
            let kept = lines.iter().enumerate().filter(|(place, _)| *place != left_out);
            kept.flat_map(|(_, line)| line.iter().copied()).collect()
        };
        let mut changed = cut.clone();
        let place = changed.windows(6).position(|window| window == b"pump-7").unwrap() + 5;
        changed[place] = b'8';
        for bad in [without(3), without(lines.len() - 1), changed, cut[..cut.len() / 2].to_vec()] {
            let target = Backend::sqlite();
            let bad = zstd::encode_all(bad.as_slice(), 1).unwrap();
            restore(bad.as_slice(), target.open(10).as_ref()).unwrap_err();
            assert_eq!(target.open(10).overview().unwrap().sequence, 0, "nothing of it is stored");
        }
        restore(&backup[..backup.len() / 2], Backend::sqlite().open(10).as_ref()).unwrap_err();
    }
}

#[test]
fn both_answer_through_the_same_trait() {
    fn is_store<T: Store>() {}
    is_store::<SqliteStore>();
    is_store::<PostgresStore>();
}
