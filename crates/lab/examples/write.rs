//! Writes a simulated hospital: `cargo run -p wardline-lab --example write -- SEED SECONDS FILE [attacked]`.
//!
//! Beside `FILE` it writes `FILE.labels.json`: what is true of it.

use std::fs::File;
use std::io::BufWriter;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, seconds, path, attacked @ ..] = arguments.as_slice() else {
        return Err("usage: write SEED SECONDS FILE [attacked]".into());
    };
    let hospital = wardline_lab::Hospital::for_demonstration(seed.parse()?, !attacked.is_empty());
    let labels =
        wardline_lab::write_capture(hospital, seconds.parse()?, &mut BufWriter::new(File::create(path)?))?;
    std::fs::write(format!("{path}.labels.json"), serde_json::to_vec_pretty(&labels)?)?;
    Ok(())
}
