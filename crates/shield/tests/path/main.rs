//! The path between the two ends: what it carries, and what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod attacks;
mod killed;
mod pair;
mod real;

use std::sync::Arc;

use pair::{Pair, ask, echo, until, value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wardline_model::Attack;

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_share_one_link_and_end_as_they_would() {
    let pair = Pair::new();
    let server = echo(pair.target).await;
    let (clinic, device) = pair.start().await;
    let mut asking = Vec::new();
    for number in 0..40_usize {
        let address = pair.device;
        asking.push(tokio::spawn(async move {
            // From nothing to several windows.
            let message: Vec<u8> = (0..number * number * 400).map(|at| (at * 31 + number) as u8).collect();
            let got = ask(address, &message).await.unwrap();
            assert!(got == message, "connection {number}");
        }));
    }
    for task in asking {
        task.await.unwrap();
    }
    assert_eq!((value(&clinic.counters.links_total), value(&device.counters.links_total)), (1, 1));
    assert_eq!(value(&device.counters.connections_total), 40);
    until("all closed", || value(&device.counters.connections_open) == 0).await;
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_nothing_holds_up_nobody() {
    let pair = Pair::new();
    let listener = TcpListener::bind(pair.target).await.unwrap();
    let server = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut first = [0_u8; 1];
            connection.read_exact(&mut first).await.unwrap();
            if first == *b"s" {
                kept.push(connection);
            } else {
                connection.write_all(b"at once").await.unwrap();
            }
        }
    });
    let (clinic, device) = pair.start().await;
    let mut stuck = TcpStream::connect(pair.device).await.unwrap();
    let filling = tokio::spawn(async move {
        let piece = [b's'; 64 * 1024];
        while stuck.write_all(&piece).await.is_ok() {}
    });
    until("it is stuck", || value(&device.counters.sent_bytes_total) > 64 * 1024).await;
    for _ in 0..5 {
        assert_eq!(ask(pair.device, b"q").await.unwrap(), b"at once");
    }
    filling.abort();
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_never_looks_finished() {
    let pair = Pair::new();
    let listener = TcpListener::bind(pair.target).await.unwrap();
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        connection.read_to_end(&mut all).await.map(|_| all)
    });
    let (clinic, device) = pair.start().await;
    let mut client = TcpStream::connect(pair.device).await.unwrap();
    client.write_all(b"half of a mess").await.unwrap();
    until("it arrived", || value(&clinic.counters.received_bytes_total) == 14).await;
    // The box loses power: no word of an end.
    device.kill().await;
    clinic.stop().await;
    assert!(server.await.unwrap().is_err(), "the server must see a reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_lost_comes_back_resumed() {
    let pair = Pair::new();
    let server = echo(pair.target).await;
    let (clinic, device) = pair.start().await;
    assert_eq!(ask(pair.device, b"one").await.unwrap(), b"one");
    clinic.stop().await;
    let clinic = pair.clinic();
    assert_eq!(until_asked(&pair, b"two").await, b"two");
    // The clinic end's keys for tickets were lost with it; a path that breaks keeps them.
    assert_eq!(value(&device.counters.handshakes_resumed_total), 0);
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

/// Asks until the link is back: connections are refused while there is none.
async fn until_asked(pair: &Pair, message: &[u8]) -> Vec<u8> {
    // On a busy machine the link takes its time, and a refusal takes none.
    for _ in 0..300 {
        if let Ok(got) = ask(pair.device, message).await
            && !got.is_empty()
        {
            return got;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the link never came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_box_is_cut_off_and_told() {
    let pair = Pair::new();
    let server = echo(pair.target).await;
    let (clinic, device) = pair.start().await;
    let mut open = TcpStream::connect(pair.device).await.unwrap();
    open.write_all(b"x").await.unwrap();
    open.read_exact(&mut [0]).await.unwrap();
    pair.authority().revoke("ward-3", pair::now_s()).unwrap();
    assert!(open.read_exact(&mut [0]).await.is_err(), "what is open ends");
    until("the box is told", || {
        pair.findings("device").iter().any(|finding| finding.evidence[0].value.as_str().contains("revoked"))
    })
    .await;
    until("it is reported", || {
        pair.findings("clinic").iter().any(|finding| finding.detector.as_str() == "shield-revoked-box")
    })
    .await;
    // A new enrolment of the same box lets it in again, and the old key stays out.
    let old = std::fs::read(pair.path("device/identity.pem")).unwrap();
    device.stop().await;
    pair.enrol().await.unwrap();
    let device = pair.device(pair.link);
    assert_eq!(until_asked(&pair, b"again").await, b"again");
    device.stop().await;
    std::fs::write(pair.path("device/identity.pem"), old).unwrap();
    let refused = value(&clinic.counters.handshakes_failed_total);
    let device = pair.device(pair.link);
    until("refused", || value(&clinic.counters.handshakes_failed_total) > refused).await;
    assert_eq!(value(&device.counters.links_total), 0);
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_renew_themselves_under_an_open_connection() {
    let mut pair = Pair::new();
    pair.clinic_more = "certificate_s = 10".to_owned();
    let server = echo(pair.target).await;
    let (clinic, device) = pair.start().await;
    let before = std::fs::read(pair.path("device/identity.pem")).unwrap();
    let mut open = TcpStream::connect(pair.device).await.unwrap();
    until("renewed", || value(&device.counters.certificates_renewed_total) >= 1).await;
    until("a link with the new one", || value(&device.counters.links_total) >= 2).await;
    open.write_all(b"x").await.unwrap();
    open.read_exact(&mut [0]).await.expect("an earlier link goes on until its streams end");
    assert_ne!(std::fs::read(pair.path("device/identity.pem")).unwrap(), before);
    drop(open);
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_code_is_for_one_box_once_and_one_authority() {
    let pair = Pair::new();
    let clinic = pair.clinic();
    let code = pair.authority().code("ward-3", 600, pair::now_s()).unwrap();
    // Somebody in between, with an authority of his own.
    let other = Pair { enrolment: pair.enrolment, ..Pair::new() };
    let foreign = other.authority().code("ward-3", 600, pair::now_s()).unwrap();
    assert!(pair.enrol_with(&foreign).await.is_err(), "an authority that is not the one of the code");
    let wrong = code.replace(code.split('.').nth(1).unwrap(), &"0".repeat(32));
    assert!(pair.enrol_with(&wrong).await.unwrap_err().to_string().contains("wrong"));
    pair.enrol_with(&code).await.unwrap();
    assert!(pair.enrol_with(&code).await.is_err(), "used");
    until("reported", || {
        pair.findings("clinic").iter().any(|finding| {
            finding.detector.as_str() == "shield-wrong-enrolment" && finding.attack == Attack::Physical
        })
    })
    .await;
    clinic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_gets_no_service_that_is_not_its_own() {
    let mut pair = Pair::new();
    pair.device_more = format!("[[service]]\nname = \"other\"\nlisten = \"{}\"\n", pair::free_address());
    let server = echo(pair.target).await;
    let (clinic, device) = pair.start().await;
    let address =
        wardline_shield::Settings::parse(&pair.device_settings(pair.link), wardline_shield::Role::Device)
            .unwrap()
            .service
            .iter()
            .find(|service| service.get_ref().name.get_ref() == "other")
            .map(|service| *service.get_ref().listen.as_ref().unwrap().get_ref())
            .unwrap();
    assert!(ask(address, b"x").await.is_err());
    until("reported", || {
        pair.findings("clinic").iter().any(|finding| finding.detector.as_str() == "shield-foreign-service")
    })
    .await;
    assert_eq!(ask(pair.device, b"x").await.unwrap(), b"x", "the link lives on");
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_and_the_rest_go_in_cells_of_one_length() {
    let mut pair = Pair::new();
    pair.device_more =
        "[shaping]\ninterval_ms = 5\ncell_bytes = 512\n[class.therapy]\nshaped = true\n".to_owned();
    let server = echo(pair.target).await;
    let meddler = Arc::new(attacks::Meddler::start(pair.link).await);
    let clinic = pair.clinic();
    pair.enrol().await.unwrap();
    let device = pair.device(meddler.address);
    until("link", || value(&device.counters.links_up) == 1).await;
    until("cells", || value(&device.counters.cells_total) > 20 && value(&clinic.counters.cells_total) > 20)
        .await;
    assert_eq!(ask(pair.device, &[7; 5_000]).await.unwrap(), [7; 5_000]);
    device.stop().await;
    clinic.stop().await;
    // 512 bytes, one of content type, sixteen of the tag, five of the header: RFC 8446 section 5.2.
    let cells = meddler.record_lengths().iter().filter(|length| **length == 512 + 1 + 16).count();
    assert!(cells > 40, "{cells}");
    server.abort();
}
