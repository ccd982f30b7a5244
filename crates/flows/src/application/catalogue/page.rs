//! The catalogue as a page of Markdown.

use std::fmt::Write as _;

use super::catalogue;

const HEAD: &str = "# Protocols

Written by `cargo xtask docs` from `crates/flows/src/application/catalogue`; a test refuses a page that is old.

Everything is recognised by content, never by port. *Attributes* become facts about devices and what they do, each
with its packet and field; patient data and secrets become keyed pseudonyms or counts before anything is told. A
protocol without attributes is recognised, and no more. `tshark` under *tested against* means that the fields were compared
one by one over the captures of `WARDLINE_CORPUS`; *vectors* are bytes made by hand from the standard.
";

/// `docs/protocols.md`.
pub fn catalogue_page() -> String {
    let mut page = HEAD.to_owned();
    for family in catalogue() {
        let _ = write!(
            page,
            "\n## {}\n\n| protocol | standard | attributes | tested against | ignored |\n| --- | --- | --- | --- | --- |\n",
            family.name
        );
        for entry in family.entries {
            let attributes = if entry.attributes.is_empty() {
                "recognised only".to_owned()
            } else {
                entry.attributes.join(", ")
            };
            let _ = writeln!(
                page,
                "| `{}` | {} | {attributes} | {} | {} |",
                entry.protocol,
                entry.name,
                entry.tested.join(", "),
                entry.ignored
            );
        }
    }
    page
}
