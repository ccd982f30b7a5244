//! What an update did with one source, and a bar on a terminal while it does it.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use wardline_feeds::sources::Source;

/// Broken documents that are named for each source.
const NAMED_MAX: usize = 20;

pub(super) struct Report {
    source: Source,
    bar: Option<ProgressBar>,
    /// New or changed.
    pub fetched: usize,
    /// As they were.
    pub unchanged: usize,
    /// Kept, though nobody published a checksum.
    pub unchecked: usize,
    /// What is wrong with each broken one, the first of them.
    pub broken: Vec<String>,
    broken_total: usize,
}

impl Report {
    pub(super) fn new(source: Source, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner().with_message(source.name());
            bar.set_style(style("{msg} {spinner} {prefix} {elapsed}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { source, bar, fetched: 0, unchanged: 0, unchecked: 0, broken: Vec::new(), broken_total: 0 }
    }

    pub(super) fn broken(&mut self, what: &str) {
        self.broken_total += 1;
        if self.broken.len() < NAMED_MAX {
            self.broken.push(what.to_owned());
        }
    }

    /// Documents of all.
    pub(super) fn show(&self, seen: usize, total: usize) {
        let Some(bar) = &self.bar else { return };
        bar.set_style(style("{msg} {wide_bar} {pos}/{len}, {eta} left"));
        bar.set_length(total as u64);
        bar.set_position(seen as u64);
    }

    /// Bytes of a file.
    pub(super) fn bytes(&self, received: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        let mega = |bytes: u64| bytes / 1_000_000;
        bar.set_prefix(match total {
            Some(total) => format!("{} of {} MB", mega(received), mega(total)),
            None => format!("{} MB", mega(received)),
        });
    }

    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} new or changed, {} unchanged", self.source.name(), self.fetched, self.unchanged)?;
        if self.unchecked > 0 {
            write!(f, ", {} without a published checksum", self.unchecked)?;
        }
        if self.broken_total > 0 {
            write!(f, ", {} broken", self.broken_total)?;
        }
        Ok(())
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
