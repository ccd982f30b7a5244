//! A progress bar on a terminal, nothing elsewhere.

use std::io::IsTerminal as _;

use wardline_capture::Progress;

pub(super) struct ProgressBar(Option<indicatif::ProgressBar>);

impl ProgressBar {
    pub(super) fn new(doing: &'static str, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = indicatif::ProgressBar::no_length().with_message(doing);
        Self(Some(bar))
    }

    pub(super) fn show(&self, progress: Progress, frames: u64) {
        let Some(bar) = &self.0 else { return };
        match progress.total_bytes {
            Some(total) if bar.length() != Some(total) => {
                bar.set_length(total);
                bar.set_style(style("{msg} {wide_bar} {bytes}/{total_bytes}, {prefix} packets, {eta} left"));
            }
            None => bar.set_style(style("{msg} {spinner} {bytes}, {prefix} packets, {elapsed}")),
            Some(_) => {}
        }
        bar.set_prefix(frames.to_string());
        bar.set_position(progress.read_bytes);
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> indicatif::ProgressStyle {
    indicatif::ProgressStyle::with_template(template)
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar())
}
