//! The kernel, asked through nft(8) as a child: no shell, no file, an end to waiting.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use thiserror::Error;

use crate::json::{Buffer, LEASE, preparation, removal, renewal, replacement};
use crate::ruleset::{Ruleset, TABLE};

/// How long nft may take; the largest policy takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);
/// Complaint of nft that is passed on.
const COMPLAINT_BYTES_MAX: usize = 600;

/// What went wrong with nft.
#[derive(Debug, Error)]
pub enum KernelError {
    /// It could not be run.
    #[error("nft cannot be run: {0}; install nftables, and run this with the capability CAP_NET_ADMIN")]
    NotRun(std::io::Error),
    /// It refused.
    #[error("nft refused: {0}")]
    Refused(String),
    /// It did not come back.
    #[error("nft did not answer within {} s", PATIENCE.as_secs())]
    Late,
    /// It answered something else.
    #[error("nft answered what this program does not understand: {0}")]
    Strange(serde_json::Error),
}

/// Puts a ruleset in the place of what is there. Its sets are filled first; the rules change in one transaction.
pub fn install(ruleset: &Ruleset, lease_s: u64) -> Result<(), KernelError> {
    let present = present_sets()?;
    let in_use = |buffer: Buffer| present.iter().filter(|name| buffer.holds(name)).count();
    // Both are there where a program died between the two transactions; sets in use cannot be deleted, so the kernel tells.
    let mut buffers = [Buffer::A, Buffer::B];
    buffers.sort_by_key(|buffer| in_use(*buffer));
    let [free, other] = buffers;
    let prepare = |buffer| run(&["-j", "-f", "-"], &preparation(ruleset, buffer, &present).to_string());
    let buffer = match prepare(free) {
        Ok(_) => free,
        Err(KernelError::Refused(complaint)) if in_use(free) > 0 && complaint.contains("busy") => {
            prepare(other)?;
            other
        }
        Err(error) => return Err(error),
    };
    run(&["-j", "-f", "-"], &replacement(ruleset, buffer, &present, lease_s).to_string()).map(drop)
}

/// Lets the restrictions live for `lease_s` seconds from now.
pub fn renew(lease_s: u64) -> Result<(), KernelError> {
    run(&["-j", "-f", "-"], &renewal(lease_s).to_string()).map(drop)
}

/// Takes the table away.
pub fn remove() -> Result<(), KernelError> {
    run(&["-j", "-f", "-"], &removal().to_string()).map(drop)
}

/// Whether the lease lives: restrictions are in force.
pub fn is_leased() -> Result<bool, KernelError> {
    match run(&["-j", "list", "set", "inet", TABLE, LEASE], "") {
        Ok(text) => {
            let answer: Value = serde_json::from_str(&text).map_err(KernelError::Strange)?;
            let objects = answer["nftables"].as_array().into_iter().flatten();
            Ok(objects.flat_map(|one| one["set"]["elem"].as_array()).any(|elements| !elements.is_empty()))
        }
        Err(KernelError::Refused(complaint)) if is_absent(&complaint) => Ok(false),
        Err(error) => Err(error),
    }
}

/// All rules of the machine, without counters: to compare before and after.
pub fn listing() -> Result<String, KernelError> {
    run(&["-s", "list", "ruleset"], "")
}

fn present_sets() -> Result<Vec<String>, KernelError> {
    let text = match run(&["-j", "-t", "list", "table", "inet", TABLE], "") {
        Ok(text) => text,
        Err(KernelError::Refused(complaint)) if is_absent(&complaint) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let answer: Value = serde_json::from_str(&text).map_err(KernelError::Strange)?;
    let objects = answer["nftables"].as_array().into_iter().flatten();
    Ok(objects.filter_map(|one| one["set"]["name"].as_str()).map(str::to_owned).collect())
}

fn is_absent(complaint: &str) -> bool {
    complaint.contains("No such file or directory")
}

fn run(arguments: &[&str], input: &str) -> Result<String, KernelError> {
    let mut child = Command::new("nft")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .spawn()
        .map_err(KernelError::NotRun)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // It may stop reading when it refuses: what it says then is what counts.
        scope.spawn(|| stdin.map(|mut pipe| pipe.write_all(input.as_bytes())));
        let output = scope.spawn(|| collect(stdout));
        let complaint = scope.spawn(|| collect(stderr));
        let succeeded = wait(&mut child)?;
        let output = output.join().unwrap_or_default();
        let complaint = complaint.join().unwrap_or_default();
        if succeeded {
            return Ok(output);
        }
        let first: String = complaint.chars().take(COMPLAINT_BYTES_MAX).collect();
        Err(KernelError::Refused(first.trim().replace('\n', "; ")))
    })
}

fn collect(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is still worth reading.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child) -> Result<bool, KernelError> {
    let start = Instant::now();
    loop {
        match child.try_wait().map_err(KernelError::NotRun)? {
            Some(status) => return Ok(status.success()),
            None if start.elapsed() > PATIENCE => {
                // Killing closes the pipes, so the threads end.
                let _ = child.kill();
                let _ = child.wait();
                return Err(KernelError::Late);
            }
            None => thread::sleep(POLL),
        }
    }
}
