//! Builds the program again when the pages were built again.

use std::path::Path;

fn main() {
    let pages = Path::new("../../web/dist");
    // Cargo takes a path that is missing for changed, each time; an empty directory it can compare.
    // Where the source tree cannot be written, building again each time is all that is lost.
    let _ = std::fs::create_dir_all(pages);
    println!("cargo:rerun-if-changed={}", pages.display());
}
