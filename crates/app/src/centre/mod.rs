//! A centre: one deployment, opened.

pub mod config;
mod create;
mod opening;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_core::checkpoint::LogKeys;
use comity_ledger::Tree;
use comity_store::Objects;
use comity_vault::Vault;

use crate::ambient::Ambient;
use crate::attest::{Attester, Setting};
use crate::commit::Sequencer;
use crate::error::{AppError, Result};
use crate::keys::{Keys, STATE_KEY};
use crate::mirror::{AT_OPENING, Mirror, MirrorLog};
use crate::queue::Queue;
use crate::sql::{Access, Database, Session, schema};
use crate::succession::{self, Current, Reigns};

pub use config::Config;
pub use create::{Founding, create};
pub use opening::OpenedBy;

/// The file in the centre's folder that outsiders get: the log's keys.
pub const KEYS_FILE: &str = "keys";
/// What trying a passphrase costs at a new centre.
pub const ARGON2: comity_keyring::Argon2Params = comity_keyring::Argon2Params::CENTRE;
/// The file in a centre's folder where processes take turns.
pub const LOCK_FILE: &str = "lock";

/// An open centre.
pub struct Centre {
    /// Its folder.
    pub dir: PathBuf,
    /// Where its parts are.
    pub config: Config,
    /// Its keys.
    pub keys: Arc<Keys>,
    /// Its sealed objects.
    pub vault: Vault,
    /// Its object store: with the mirror, if it has one.
    pub objects: Objects,
    /// The mirror of its store.
    pub mirror: Option<Mirror>,
    /// Disk, clock, randomness.
    pub ambient: Ambient,
    /// Where its state is.
    pub database: Database,
    /// What recovery had to do when it was opened, in sentences.
    pub recovered: Vec<String>,
    log_keys: Current,
    /// The bundle of events that was read last.
    pub(crate) last_bundle: Mutex<Option<comity_ledger::Batch>>,
    sequencer: Mutex<Sequencer>,
    pub(crate) queue: Queue,
    /// Shows published checkpoints to witnesses.
    pub attester: Attester,
    /// How long papers wait for the quorum, in milliseconds.
    pub(crate) patience_millis: std::sync::atomic::AtomicU64,
}

