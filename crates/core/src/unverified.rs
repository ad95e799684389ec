//! What was read and not yet verified is a type of its own.

/// A `T` that was read from bytes and that nobody has verified.
///
/// Only this crate turns it into a `T`, and only by verifying it.
#[derive(Clone, Debug)]
#[must_use = "what is not verified says nothing"]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    pub(crate) fn new(claimed: T) -> Unverified<T> {
        Unverified(claimed)
    }

    pub(crate) fn claimed(&self) -> &T {
        &self.0
    }

    pub(crate) fn into_claimed(self) -> T {
        self.0
    }
}
