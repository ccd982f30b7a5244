//! The targets: everything that reads bytes of strangers.

mod conversations;

/// Something that reads bytes of strangers, with everything that must hold.
pub struct Target {
    /// Its name, as on the command line and in `regressions/`.
    pub name: String,
    /// Reads an input. Panics where something does not hold.
    pub run: Box<dyn Fn(&[u8]) + Send + Sync>,
    /// Inputs to begin with.
    pub seeds: Box<dyn Fn() -> Vec<Vec<u8>> + Send + Sync>,
}

/// All of them.
pub fn all() -> Vec<Target> {
    conversations::targets().collect()
}

/// The one with this name.
pub fn named(name: &str) -> Option<Target> {
    all().into_iter().find(|target| target.name == name)
}
