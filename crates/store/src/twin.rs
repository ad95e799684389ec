//! A store and its mirror: what is written goes to both, and what is read comes from the first.
//!
//! The mirror is written first and emptied last, so that while both are there it holds whatever the first one shows,
//! wherever a process is killed. When the mirror fails, the work goes on without it: its [`Keeper`] is told, and has
//! that on durable record before the call returns.

use std::sync::Arc;

use crate::{
    error::StoreError,
    objects::{ObjectWriter, Objects},
};

/// What a mirror missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Something was written.
    Written,
    /// Something was removed.
    Removed,
}

/// Who knows whether a mirror is there, and remembers what it missed.
pub trait Keeper: Send + Sync {
    /// Whether the mirror is to be tried now.
    fn is_here(&self) -> bool;

    /// Something was done in the first store and not in the mirror: because of `why`, or because it was not tried. On
    /// return this is on durable record; if it cannot be, neither may the caller be told that all is well.
    fn missed(&self, what: Lack, why: Option<&StoreError>) -> Result<(), StoreError>;

    /// An object could not be read from the first store, and was from the mirror.
    fn read_elsewhere(&self, name: &str, why: &str);
}

pub(crate) struct Twin {
    pub(crate) first: Objects,
    pub(crate) mirror: Objects,
    pub(crate) keeper: Arc<dyn Keeper>,
}

/// What a mirror missed: an error of its own, or a call that was not tried.
pub(crate) type Missed = Option<StoreError>;

impl Twin {
    /// Writes in the mirror, then in the first store.
    pub(crate) fn write(
        &self,
        write: impl Fn(&Objects) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mirrored = self.in_mirror(&write);
        write(&self.first)?;
        self.told(Lack::Written, mirrored)
    }

    /// Takes away in the first store, then in the mirror.
    pub(crate) fn take_away(
        &self,
        act: impl Fn(&Objects) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        act(&self.first)?;
        self.told(Lack::Removed, self.in_mirror(act))
    }

    /// Writes where the first store says whether there is anything to write.
    pub(crate) fn write_if(
        &self,
        write: impl Fn(&Objects) -> Result<bool, StoreError>,
        put: impl Fn(&Objects) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let done = write(&self.first)?;
        if done {
            self.told(Lack::Written, self.in_mirror(put))?;
        }
        Ok(done)
    }

    pub(crate) fn writer(&self, name: &str) -> Result<TwinWriter, StoreError> {
        let mut mirror = Err(None);
        if let Err(missed) = self.in_mirror(|objects| {
            mirror = Ok(Box::new(objects.writer(name)?));
            Ok(())
        }) {
            mirror = Err(missed);
        }
        Ok(TwinWriter {
            first: Box::new(self.first.writer(name)?),
            mirror,
        })
    }

    pub(crate) fn finish_many(&self, writers: Vec<TwinWriter>) -> Result<(), StoreError> {
        let (mut firsts, mut mirrors, mut mirrored) = (Vec::new(), Vec::new(), Ok(()));
        for writer in writers {
            firsts.push(*writer.first);
            match writer.mirror {
                Ok(mirror) => mirrors.push(*mirror),
                Err(missed) => mirrored = Err(missed),
            }
        }
        if !mirrors.is_empty()
            && let Err(error) = self.mirror.finish_many(mirrors)
        {
            mirrored = Err(Some(error));
        }
        self.first.finish_many(firsts)?;
        self.told(Lack::Written, mirrored)
    }

    fn in_mirror(
        &self,
        act: impl FnOnce(&Objects) -> Result<(), StoreError>,
    ) -> Result<(), Missed> {
        match self.keeper.is_here() {
            true => act(&self.mirror).map_err(Some),
            false => Err(None),
        }
    }

    fn told(&self, what: Lack, mirrored: Result<(), Missed>) -> Result<(), StoreError> {
        match mirrored {
            Ok(()) => Ok(()),
            Err(missed) => self.keeper.missed(what, missed.as_ref()),
        }
    }
}

/// An object on its way to both stores.
pub(crate) struct TwinWriter {
    first: Box<ObjectWriter>,
    mirror: Result<Box<ObjectWriter>, Missed>,
}

impl TwinWriter {
    /// Appends to both; what the mirror fails with is told when the object is finished.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Ok(mirror) = &mut self.mirror
            && let Err(error) = mirror.append(bytes)
        {
            self.mirror = Err(Some(error));
        }
        self.first.append(bytes)
    }
}
