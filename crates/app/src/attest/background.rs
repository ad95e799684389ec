//! Submitting the newest published checkpoint, beside everything else.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use comity_core::checkpoint::SignedCheckpoint;
use comity_store::Objects;

use super::guard::{Guard, Mark, decide, here};
use super::round::{Asked, Log, Outcome, round};
use super::setting::Setting;
use super::status::Status;
use crate::ambient::Ambient;
use crate::error::Result;
use crate::succession::Current;

/// So long a witness is waited for in the background.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows checkpoints to witnesses. One for an open centre; its thread lives while there is something to submit.
#[derive(Clone)]
pub struct Attester {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    objects: Objects,
    keys: Current,
    ambient: Ambient,
    state: Mutex<State>,
    changed: Condvar,
}

/// A log that grows all the time is shown to witnesses at most so often, unless somebody waits for them: witnesses on the
/// same machine must not slow those whose events are acknowledged.
const GAP: Duration = Duration::from_millis(500);

#[derive(Default)]
struct State {
    setting: Option<Arc<Setting>>,
    /// The newest checkpoint that was published and not submitted yet.
    newest: Option<SignedCheckpoint>,
    is_running: bool,
    /// Whether anything was published by this process.
    has_published: bool,
    /// When the last round began.
    began: Option<Instant>,
    /// How many wait for what witnesses answer.
    waiting: usize,
    /// Rounds that are over.
    rounds: u64,
    last: Vec<Asked>,
    /// Until when this process need not look at the mark again, in seconds since 1970.
    believed_until: i64,
}

/// So long what the mark said is believed without reading it again, in seconds.
const BELIEVED_SECS: i64 = 60;

