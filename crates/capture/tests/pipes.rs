//! Captures that come through pipes: standard input and named pipes.
#![expect(clippy::expect_used, reason = "a test fails by panic")]

use std::io::Write;
use std::process::{Command, Stdio};

use wardline_capture::{CaptureFile, MergedCapture, PcapWriter, link_type};

fn capture(frames: u32) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), link_type::ETHERNET).expect("a header");
    for number in 0..frames {
        writer.write_frame(i64::from(number), &[number as u8; 900], 900).expect("written");
    }
    writer.finish().expect("written")
}

/// What the child of the test below does; by itself it does nothing.
#[test]
fn child_that_counts_standard_input() {
    if std::env::var_os("WARDLINE_COUNT_STDIN").is_none() {
        return;
    }
    let mut merged = MergedCapture::open(["-"]);
    let mut count = 0;
    while merged.next_frame().is_some() {
        count += 1;
    }
    println!("counted {count} {:?} {:?}", merged.progress().total_bytes, merged.take_errors());
}

fn count_through_stdin(bytes: &[u8]) -> String {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child_that_counts_standard_input", "--nocapture"])
        .env("WARDLINE_COUNT_STDIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(bytes).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let bytes = capture(3_000);
    assert!(count_through_stdin(&bytes).contains("counted 3000 None []"));
    let compressed = zstd::encode_all(bytes.as_slice(), 1).expect("compresses");
    assert!(count_through_stdin(&compressed).contains("counted 3000 None []"));
    let cut = count_through_stdin(&bytes[..bytes.len() - 1]);
    assert!(cut.contains("counted 2999") && cut.contains("standard input"), "{cut}");
}

#[test]
fn a_named_pipe_delivers_frames_before_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pipe");
    match Command::new("mkfifo").arg(&path).status() {
        Ok(status) if status.success() => {}
        outcome => {
            println!("skipped: mkfifo: {outcome:?}");
            return;
        }
    }
    let (seen, wait) = std::sync::mpsc::channel();
    let writer_path = path.clone();
    let writer = std::thread::spawn(move || {
        let bytes = capture(10);
        let mut pipe = std::fs::OpenOptions::new().write(true).open(writer_path).expect("opens");
        // Three whole records: the reader must not wait for a full buffer.
        pipe.write_all(&bytes[..24 + 3 * 916]).expect("written");
        wait.recv().expect("the reader saw them");
        pipe.write_all(&bytes[24 + 3 * 916..]).expect("written");
    });
    let mut file = CaptureFile::open(&path).expect("opens");
    for number in 1..=3 {
        assert_eq!(file.next_frame().expect("reads").map(|frame| frame.number), Some(number));
    }
    seen.send(()).expect("the writer waits");
    for number in 4..=10 {
        assert_eq!(file.next_frame().expect("reads").map(|frame| frame.number), Some(number));
    }
    assert!(matches!(file.next_frame(), Ok(None)));
    writer.join().expect("the writer ends");
}