impl Centre {
    /// Opens the centre in `dir` for reading and recording. What an interrupted run left is finished first;
    /// [`Centre::recovered`] says what that was.
    pub fn open<'a>(dir: &Path, by: impl Into<OpenedBy<'a>>, ambient: Ambient) -> Result<Centre> {
        let mut centre = Centre::open_before_mirror(dir, by, ambient)?;
        let brought = centre.bring_mirror()?;
        centre.recovered.extend(brought);
        Ok(centre)
    }

    /// As [`Centre::open`], for who brings a mirror that missed something up to date next, and shows how far that is.
    pub fn open_before_mirror<'a>(
        dir: &Path,
        by: impl Into<OpenedBy<'a>>,
        ambient: Ambient,
    ) -> Result<Centre> {
        let by = by.into();
        let config = Config::read(dir, &ambient.disk)?;
        let ring = by.open_keyring(&dir.join("keyring"), &ambient.disk)?;
        let keys = Keys::new(ring, ambient.random.clone());
        let objects = config.open_objects(dir, &ambient.disk)?;
        let tree = Tree::open(objects.clone())?;
        let database = config.database(dir, keys.scope(STATE_KEY)?.first, Access::Live);
        let mut centre = Centre::assemble(dir, config, keys, objects, tree, database, ambient)?;
        centre.ready()?;
        Ok(centre)
    }

    /// As [`Centre::open`], and a state file that cannot be read is set aside under another name first, so that
    /// `comity rebuild` can make it anew.
    pub fn open_setting_state_aside<'a>(
        dir: &Path,
        by: impl Into<OpenedBy<'a>>,
        ambient: Ambient,
    ) -> Result<Centre> {
        let by = by.into();
        let config = Config::read(dir, &ambient.disk)?;
        let ring = by.open_keyring(&dir.join("keyring"), &ambient.disk)?;
        let key = ring.open_key(STATE_KEY)?.first;
        drop(ring);
        let database = config.database(dir, key, Access::Live);
        let Database::Sqlite { path, .. } = &database else {
            return Centre::open(dir, by, ambient);
        };
        let is_readable = || {
            Session::open(&database)
                .and_then(|mut s| schema::version(&mut s))
                .is_ok()
        };
        if !path.exists() || is_readable() {
            match Centre::open(dir, by, ambient.clone()) {
                // Its head can be read, and a page that is needed cannot.
                Err(AppError::Sql(error)) if error.is_damage() => {}
                opened => return opened,
            }
        }
        let name = format!("state.unreadable-{}", ambient.clock.now_micros());
        for suffix in ["", "-wal", "-shm"] {
            let from = dir.join(format!("state.db{suffix}"));
            if from.exists() {
                ambient
                    .disk
                    .rename(&from, &dir.join(format!("{name}{suffix}")))?;
            }
        }
        let mut centre = Centre::open(dir, by, ambient)?;
        centre.recovered.insert(
            0,
            format!("The state file could not be read and was set aside as {name}."),
        );
        Ok(centre)
    }

    fn assemble(
        dir: &Path,
        config: Config,
        keys: Keys,
        objects: Objects,
        tree: Tree,
        database: Database,
        ambient: Ambient,
    ) -> Result<Centre> {
        let mirror = config.open_mirror(dir, &ambient)?;
        let objects = match &mirror {
            Some(mirror) => mirror.over(objects),
            None => objects,
        };
        let known = succession::known(dir, &ambient.disk, &objects, &config.origin, &keys)?;
        let (log_keys, keys) = (Current::new(known), Arc::new(keys));
        let attester = Attester::new(dir, objects.clone(), log_keys.clone(), ambient.clone());
        let in_folder = config.database.is_none() || objects.local_root().is_some();
        let sequencer = Sequencer::new(
            &database,
            tree,
            Reigns::new(
                &config.origin,
                Arc::clone(&keys),
                objects.clone(),
                log_keys.clone(),
            ),
            ambient.clone(),
            in_folder.then(|| dir.join(LOCK_FILE)),
            attester.clone(),
            mirror.clone().map(MirrorLog::new),
        )?;
        Ok(Centre {
            dir: dir.to_owned(),
            vault: Vault::new(objects.clone()),
            sequencer: Mutex::new(sequencer),
            last_bundle: Mutex::new(None),
            queue: Queue::default(),
            attester,
            patience_millis: 0.into(),
            recovered: Vec::new(),
            config,
            keys,
            objects,
            mirror,
            ambient,
            database,
            log_keys,
        })
    }

    /// Brings the state up to the published tree, whatever a crash left.
    fn ready(&mut self) -> Result<()> {
        let mut said = Vec::new();
        let tree_size = {
            let mut sequencer = self.sequencer();
            match schema::version(&mut sequencer.session)? {
                None => None,
                Some(schema::VERSION) => {
                    let size = sequencer
                        .session
                        .query_one("SELECT size FROM log_state WHERE id = 1", &[])?
                        .map(|r| r.int(0))
                        .transpose()?;
                    size.map(|s| s as u64)
                }
                // Made anew below: `pending` and `packages_in_work`, which are carried over, are as they were.
                Some(older) if older < schema::VERSION => None,
                Some(newer) => {
                    return Err(AppError::Usage(format!(
                        "the state is of version {newer}, which this program does not know: a newer one wrote it; use that, or set the state aside (`{}`), so that it is made anew",
                        config::state_file(&self.dir).display()
                    )));
                }
            }
        };
        let needs = match tree_size {
            None => true,
            Some(size) => size < self.sequencer().tree.size(),
        };
        if needs {
            said.push(self.rebuild_lost_state()?);
        }
        self.keyring_is_not_older()?;
        self.attester.go_by(Setting::read(&mut self.session()?)?);
        match self.finish_interrupted(&mut said) {
            // What is published can still be read; what an interrupted run left waits.
            Err(e @ AppError::MustNotSign(_)) => said.push(format!("{e}.")),
            done => done?,
        }
        self.sweep()?;
        self.recovered = said;
        Ok(())
    }

    /// Brings a mirror that missed something up to date, as far as this can be done beside another command.
    fn bring_mirror(&self) -> Result<Option<String>> {
        let Some((brought, mirror)) = self
            .catch_up(AT_OPENING, &|_, _| ())?
            .zip(self.mirror.as_ref())
        else {
            return Ok(None);
        };
        Ok(Some(brought.sentence(mirror.place())))
    }

    /// Finishes what interrupted processes left between SQL, the log and their other acts.
    fn finish_interrupted(&self, said: &mut Vec<String>) -> Result<()> {
        said.extend(self.sequencer().recover()?);
        self.settle_policy()?;
        self.name_locks()?;
        said.extend(self.recover_epoch()?);
        said.extend(self.recover_succession()?);
        said.extend(self.recover_erasures()?);
        said.extend(self.recover_outgoing()?);
        said.extend(self.recover_packs()?);
        Ok(())
    }

    /// Takes away the unfinished files of processes that are gone. Nothing names them, and no recovery needs them.
    fn sweep(&self) -> Result<()> {
        let disk = &self.ambient.disk;
        self.objects.sweep_temporary()?;
        for folder in [&self.dir, &self.dir.join("keyring")] {
            disk.sweep_temporary(folder)?;
        }
        self.sweep_indexes()?;
        self.sweep_rebuilds()
    }

    /// A keyring restored from an old copy would give out numbers again that events name already.
    fn keyring_is_not_older(&self) -> Result<()> {
        let row = self
            .sequencer()
            .session
            .query_one("SELECT highest_key FROM log_state WHERE id = 1", &[])?;
        let highest = row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64;
        let next = self.keys.ring().next_number()?;
        if highest >= next {
            return Err(AppError::damaged(
                "keyring",
                format!(
                    "events name key {highest} and the keyring ends at {}: it is an older copy; put the newest copy in its place",
                    next.saturating_sub(1)
                ),
            ));
        }
        Ok(())
    }

    /// SQL was lost, or is behind what is published: it is made anew before anything is signed.
    fn rebuild_lost_state(&self) -> Result<String> {
        let events = self.rebuild(&|_, _| ())?;
        Ok(format!(
            "The tables were missing, of an older version or behind the ledger; they were made anew from its {events} events."
        ))
    }

    /// The one way into the log of this process.
    pub fn sequencer(&self) -> MutexGuard<'_, Sequencer> {
        self.sequencer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of one's own for reading.
    pub fn session(&self) -> Result<Session> {
        Ok(Session::open(&self.database)?)
    }

    /// Shows this process what others have published since.
    pub fn refresh(&self) -> Result<()> {
        self.sequencer().tree.refresh()?;
        Ok(())
    }

    /// How many events the published log has, as this process knows it.
    pub fn log_size(&self) -> u64 {
        self.sequencer().tree.published_size()
    }

    /// The log's verifying keys, as this process knows them now.
    pub fn log_keys(&self) -> Arc<LogKeys> {
        self.log_keys.get()
    }

    /// Who signs: for acts that make statements.
    pub(crate) fn reigns(&self) -> Reigns {
        Reigns::new(
            &self.config.origin,
            Arc::clone(&self.keys),
            self.objects.clone(),
            self.log_keys.clone(),
        )
    }

    /// The time now, as events write it.
    pub fn now(&self) -> String {
        crate::ambient::time_text(self.ambient.clock.now_micros())
    }
}
