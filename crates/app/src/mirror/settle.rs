//! A mirror for a living centre: added, and dropped. Both are events.

use std::path::Path;

use comity_core::checkpoint::LogKeys;
use comity_ledger::Tree;
use comity_store::{Credentials, Disk, Objects};

use super::note::{ADDED, Note};
use crate::acts::SolemnAct;
use crate::ambient::time_text;
use crate::centre::{Centre, Config, KEYS_FILE};
use crate::error::{AppError, Result};
use crate::event::Actor;

/// For so long, in seconds, a mirror on S3 is tried before the work goes on without it, unless its address says.
const RETRY_SECS: u32 = 10;

/// The store at `place`: an address on S3, or a folder, which is made if `make` says so.
pub fn open_place(place: &str, make: bool, disk: &Disk) -> Result<Objects> {
    if place.contains("://") {
        let keys = Credentials::from_env().ok_or_else(|| {
            AppError::Usage("the object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment".to_owned())
        })?;
        return Ok(Objects::from_url(place, &keys, disk.clone())?);
    }
    let folder = Path::new(place).to_owned();
    Ok(match make {
        true => Objects::local(folder, disk.clone())?,
        false => Objects::local_if_there(folder, disk.clone()),
    })
}

/// An address of a mirror, with the term after which it is given up for a while.
pub(crate) fn impatient(place: &str) -> String {
    if !place.contains("://") || place.contains("retry_secs=") {
        return place.to_owned();
    }
    let joint = if place.contains('?') { '&' } else { '?' };
    format!("{place}{joint}retry_secs={RETRY_SECS}")
}

/// A place as it is kept: folders by their whole paths.
pub(crate) fn whole_place(place: &str) -> Result<String> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let path = std::path::absolute(place).map_err(|e| AppError::io(Path::new(place), e))?;
    let text = path.to_str().ok_or_else(|| {
        AppError::Usage(format!(
            "the folder {} has a name that is no text",
            path.display()
        ))
    })?;
    Ok(text.to_owned())
}

/// Refuses a place in the centre or around it: one disk, and one accident, would take both.
pub(crate) fn refuse_own_place(dir: &Path, first: Option<&str>, place: &str) -> Result<()> {
    let is_same = match first {
        Some(first) => first == place,
        None => false,
    };
    let real = |p: &Path| std::fs::canonicalize(p).or_else(|_| std::path::absolute(p));
    let overlaps = !place.contains("://") && {
        let own = real(dir).map_err(|e| AppError::io(dir, e))?;
        let there = real(Path::new(place)).map_err(|e| AppError::io(Path::new(place), e))?;
        let first = first.filter(|f| !f.contains("://"));
        there.starts_with(&own)
            || own.starts_with(&there)
            || first.is_some_and(|f| {
                let first = real(Path::new(f)).unwrap_or_else(|_| f.into());
                there.starts_with(&first) || first.starts_with(&there)
            })
    };
    if is_same || overlaps {
        return Err(AppError::Usage(format!(
            "{place} lies in the centre itself or around it: name a store on another disk"
        )));
    }
    Ok(())
}

/// Makes an empty store the mirror of a log, or finds that it was one before.
pub(crate) fn prepare(place: &str, keys: &LogKeys, disk: &Disk) -> Result<()> {
    let objects = open_place(place, true, disk)?;
    let is_ours = match objects.get(KEYS_FILE)? {
        Some(bytes) => LogKeys::parse(&bytes).is_ok_and(|found| found.origin() == keys.origin()),
        None => objects.list("ledger/")?.is_empty() && objects.list("vault/")?.is_empty(),
    };
    if !is_ours {
        return Err(AppError::Usage(format!(
            "{place} holds something else than a mirror of this centre: name an empty store"
        )));
    }
    Ok(objects.put(KEYS_FILE, keys.to_file().as_bytes())?)
}

impl Centre {
    /// The act of making `place` the mirror of this centre, which is looked at, and left as it is.
    ///
    /// # Errors
    /// [`AppError::Usage`] where there is a mirror already, or the place is no place for one.
    pub fn mirror_act(&self, place: &str) -> Result<SolemnAct> {
        let place = whole_place(place)?;
        if let Some(mirror) = &self.config.mirror {
            return Err(AppError::Usage(format!(
                "the centre has a mirror already, {mirror}: drop it first with `comity vault mirror drop`"
            )));
        }
        refuse_own_place(&self.dir, self.config.objects.as_deref(), &place)?;
        Ok(SolemnAct::AddMirror(place))
    }

    /// The act of having no mirror any more.
    ///
    /// # Errors
    /// [`AppError::Usage`] where there is none.
    pub fn no_mirror_act(&self) -> Result<SolemnAct> {
        let place = self.config.mirror.clone();
        place
            .map(SolemnAct::DropMirror)
            .ok_or_else(|| AppError::Usage("the centre has no mirror".to_owned()))
    }

    /// Makes `place` the mirror of this centre, from the next opening on; the leaf that records it.
    ///
    /// # Errors
    /// As [`Centre::mirror_act`].
    pub fn add_mirror(&self, actor: &Actor, place: &str) -> Result<u64> {
        let act = self.mirror_act(place)?;
        let place = whole_place(place)?;
        self.may_act(&mut self.session()?, actor, &act)?;
        let disk = &self.ambient.disk;
        prepare(&place, &self.log_keys(), disk)?;
        let objects = open_place(&place, true, disk)?;
        let held = Tree::open_read_only(objects)?.size();
        let leaf = self.record_mirror(actor, &act, "mirror_added", &place)?;
        let note = Note {
            since: time_text(self.ambient.clock.now_micros()),
            why: ADDED.to_owned(),
            size: held,
            misses: 1,
            removals: 0,
        };
        // On record before the mirror counts, so that it is never taken for whole.
        note.write(&self.dir, disk)?;
        self.keep_config(Some(place))?;
        Ok(leaf)
    }

    /// The centre has no mirror any more, from the next opening on. What lies there stays. Gives its place and the leaf
    /// that records it.
    ///
    /// # Errors
    /// [`AppError::Usage`] where there is none.
    pub fn drop_mirror(&self, actor: &Actor) -> Result<(String, u64)> {
        let act = self.no_mirror_act()?;
        let place = self.config.mirror.clone().unwrap_or_default();
        let leaf = self.record_mirror(actor, &act, "mirror_dropped", &place)?;
        self.keep_config(None)?;
        Note::remove(&self.dir, &self.ambient.disk)?;
        Ok((place, leaf))
    }

    fn keep_config(&self, mirror: Option<String>) -> Result<()> {
        let config = Config {
            mirror,
            ..self.config.clone()
        };
        config.write(&self.dir, &self.ambient.disk)
    }

    fn record_mirror(
        &self,
        actor: &Actor,
        act: &SolemnAct,
        kind: &'static str,
        place: &str,
    ) -> Result<u64> {
        let event = self
            .draft(kind, actor)
            .content("place", place)
            .signed(actor, &self.config.origin)?;
        let id = event.id();
        let draft = self.seal_own(&mut self.session()?, event)?;
        Ok(self.append_act(actor, act, id, &draft)?.index)
    }
}
