//! The index follows the ledger: each member's items in an index of its own, under a key of the member's scope.
//!
//! So what a desk has locked, nobody searches without the desk, and erasure needs to destroy one key only.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use comity_core::digest::hex;
use comity_core::id::Ern;
use comity_index::{Index, IndexError, Position};
use comity_keyring::{Kind, Secret};
use comity_ledger::Batch;
use comity_seal::Key;
use comity_store::FileLock;

use super::document;
use super::draft::{Change, Changes, Draft, Drafts, Sources};
use crate::centre::Centre;
use crate::cores::{on_all_cores, on_all_cores_mut};
use crate::error::{AppError, Result};
use crate::lists::Matching;
use crate::read::open_event_with;
use crate::reading::Pass;
use crate::rebuild::item_keys;

/// Bundles of events that are read at once.
const BLOCK: u64 = 16 * 256;
/// Documents after which the index is committed, so that others see them and a kill loses no more.
const AT_ONCE: usize = 20_000;
/// Events that are rather read again than written down as followed, where none of them changed a document.
const LEEWAY: u64 = 4 * BLOCK;
/// Items that the tables and the ledger are asked for together.
const STRETCH: usize = 400;
/// Documents that are made at once, on all cores: few, for their texts may be long.
const TOGETHER: usize = 16;
/// How often, and how long each time, one waits for another process that writes the index, before its present state
/// is good enough: five seconds.
const TRIES: u32 = 250;
const PAUSE: Duration = Duration::from_millis(20);
/// At every how many of these tries the index is looked at.
const LOOKS: u32 = 10;

/// The indexes that can be asked.
#[derive(Default)]
pub(super) struct Opened {
    pub indexes: Vec<Index>,
    /// Members whose desk has not brought its key.
    pub waiting: Vec<String>,
    /// Events that another process is still bringing into an index.
    pub behind: u64,
    /// What had to be made anew, and why, a sentence each.
    pub said: Vec<String>,
}

/// Who may bring an index up to the log.
enum Turn {
    Ours(FileLock),
    /// Nobody needs to: it knows all that was published.
    NotNeeded(Box<Index>),
    /// Another process does, and takes long.
    Others,
}

/// Is told of which member's index it is, how many events have been brought into it, and how many there are to bring.
pub type Watch<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// For who shows nothing.
pub fn unwatched(_: &str, _: u64, _: u64) {}

