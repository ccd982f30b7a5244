//! Prints `docs/protocols.md`: `cargo xtask docs`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(wardline_flows::catalogue_page().as_bytes())
}
