//! Checking every byte of a keyring that needs no passphrase.

use std::collections::BTreeMap;
use std::path::Path;

use comity_core::Finding;
use comity_store::Disk;

use crate::error::{KeyNumber, KeyringError};
use crate::head::{self, Head};
use crate::keyring::place;
use crate::secret::Kind;
use crate::segment::{self, Segment};
use crate::slot::{self, SlotInfo, State};

/// What was found, and the condition of every slot (one byte of memory each).
#[derive(Debug, Default)]
pub struct Inspection {
    /// What is wrong, in the order of the files and slots.
    pub findings: Vec<Finding>,
    /// Live keys.
    pub live: u64,
    /// Destroyed keys.
    pub destroyed: u64,
    conditions: Vec<Condition>,
}

/// The condition of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no such slot, or nothing was ever written to it.
    Unused,
    /// It holds a key.
    Live,
    /// Its key was destroyed.
    Destroyed,
    /// It cannot be believed, or its segment is missing.
    Damaged,
}

impl Inspection {
    /// The number after the last slot that the files hold.
    pub fn next_number(&self) -> KeyNumber {
        (self.conditions.len() as u64).max(1)
    }

    /// The condition of a key's slot.
    pub fn condition(&self, number: KeyNumber) -> Condition {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.conditions.get(at))
            .copied()
            .unwrap_or(Condition::Unused)
    }

    /// What is wrong if an event needs key `number` to be there. A keyring that is older than its ledger is whole
    /// in itself: only this comparison finds it.
    pub fn need_live(&self, number: KeyNumber) -> Option<Finding> {
        let what = match self.condition(number) {
            Condition::Live => return None,
            Condition::Unused => {
                "the ledger names this key, but the keyring never had it: the keyring is older than the ledger, or its end was lost"
            }
            Condition::Destroyed => {
                "the ledger names this key, but it was destroyed and no event says so"
            }
            Condition::Damaged => "the ledger names this key, but it is lost or damaged",
        };
        Some(Finding::new(place_of(number), what))
    }

    /// What is wrong if an event says that key `number` was destroyed.
    pub fn need_destroyed(&self, number: KeyNumber) -> Option<Finding> {
        let what = match self.condition(number) {
            Condition::Destroyed => return None,
            Condition::Live => {
                "the ledger says that this key was destroyed, but it is there: an older copy of the keyring was put in place"
            }
            Condition::Unused => {
                "the ledger says that this key was destroyed, but the keyring never had it: the keyring is older than the ledger"
            }
            Condition::Damaged => {
                "the ledger says that this key was destroyed, but its slot is damaged"
            }
        };
        Some(Finding::new(place_of(number), what))
    }
}

/// Checks every byte of the keyring in `dir` that needs no passphrase: the head, each segment's header and length,
/// each slot. Calls `seen` with each whole slot, in order. Writes nothing.
///
/// # Errors
/// If the folder cannot be listed, or holds no keyring at all.
pub fn inspect(
    dir: &Path,
    disk: &Disk,
    seen: &mut dyn FnMut(KeyNumber, &SlotInfo),
) -> Result<Inspection, KeyringError> {
    let listing = match dir.is_dir() {
        true => segment::list(disk, dir)?,
        false => {
            return Err(KeyringError::NoKeyring {
                dir: dir.to_path_buf(),
            });
        }
    };
    let mut work = Work {
        dir,
        disk,
        id: None,
        epoch: None,
        later: None,
        parents: BTreeMap::new(),
        scopes: Vec::new(),
        out: Inspection::default(),
    };
    if !work.head(listing.segments.is_empty())? {
        return Err(KeyringError::NoKeyring {
            dir: dir.to_path_buf(),
        });
    }
    let last = listing.segments.last().copied();
    for segment in last.map_or(0..0, |last| 0..u64::from(last) + 1) {
        let Ok(segment) = u32::try_from(segment) else {
            break;
        };
        work.segment(segment, Some(segment) == last, seen);
    }
    work.parents();
    if let Some((number, epoch)) = work.later {
        work.find(
            format!("keyring/{}", head::FILE),
            format!("it is older than key {number}, which is of epoch {epoch}: an older copy of the head was put in place"),
        );
    }
    for name in listing.others {
        work.find(
            format!("keyring/{name}"),
            "this file is no part of a keyring".into(),
        );
    }
    Ok(work.out)
}

