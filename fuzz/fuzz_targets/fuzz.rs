//! The program that libFuzzer drives. One program for all targets; `WARDLINE_FUZZ_TARGET` says which.
#![cfg_attr(fuzzing, no_main)]

/// Lists the targets, one a line, and ends.
#[cfg(fuzzing)]
const LIST: &str = "WARDLINE_FUZZ_LIST";
/// A directory into which the seeds of the target are written before it begins.
#[cfg(fuzzing)]
const SEEDS: &str = "WARDLINE_FUZZ_SEEDS";

/// A folder of captures whose conversations are seeds as well.
#[cfg(fuzzing)]
const CAPTURES: &str = "WARDLINE_CORPUS";

#[cfg(fuzzing)]
static TARGET: std::sync::OnceLock<wardline_fuzz::targets::Target> = std::sync::OnceLock::new();

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(
    init: begin(),
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);

#[cfg(fuzzing)]
fn begin() {
    use wardline_fuzz::{corpus, meters, targets};
    if std::env::var_os(LIST).is_some() {
        targets::all().iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    }
    assert!(meters::counts_steps(), "compiled without the counter of steps; use cargo xtask fuzz");
    let name = std::env::var("WARDLINE_FUZZ_TARGET").unwrap_or_default();
    let target = targets::named(&name).unwrap_or_else(|| panic!("{name}: no such target"));
    if let Some(directory) = std::env::var_os(SEEDS) {
        let mut seeds = (target.seeds)();
        if let Some(captures) = std::env::var_os(CAPTURES) {
            let talks = corpus::talks(std::path::Path::new(&captures));
            seeds.extend(talks.iter().filter_map(|talk| (target.adopt)(talk)));
        }
        for (number, seed) in seeds.iter().enumerate() {
            let file = std::path::Path::new(&directory).join(format!("seed-{number:05}"));
            std::fs::write(&file, seed).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    // Only this function sets it.
    let _ = TARGET.set(target);
}

#[cfg(not(fuzzing))]
fn main() {
    println!("This is for libFuzzer: run `cargo xtask fuzz`. The targets are:");
    wardline_fuzz::targets::all().iter().for_each(|target| println!("{}", target.name));
}
