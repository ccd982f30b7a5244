//! Every past crash, and a fixed number of seeded random and mutated inputs, through every target with everything that
//! must hold. The same in every run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wardline_fuzz::meters;
use wardline_fuzz::mutation::Inputs;
use wardline_fuzz::targets::{self, Target};

/// Inputs of each kind for each target.
const INPUTS: usize = 400;

/// Runs one input; what does not hold, with the input.
fn run(target: &Target, what: &str, input: &[u8]) -> Result<(), String> {
    let broken = match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(()) => return Ok(()),
        Err(broken) => broken,
    };
    let said = broken
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| broken.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    let said: String = said.chars().take(600).collect();
    Err(format!("{}, {what}: {said}\n  input: \"{}\"", target.name, input.escape_ascii()))
}

fn every_input(target: &Target) -> Result<(), String> {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(&target.name);
    if let Ok(files) = std::fs::read_dir(&regressions) {
        for file in files.flatten() {
            let input = std::fs::read(file.path()).map_err(|error| format!("{:?}: {error}", file.path()))?;
            run(target, &file.file_name().to_string_lossy(), &input)?;
        }
    }
    let seeds = (target.seeds)();
    for (number, seed) in seeds.iter().enumerate() {
        run(target, &format!("seed {number}"), seed)?;
    }
    let mut inputs = Inputs::new(1);
    for number in 0..INPUTS {
        run(target, &format!("random input {number}"), &inputs.random())?;
        run(target, &format!("mutated input {number}"), &inputs.mutated(&seeds))?;
    }
    Ok(())
}

#[test]
fn every_target_holds_what_it_must() {
    if std::env::var_os("WARDLINE_FUZZ_STEPS").is_some() {
        assert!(meters::counts_steps(), "compiled without the counter of steps");
    }
    let targets = targets::all();
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(said) = every_input(target) {
                broken.lock().unwrap().push(said);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{} of {} targets:\n{}", broken.len(), targets.len(), broken.join("\n"));
}

#[test]
fn every_regression_belongs_to_a_target() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let known: Vec<String> = targets::all().into_iter().map(|target| target.name).collect();
    for entry in std::fs::read_dir(directory).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "regressions/{name}: no such target");
    }
}