struct Work<'a> {
    dir: &'a Path,
    disk: &'a Disk,
    /// From the head, or from the first whole header where the head is lost.
    id: Option<[u8; 16]>,
    /// The head's epoch, and whether another one is being made.
    epoch: Option<(u32, bool)>,
    /// The first key of a later epoch than the head's.
    later: Option<(KeyNumber, u32)>,
    /// Each parent that a live key names, with the first key that does.
    parents: BTreeMap<KeyNumber, KeyNumber>,
    scopes: Vec<KeyNumber>,
    out: Inspection,
}

impl Work<'_> {
    fn find(&mut self, place: String, what: String) {
        self.out.findings.push(Finding { place, what });
    }

    /// Whether there is a keyring at all.
    fn head(&mut self, no_segments: bool) -> Result<bool, KeyringError> {
        let file = self.dir.join(head::FILE);
        let head = match self.disk.read(&file)? {
            Some(bytes) => Head::parse(&file, &bytes),
            None if no_segments => return Ok(false),
            None => Err(head::damaged(&file, "all of it", "the file is missing")),
        };
        match head {
            Ok(head) => {
                self.id = Some(head.id);
                self.epoch = Some((head.epoch, head.pending.is_some()));
            }
            Err(error) => self.find(format!("keyring/{}", head::FILE), error.within_file()),
        }
        Ok(true)
    }

    fn segment(&mut self, segment: u32, last: bool, seen: &mut dyn FnMut(KeyNumber, &SlotInfo)) {
        let name = format!("keyring/{}", segment::name(segment));
        let open = match Segment::open(self.disk, self.dir, segment) {
            Ok(Some(open)) => open,
            Ok(None) => {
                let first = segment::first_number(segment).max(1);
                let end = segment::first_number(segment) + segment::SLOTS - 1;
                self.find(
                    name,
                    format!("the file is missing, and with it the keys {first} to {end}"),
                );
                return self.lost(segment, segment::SLOTS);
            }
            Err(error) => {
                self.find(name, error.within_file());
                return self.lost(segment, segment::SLOTS);
            }
        };
        if !self.header(segment, &name, &open) {
            return self.lost(segment, open.slots);
        }
        if !last && open.slots < segment::SLOTS {
            self.find(
                format!("{name}, its end"),
                format!(
                    "it was cut short: it holds {} of {} slots, and a later segment is there",
                    open.slots,
                    segment::SLOTS
                ),
            );
        }
        self.slots(segment, &name, &open, last, seen);
        if !last {
            self.lost(segment, segment::SLOTS);
        }
    }

    /// Whether the slots of this segment can be ours.
    fn header(&mut self, segment: u32, name: &str, open: &Segment) -> bool {
        let place = format!("{name}, the header");
        let header = match open.header().map(|bytes| segment::parse_header(&bytes)) {
            Ok(Ok(header)) => header,
            Ok(Err(what)) => {
                self.find(place, what.into());
                return true;
            }
            Err(error) => {
                self.find(place, error.to_string());
                return false;
            }
        };
        let id = *self.id.get_or_insert(header.id);
        if header.id != id {
            self.find(place, "it belongs to another keyring".into());
            return false;
        }
        if header.segment != segment {
            let other = segment::name(header.segment);
            self.find(
                place,
                format!("these are the keys of {other}: the file was renamed or swapped"),
            );
            return false;
        }
        true
    }

    /// Slots up to `slots` of this segment that have no condition yet are lost.
    fn lost(&mut self, segment: u32, slots: u64) {
        let end = usize::try_from(segment::first_number(segment) + slots).unwrap_or(usize::MAX);
        if end > self.out.conditions.len() {
            self.out.conditions.resize(end, Condition::Damaged);
        }
    }

    fn slots(
        &mut self,
        segment: u32,
        name: &str,
        open: &Segment,
        last: bool,
        seen: &mut dyn FnMut(KeyNumber, &SlotInfo),
    ) {
        let used = match open.used() {
            Ok(used) if last => used,
            Ok(_) => open.slots,
            Err(error) => {
                self.find(name.into(), error.to_string());
                return self.lost(segment, open.slots);
            }
        };
        let mut runs = Runs::default();
        let mut at = 0;
        while at < used {
            let count = segment::BLOCK.min(used - at);
            match open.block(at, count) {
                Ok(block) => {
                    for (number, bytes) in (segment::first_number(segment) + at..).zip(&block) {
                        self.slot(number, bytes, &mut runs, seen);
                    }
                }
                Err(error) => {
                    let place = format!("{name}, {}", place(segment::first_number(segment) + at));
                    self.find(place, error.to_string());
                    self.lost(segment, at + count);
                }
            }
            at += count;
        }
        for run in runs.0 {
            let to = match run.last > run.first {
                true => format!(" to {}", place(run.last)),
                false => String::new(),
            };
            self.find(format!("{name}, {}{to}", place(run.first)), run.what.into());
        }
    }

    fn slot(
        &mut self,
        number: KeyNumber,
        bytes: &slot::Bytes,
        runs: &mut Runs,
        seen: &mut dyn FnMut(KeyNumber, &SlotInfo),
    ) {
        let id = self.id.unwrap_or_default();
        let parsed = slot::parse(&id, number, bytes).or_else(|what| {
            // Torn by an overwriting that the next change finishes.
            let beside = segment::beside(self.disk, self.dir, &id, number);
            beside.map(|(_, info)| Some(info)).ok_or(what)
        });
        let condition = match parsed {
            Ok(None) if number == 0 => Condition::Unused,
            Ok(None) => {
                runs.add(number, "it is empty, though later ones are used: its bytes were lost, or power was while keys were appended (if no event names the key, nothing is lost)");
                Condition::Unused
            }
            Ok(Some(_)) if number == 0 => {
                runs.add(
                    number,
                    "it must be empty: key 0 is the root key, which is never written",
                );
                Condition::Damaged
            }
            Ok(Some(info)) => {
                seen(number, &info);
                if let Some(what) = self.misplaced_epoch(number, &info) {
                    runs.add(number, what);
                }
                self.whole(number, &info)
            }
            Err(what) => {
                runs.add(number, what);
                Condition::Damaged
            }
        };
        self.out.conditions.push(condition);
    }

    /// What is wrong with the epoch of a live slot beside the head's.
    fn misplaced_epoch(&mut self, number: KeyNumber, info: &SlotInfo) -> Option<&'static str> {
        let (epoch, is_pending) = self.epoch?;
        if info.epoch > epoch && self.later.is_none() {
            self.later = Some((number, info.epoch));
        }
        let is_old = info.state == State::Live && info.parent == 0 && info.epoch < epoch;
        (is_old && !is_pending).then_some(
            "it is wrapped by the root key of an earlier epoch: an older copy of this file was put in place",
        )
    }

    fn whole(&mut self, number: KeyNumber, info: &SlotInfo) -> Condition {
        if info.kind == Kind::Scope {
            self.scopes.push(number);
        }
        if info.state == State::Destroyed {
            self.out.destroyed += 1;
            return Condition::Destroyed;
        }
        self.out.live += 1;
        if info.parent != 0 {
            self.parents.entry(info.parent).or_insert(number);
        }
        Condition::Live
    }

    /// Every parent is a scope key, live or destroyed.
    fn parents(&mut self) {
        for (parent, child) in std::mem::take(&mut self.parents) {
            if self.scopes.binary_search(&parent).is_ok() {
                continue;
            }
            let what = match self.out.condition(parent) {
                Condition::Live | Condition::Destroyed => "which is not a scope key",
                Condition::Damaged => {
                    "which is lost or damaged: neither this key nor others below it open"
                }
                Condition::Unused => "which the keyring does not have",
            };
            self.find(
                place_of(child),
                format!("it is wrapped by key {parent}, {what}"),
            );
        }
    }
}

/// Neighbouring slots with the same fault are one finding.
#[derive(Default)]
struct Runs(Vec<Run>);

struct Run {
    first: KeyNumber,
    last: KeyNumber,
    what: &'static str,
}

impl Runs {
    fn add(&mut self, number: KeyNumber, what: &'static str) {
        match self.0.last_mut() {
            Some(run) if run.last + 1 == number && run.what == what => run.last = number,
            _ => self.0.push(Run {
                first: number,
                last: number,
                what,
            }),
        }
    }
}

fn place_of(number: KeyNumber) -> String {
    let segment = segment::locate(number).map_or(0, |(segment, _)| segment);
    format!("keyring/{}, {}", segment::name(segment), place(number))
}