impl Attester {
    pub(crate) fn new(dir: &Path, objects: Objects, keys: Current, ambient: Ambient) -> Attester {
        Attester {
            shared: Arc::new(Shared {
                dir: dir.to_owned(),
                objects,
                keys,
                ambient,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// The policy to go by from now on.
    pub(crate) fn go_by(&self, setting: Option<Setting>) {
        self.shared.state().setting = setting.map(Arc::new);
    }

    pub(crate) fn setting(&self) -> Option<Arc<Setting>> {
        self.shared.state().setting.clone()
    }

    /// Whether the copy may sign: see ADR 0004.
    pub(crate) fn may_sign(&self, published: &[u8]) -> Result<()> {
        let Some(setting) = self.setting().filter(|s| s.policy.asks_for_witnesses()) else {
            return Ok(());
        };
        let now = self.shared.now();
        let until = self.shared.state().believed_until;
        if (until - BELIEVED_SECS..until).contains(&now) {
            return Ok(());
        }
        let Ok(published) = self.shared.read(published) else {
            // The caller finds and names what is wrong with it.
            return Ok(());
        };
        let guard = Guard {
            dir: self.shared.dir.clone(),
            disk: &self.shared.ambient.disk,
            log: self.shared.log(),
        };
        let asked = guard.may_sign(&setting, &published, now)?;
        let mut state = self.shared.state();
        state.believed_until = now + BELIEVED_SECS;
        if !asked.is_empty() {
            state.last = asked;
        }
        Ok(())
    }

    /// A checkpoint was published: it is submitted beside what goes on here.
    pub(crate) fn published(&self, note: &[u8]) {
        let mut state = self.shared.state();
        state.has_published = true;
        let Some(setting) = &state.setting else {
            return;
        };
        if !setting.policy.asks_for_witnesses() {
            return;
        }
        let Ok(checkpoint) = self.shared.read(note) else {
            return;
        };
        state.newest = Some(checkpoint);
        if !state.is_running {
            let shared = Arc::clone(&self.shared);
            let begun = std::thread::Builder::new()
                .name("attest".to_owned())
                .spawn(move || shared.run());
            // Without a thread the next publication, or `comity ledger attest`, tries again.
            state.is_running = begun.is_ok();
        }
    }

    /// Submits `note`, the published checkpoint, now, and waits for the answers.
    pub(crate) fn attest(&self, note: &[u8]) -> Result<Vec<Asked>> {
        let checkpoint = self
            .shared
            .read(note)
            .map_err(|e| crate::AppError::damaged("ledger/checkpoint", e.to_string()))?;
        let Some(setting) = self.setting() else {
            return Ok(Vec::new());
        };
        self.shared.round(&setting, &checkpoint)
    }

    /// The policy was set here: this is where the log is at home.
    pub(crate) fn settle_here(&self, size: u64) -> Result<()> {
        self.shared.mark(size, true)
    }

    /// Says that this copy is the newest: the guard asks nobody for a while.
    pub(crate) fn vouch(&self, note: &[u8]) -> Result<()> {
        let asked = self.attest(note)?;
        let published = self
            .shared
            .read(note)
            .map_err(|e| crate::AppError::damaged("ledger/checkpoint", e.to_string()))?;
        decide(&asked, &published, false)?;
        self.shared.mark(published.size(), true)
    }

    /// Waits until all that was published has been submitted, at most so long. Whether it has.
    pub fn settle(&self, at_most: Duration) -> bool {
        self.wait(at_most, |state| (!state.is_running).then_some(()))
            .is_some()
    }

    /// Waits, at most so long, until `found` finds something; it is asked again after each round.
    pub(crate) fn wait_for<T>(
        &self,
        at_most: Duration,
        mut found: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let until = Instant::now() + at_most;
        loop {
            let rounds = self.shared.state().rounds;
            if let Some(found) = found()? {
                return Ok(Some(found));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left, |state| (state.rounds != rounds).then_some(()));
        }
    }

    fn wait<T>(&self, at_most: Duration, found: impl Fn(&State) -> Option<T>) -> Option<T> {
        let mut state = self.shared.state();
        state.waiting += 1;
        self.shared.changed.notify_all();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, at_most, |state| found(state).is_none());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        found(&state)
    }

    /// Whether this process published anything.
    pub fn has_published(&self) -> bool {
        self.shared.state().has_published
    }

    /// What the witnesses of the last round answered.
    pub fn last_answers(&self) -> Vec<Asked> {
        self.shared.state().last.clone()
    }

    /// What is attested, by whom, and how old that is.
    pub fn status(&self) -> Result<Status> {
        let setting = self.setting();
        let (objects, keys) = (&self.shared.objects, self.shared.keys.get());
        Status::read(objects, &keys, setting.as_deref(), self.shared.now())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> Log<'_> {
        Log {
            objects: &self.objects,
            keys: self.keys.get(),
        }
    }

    fn now(&self) -> i64 {
        self.ambient.clock.now_micros() / 1_000_000
    }

    fn read(
        &self,
        note: &[u8],
    ) -> std::result::Result<SignedCheckpoint, comity_core::checkpoint::CheckpointError> {
        SignedCheckpoint::parse(note)?.verify(&self.keys.get())
    }

    /// `is_sure`: the copy is as new as the witnesses know; else they are asked before the next signing.
    fn mark(&self, size: u64, is_sure: bool) -> Result<()> {
        let former = Mark::read(&self.dir, &self.ambient.disk)?;
        let (at, here) = match is_sure {
            true => (self.now(), here(&self.dir)),
            // A copy that a witness doubts counts as one from elsewhere.
            false => (0, String::new()),
        };
        let size = size.max(former.map_or(0, |m| m.size));
        let mark = Mark { at, here, size };
        mark.write(&self.dir, &self.ambient.disk)
    }

    /// Submits until nothing newer has come. Of many that were published meanwhile only the last is shown.
    fn run(&self) {
        loop {
            let (setting, checkpoint) = {
                let mut state = self.pause(self.state());
                match (state.setting.clone(), state.newest.take()) {
                    (Some(setting), Some(checkpoint)) => {
                        state.began = Some(Instant::now());
                        (setting, checkpoint)
                    }
                    _ => {
                        state.is_running = false;
                        self.changed.notify_all();
                        return;
                    }
                }
            };
            // What fails here stops nothing: age and answers show it, and the next publication tries again.
            let _ = self.round(&setting, &checkpoint);
        }
    }

    /// Waits until the next round may begin.
    fn pause<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if state.newest.is_none() {
            return state;
        }
        let since = state.began.map_or(GAP, |began| began.elapsed());
        let waited = self
            .changed
            .wait_timeout_while(state, GAP.saturating_sub(since), |s| s.waiting == 0);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn round(&self, setting: &Setting, checkpoint: &SignedCheckpoint) -> Result<Vec<Asked>> {
        let asked = round(&self.log(), &setting.policy, checkpoint, PATIENCE);
        let is = |a: &Asked, wrong: bool| match a.outcome {
            Outcome::Cosigned => !wrong,
            Outcome::Ahead { .. } | Outcome::Contradicts { .. } => wrong,
            _ => false,
        };
        let (size, any) = (checkpoint.size(), |wrong| {
            asked.iter().flatten().any(|a| is(a, wrong))
        });
        let marked = match (any(true), any(false)) {
            (true, _) => self.mark(size, false),
            (false, true) => self.mark(size, true),
            (false, false) => Ok(()),
        };
        let mut state = self.state();
        if any(true) {
            state.believed_until = 0;
        }
        state.rounds += 1;
        if let Ok(asked) = &asked {
            state.last.clone_from(asked);
        }
        self.changed.notify_all();
        drop(state);
        marked?;
        asked
    }
}
