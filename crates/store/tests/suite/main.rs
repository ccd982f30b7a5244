//! What was acknowledged survives kill -9, damage is noticed, pages of answers are whole: the same on either database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod backend;
mod copies;
mod postgresql;
mod records;
mod same;
mod server;
mod sqlite;

use std::io::Write as _;

use records::batch;

/// Not a test of its own: the process that `killed_again_and_again` kills.
#[test]
fn writer_that_is_killed() {
    let Some(place) = std::env::var_os("WARDLINE_TEST_STATE") else { return };
    let store = backend::open(place.to_str().unwrap(), 7);
    let mut number = store.overview().unwrap().sequence;
    loop {
        number += 1;
        let acknowledged = store.append(&batch(number)).unwrap();
        println!("acknowledged {}", acknowledged.sequence);
        std::io::stdout().flush().unwrap();
    }
}
