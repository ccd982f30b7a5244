//! Patient data and secrets, from the moment they are parsed.

/// A value that tells who a patient is, how he fares, or a secret.
///
/// It has no `Debug`, `Display` or `Serialize`, so it cannot reach a log, an error or a record by accident.
/// The only way on is [`Sensitive::expose`], whose callers turn it into a keyed pseudonym or a number at once;
/// `cargo xtask tidy` keeps them inside `flows`.
///
/// ```compile_fail
/// let name = wardline_wire::Sensitive::new(&b"..."[..]);
/// println!("{name:?}");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps what must not be seen.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Unwraps it. The caller promises to pseudonymise, count or classify it, and to keep nothing else.
    pub fn expose(self) -> T {
        self.0
    }

    /// Another view of the same secret.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Sensitive<U> {
        Sensitive(view(self.0))
    }
}

impl Sensitive<&[u8]> {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }
}
