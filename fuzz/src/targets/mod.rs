//! The targets: everything that reads bytes of strangers.

mod captures;
mod conversations;
mod frame_seeds;
mod frames;
mod knowledge;
mod settings;
mod wire_format;

use crate::corpus::Talk;

/// Something that reads bytes of strangers, with everything that must hold.
pub struct Target {
    /// Its name, as on the command line and in `regressions/`.
    pub name: String,
    /// Reads an input. Panics where something does not hold.
    pub run: Box<dyn Fn(&[u8]) + Send + Sync>,
    /// Inputs to begin with.
    pub seeds: Box<dyn Fn() -> Vec<Vec<u8>> + Send + Sync>,
    /// Makes an input of a conversation, where it is of use here.
    pub adopt: Box<dyn Fn(&Talk) -> Option<Vec<u8>> + Send + Sync>,
}

/// A target that has no use for conversations.
fn alone(name: &str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name: name.to_owned(), run: Box::new(run), seeds: Box::new(seeds), adopt: Box::new(|_| None) }
}

/// All of them.
pub fn all() -> Vec<Target> {
    conversations::targets()
        .chain(frames::targets())
        .chain(captures::targets())
        .chain(knowledge::targets())
        .chain(settings::targets())
        .collect()
}

/// The one with this name.
pub fn named(name: &str) -> Option<Target> {
    all().into_iter().find(|target| target.name == name)
}