impl Centre {
    /// The folder of all indexes.
    pub(super) fn index_folder(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Removes the unfinished files of processes that ended while they made an index.
    pub(crate) fn sweep_indexes(&self) -> Result<()> {
        let (all, disk) = (self.index_folder(), &self.ambient.disk);
        for name in disk.list(&all)? {
            let dir = all.join(name);
            if dir.is_dir() {
                disk.sweep_temporary(&dir)?;
            }
        }
        Ok(())
    }

    /// Opens every member's index and brings it up to the published log. A damaged one is made anew.
    pub(super) fn indexes(&self, watch: Watch<'_>) -> Result<Opened> {
        self.refresh()?;
        let mut opened = Opened::default();
        let members = self.members(&mut self.session()?)?;
        for member in members {
            match self.index_of(&member.code, &mut opened, watch) {
                Ok(Some(index)) => opened.indexes.push(index),
                Ok(None) => {}
                Err(AppError::Locked { .. }) => opened.waiting.push(member.code),
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    fn index_of(
        &self,
        member: &str,
        opened: &mut Opened,
        watch: Watch<'_>,
    ) -> Result<Option<Index>> {
        // A locked scope is said before anything is looked at.
        self.keys.scope(self.index_parent(member)?)?;
        let (size, lists) = (self.log_size(), self.matching(member)?.leaves());
        let _turn = match self.turn_soon(member, size, &lists)? {
            Turn::Ours(turn) => turn,
            Turn::NotNeeded(index) => return Ok(Some(*index)),
            // Another process writes it, and what it has written so far answers.
            Turn::Others => {
                let index = self.open_index(member)?;
                // One that was held against other lists is being made anew.
                let known = match &index {
                    Some(index) if index.position().lists == lists => index.position().size,
                    _ => 0,
                };
                opened.behind += size.saturating_sub(known);
                return Ok(index);
            }
        };
        // Others may have recorded more and brought it into the index since: that is of this log too.
        self.refresh()?;
        let (size, mut matching) = (self.log_size(), self.matching(member)?);
        let followed = match self.open_index(member) {
            Ok(Some(index))
                if index.position().lists == matching.leaves()
                    && self.is_of_this_log(index.position())? =>
            {
                self.follow(index, size, &mut matching, watch)
            }
            Ok(_) => {
                let fresh = self.fresh_index(member)?;
                self.follow(fresh, size, &mut matching, watch)
            }
            Err(error) => Err(error),
        };
        let followed = match followed {
            Err(AppError::Index(IndexError::Damaged { what })) => {
                opened.said.push(format!(
                    "The search index of {member} was damaged ({what}); it was made anew from the ledger."
                ));
                let fresh = self.fresh_index(member)?;
                self.follow(fresh, size, &mut matching, watch).map(Some)
            }
            followed => followed.map(Some),
        };
        opened.said.append(&mut matching.said);
        followed
    }

    /// Waits for the turn at an index, unless who has it has brought the index far enough: merging what was committed
    /// takes longer than committing it.
    fn turn_soon(&self, member: &str, size: u64, lists: &[u64]) -> Result<Turn> {
        for tried in 0..TRIES {
            let turn = comity_index::try_turn(&self.index_folder(), member, &self.ambient.disk)?;
            if let Some(turn) = turn {
                return Ok(Turn::Ours(turn));
            }
            // What cannot be opened is being written anew, or is looked at when it is our turn.
            if tried % LOOKS == 0
                && let Ok(Some(index)) = self.open_index(member)
                && index.position().size >= size
                && index.position().lists == lists
            {
                self.refresh()?;
                if self.is_of_this_log(index.position())? {
                    return Ok(Turn::NotNeeded(Box::new(index)));
                }
            }
            thread::sleep(PAUSE);
        }
        Ok(Turn::Others)
    }

    /// The index of a member as it lies there; an error while its desk has not brought its key.
    pub(super) fn index_as_it_is(&self, member: &str) -> Result<Option<Index>> {
        self.keys.scope(self.index_parent(member)?)?;
        self.open_index(member)
    }

    /// The index as it lies there; `None` if there is none, or none whose key is there.
    fn open_index(&self, member: &str) -> Result<Option<Index>> {
        let (dir, _) = comity_index::place(&self.index_folder(), member);
        let Some(number) = self.ambient.disk.read(&dir.join(KEY_FILE))? else {
            return Ok(None);
        };
        let number = std::str::from_utf8(&number)
            .ok()
            .and_then(|n| n.trim().parse().ok());
        let Some(number) = number else {
            return Ok(None);
        };
        let secret = match self.keys.item(number) {
            Ok(Some(secret)) => secret,
            Ok(None) => return Ok(None),
            Err(e @ AppError::Locked { .. }) => return Err(e),
            // Its number is none of the keyring's: whoever wrote that, the index does not open.
            Err(_) => return Ok(None),
        };
        let key = Key::new(secret.first);
        let random = self.ambient.random.clone();
        let index = Index::open(&dir, member, &self.ambient.disk, &key, random)?;
        Ok(Some(index))
    }

    /// An empty index under a fresh key; whatever was there cannot be opened any more.
    fn fresh_index(&self, member: &str) -> Result<Index> {
        self.forget_index(member)?;
        let label = label(member);
        let mut subject = [0; 16];
        for (to, from) in subject.iter_mut().zip(label.bytes()) {
            *to = from;
        }
        let secret = Secret::random(&*self.ambient.random);
        let parent = self.index_parent(member)?;
        let number = self.keys.add(Kind::Secret, parent, subject, &secret)?;
        let (dir, _) = comity_index::place(&self.index_folder(), member);
        let disk = &self.ambient.disk;
        disk.create_dir_all(&dir)?;
        disk.write_atomic(&dir.join(KEY_FILE), format!("{number}\n").as_bytes())?;
        let key = Key::new(secret.first);
        let random = self.ambient.random.clone();
        Ok(Index::open(&dir, member, disk, &key, random)?)
    }

    /// Destroys the keys of a member's index and takes its files away. Needs its turn.
    fn forget_index(&self, member: &str) -> Result<()> {
        let ring = self.keys.ring();
        let keys = ring.secrets_of(&label(member))?;
        if !keys.is_empty() {
            ring.destroy(&keys)?;
        }
        comity_index::remove(&self.index_folder(), member, &self.ambient.disk)?;
        Ok(())
    }

    /// Forgets the indexes of these members, once whoever is writing one is done: what an erasure must purge.
    pub(crate) fn purge_indexes(&self, members: &[String]) -> Result<()> {
        for member in members {
            // Whoever makes an index makes the folder before it reads the first event.
            let never = !self.index_folder().is_dir();
            if never && self.keys.ring().secrets_of(&label(member))?.is_empty() {
                continue;
            }
            let _turn = comity_index::turn(&self.index_folder(), member, &self.ambient.disk)?;
            self.forget_index(member)?;
        }
        Ok(())
    }

    /// Makes all indexes anew. Says which members wait for their desks.
    pub fn rebuild_indexes(&self, watch: Watch<'_>) -> Result<Vec<String>> {
        let members = self.members(&mut self.session()?)?;
        let codes: Vec<String> = members.into_iter().map(|m| m.code).collect();
        self.purge_indexes(&codes)?;
        self.forget_digests()?;
        Ok(self.indexes(watch)?.waiting)
    }

    fn index_parent(&self, member: &str) -> Result<u64> {
        let row = self.session()?.query_one(
            "SELECT scope_key FROM members WHERE code = ?",
            &[member.into()],
        )?;
        Ok(row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64)
    }

    /// Whether the log still says what the index has followed: one that was put back from a copy may not.
    fn is_of_this_log(&self, position: &Position) -> Result<bool> {
        let Some(last) = position.size.checked_sub(1) else {
            return Ok(false);
        };
        if position.size > self.sequencer().tree.published_size() {
            return Ok(false);
        }
        let stored = self.stored_events(&[last])?;
        Ok(stored
            .first()
            .is_some_and(|s| hex(&s.hash.0) == position.leaf))
    }

    /// Brings an index up to `size` events. Needs its turn.
    fn follow(
        &self,
        mut index: Index,
        size: u64,
        matching: &mut Matching<'_>,
        watch: Watch<'_>,
    ) -> Result<Index> {
        let mut at = index.position().size;
        let mut changes = Changes::new();
        let began = at;
        let member = index.member.clone();
        let mut written = began;
        while at < size {
            let end = (at + BLOCK).min(size);
            let leaf = self.changes(at..end, &member, &mut changes)?;
            at = end;
            let is_last = at == size;
            let anything = !changes.is_empty() || at - began > LEEWAY || began == 0;
            if changes.len() >= AT_ONCE || (is_last && anything) {
                let now = std::mem::take(&mut changes);
                let stretch = at - written;
                self.write(&mut index, now, at, &leaf, matching, &|share| {
                    let done = written - began + (share * stretch as f64) as u64;
                    watch(&member, done, size - began);
                })?;
                written = at;
            }
        }
        Ok(index)
    }

    /// Adds what a range of events changes in a member's index. Gives the hash of the last leaf.
    fn changes(
        &self,
        range: std::ops::Range<u64>,
        member: &str,
        changes: &mut Changes,
    ) -> Result<String> {
        let blocks: Vec<Batch> = {
            let sequencer = self.sequencer();
            sequencer
                .tree
                .batches(range)
                .collect::<std::result::Result<_, _>>()?
        };
        let stored: Vec<_> = blocks.iter().flat_map(Batch::iter).collect();
        let items = item_keys(&self.keys, &stored)?;
        let read = on_all_cores(
            &stored,
            || (),
            |(), _, s| {
                let opened = open_event_with(&self.keys, &items, s);
                match opened.map(|(event, _)| event) {
                    // It is of a member whose desk is away, and so not of this one.
                    Err(AppError::Locked { .. }) => Ok(None),
                    Err(error) => Err(error),
                    Ok(event) => change(&event, member),
                }
            },
        );
        for one in read {
            if let Some((ern, change)) = one? {
                put(changes, ern, change);
            }
        }
        Ok(stored.last().map(|s| hex(&s.hash.0)).unwrap_or_default())
    }

    /// Writes what has changed up to an event. `told` hears what share of it is done.
    fn write(
        &self,
        index: &mut Index,
        changes: Changes,
        size: u64,
        leaf: &str,
        matching: &mut Matching<'_>,
        told: &dyn Fn(f64),
    ) -> Result<()> {
        // Where texts lie is looked up for many items at once, and must hold until the last of them is opened.
        let _stay = self.keep_packs()?;
        let (mut session, mut sources) = (self.session()?, Sources::default());
        let mut writing = index.write()?;
        let all = changes.len().max(1) as f64;
        let mut changes = changes.into_iter();
        let mut done = 0;
        loop {
            let some: Vec<_> = changes.by_ref().take(STRETCH).collect();
            if some.is_empty() {
                break;
            }
            let Drafts {
                all: mut drafts,
                known,
            } = self.drafts(&mut session, some, &mut sources)?;
            for some in drafts.chunks_mut(TOGETHER) {
                let finish = |(): &mut (), draft: &mut Draft| draft.finish(self, &known);
                let made = on_all_cores_mut(some, || (), finish);
                for (draft, document) in some.iter().zip(made) {
                    told(f64::from(done) / all);
                    done += 1;
                    match document? {
                        Some(mut document) => {
                            matching.add_to(&mut document)?;
                            writing.put(&document)?;
                        }
                        None => writing.remove(&draft.ern.to_string()),
                    }
                }
            }
        }
        let (leaf, lists) = (leaf.to_owned(), matching.leaves());
        writing.commit(Position { size, leaf, lists })?;
        told(1.0);
        Ok(())
    }
}

/// The file that names the key of an index.
const KEY_FILE: &str = "key";

fn number_of(ern: &str) -> Result<Ern> {
    let wrong = |_| AppError::damaged("ledger", format!("{ern} is no number of an item"));
    ern.parse().map_err(wrong)
}

fn label(member: &str) -> String {
    format!("index {member}")
}

fn change(event: &crate::read::OpenedEvent, member: &str) -> Result<Option<(Ern, Change)>> {
    let Some(ern) = event.text("ern") else {
        return Ok(None);
    };
    if ern.split('-').next() != Some(member) {
        return Ok(None);
    }
    let change = match event.text("kind") {
        Some("received" | "extracted") => match document::received(event) {
            Some(document) => Change::Item {
                base: Some(Box::new(document)),
                read: event.value("reading").is_some(),
            },
            None => Change::Remove,
        },
        Some("erased") => Change::Remove,
        Some(kind) if Pass::of_event(kind).is_some() => Change::Item {
            base: None,
            read: true,
        },
        _ => return Ok(None),
    };
    Ok(Some((number_of(ern)?, change)))
}

/// Adds a change to those before it. What was erased stays so.
fn put(changes: &mut Changes, ern: Ern, change: Change) {
    match (changes.get_mut(&ern), change) {
        (Some(Change::Remove), _) => {}
        (Some(Change::Item { read, .. }), Change::Item { base: None, .. }) => *read = true,
        (_, change) => {
            changes.insert(ern, change);
        }
    }
}
