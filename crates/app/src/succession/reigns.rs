//! Which keys sign which size: by the events, for whoever signs; by their copy under `ledger/`, for whoever reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::checkpoint::{Checkpoint, LogKeys, LogSigner};
use comity_core::succession::{Chain, Statement};
use comity_keyring::{KeyringError, Secret};
use comity_store::{Disk, Objects};

use crate::centre::KEYS_FILE;
use crate::error::{AppError, Result};
use crate::keys::{Keys, LOG_KEY};
use crate::sql::Session;

/// The statements, one after the other, for those who read without tables.
pub(crate) const FILE: &str = "ledger/successions";

/// The log's keys as this process knows them now. All parts of an open centre share one.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<LogKeys>>>);

impl Current {
    pub(crate) fn new(keys: LogKeys) -> Current {
        Current(Arc::new(Mutex::new(Arc::new(keys))))
    }

    pub(crate) fn get(&self) -> Arc<LogKeys> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }

    fn set(&self, keys: LogKeys) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

/// A succession as the tables have it.
pub(super) struct Row {
    pub(super) leaf: i64,
    pub(super) size: u64,
    /// The number in the keyring of the keys that sign above `size`.
    pub(super) key: u64,
    /// Whether the keys changed; else heirs were named.
    pub(super) is_succession: bool,
    pub(super) actor: String,
    statement: String,
}

/// The successions that the events tell of, in their order.
pub(super) fn rows(session: &mut Session) -> Result<Vec<Row>> {
    let found = session.query(
        "SELECT leaf, size, key, actor, statement FROM successions ORDER BY leaf",
        &[],
    )?;
    let (mut rows, mut key) = (Vec::new(), LOG_KEY);
    for row in found {
        let number = row.int(2)? as u64;
        key = if number == 0 { key } else { number };
        rows.push(Row {
            leaf: row.int(0)?,
            size: row.int(1)? as u64,
            key,
            is_succession: number != 0,
            actor: row.text(3)?.to_owned(),
            statement: row.text(4)?.to_owned(),
        });
    }
    Ok(rows)
}

fn chain_of(rows: &[Row]) -> Result<Chain> {
    let text: String = rows.iter().map(|row| row.statement.as_str()).collect();
    Chain::parse(&text).map_err(|e| AppError::damaged("the log's successions", e.to_string()))
}

/// The statements that the events tell of.
pub(super) fn chain_in(session: &mut Session) -> Result<Chain> {
    chain_of(&rows(session)?)
}

/// The size of a statement that an event holds.
pub(crate) fn size_of(statement: &str) -> Option<u64> {
    let statement = Statement::parse(statement.as_bytes()).ok()?;
    Some(statement.claims().size)
}

/// The signer of these seeds.
pub(super) fn signer_of(origin: &str, secret: &Secret) -> Result<LogSigner> {
    LogSigner::new(origin, &secret.first, &secret.second)
        .map_err(|e| AppError::damaged("the log's keys", e.to_string()))
}

/// The log's keys as they can be known before the tables are: by the statements under `ledger/`; where there are none
/// the first keys, by their secret; where that is lost, by the file for outsiders.
pub(crate) fn known(
    dir: &Path,
    disk: &Disk,
    objects: &Objects,
    origin: &str,
    keys: &Keys,
) -> Result<LogKeys> {
    let damaged = |place: &str, e: &dyn std::fmt::Display| AppError::damaged(place, e.to_string());
    if let Some(bytes) = objects.get(FILE)? {
        let chain =
            Chain::parse(&String::from_utf8_lossy(&bytes)).map_err(|e| damaged(FILE, &e))?;
        if let Some(first) = chain.statements().first() {
            let first = LogKeys::new(first.says.old.clone()).map_err(|e| damaged(FILE, &e))?;
            return first.succeeded(chain).map_err(|e| damaged(FILE, &e));
        }
    }
    let secret = match keys.ring().open_key(LOG_KEY) {
        Ok(secret) => return Ok(signer_of(origin, &secret)?.keys().clone()),
        Err(e) => e,
    };
    match disk.read(&dir.join(KEYS_FILE))? {
        Some(file) => LogKeys::parse(&file).map_err(|e| damaged(KEYS_FILE, &e)),
        None => Err(secret.into()),
    }
}

/// The log's keys as the centre itself keeps them, for a check: the statements under `ledger/`, and the secrets where
/// the keyring is open. `None` where neither says anything; an error in words where they do not fit together.
pub(crate) fn kept(
    objects: &Objects,
    origin: &str,
    keys: Option<&Keys>,
) -> std::result::Result<Option<LogKeys>, String> {
    let bytes = objects.get(FILE).map_err(|e| e.to_string())?;
    let text = String::from_utf8(bytes.unwrap_or_default()).map_err(|e| e.to_string())?;
    let chain = Chain::parse(&text).map_err(|e| e.to_string())?;
    let told = match chain.statements().last() {
        Some(last) => {
            let last = LogKeys::new(last.says.new.clone()).map_err(|e| e.to_string())?;
            Some(last.succeeded(chain).map_err(|e| e.to_string())?)
        }
        None => None,
    };
    let Some(ring) = keys.map(Keys::ring) else {
        return Ok(told);
    };
    // A damaged slot is named by the check of the keyring.
    let numbers = ring.secrets_of(super::LABEL).unwrap_or_default();
    let mut secret = numbers
        .into_iter()
        .filter_map(|number| signer_of(origin, &ring.open_key(number).ok()?).ok())
        .map(|signer| signer.keys().clone());
    match told {
        None => Ok(secret.next()),
        Some(told) if secret.any(|s| s.vkeys() == told.vkeys()) => Ok(Some(told)),
        Some(_) => {
            Err("the keyring has no secret of the keys that its last statement names".to_owned())
        }
    }
}

/// Who signs, and what is known of it. One for the sequencer, and one for each act that asks.
#[derive(Clone)]
pub(crate) struct Reigns {
    origin: String,
    keys: Arc<Keys>,
    objects: Objects,
    current: Current,
    /// The number of the keys that signed last, and these.
    last: Option<(u64, Arc<LogSigner>)>,
}

impl Reigns {
    pub(crate) fn new(origin: &str, keys: Arc<Keys>, objects: Objects, current: Current) -> Reigns {
        Reigns {
            origin: origin.to_owned(),
            keys,
            objects,
            current,
            last: None,
        }
    }

    pub(crate) fn known(&self) -> Arc<LogKeys> {
        self.current.get()
    }

    /// Takes over what the events tell, by whichever process they were recorded, and puts the copy under `ledger/` in
    /// its place: after the events are durable in the tree, and before anything is signed over them. Tables of another
    /// version tell nothing.
    pub(crate) fn refresh(&mut self, session: &mut Session) -> Result<()> {
        let known = self.known();
        let count = session
            .query_one("SELECT count(*) FROM successions", &[])
            .ok()
            .flatten()
            .and_then(|row| row.int(0).ok());
        let len = known.chain().statements().len();
        if count.is_none_or(|count| count as usize <= len) {
            return Ok(());
        }
        let keys = (*known)
            .clone()
            .succeeded(chain_in(session)?)
            .map_err(|e| AppError::damaged("the log's successions", e.to_string()))?;
        self.settle_copy(&keys)?;
        self.current.set(keys);
        Ok(())
    }

    /// The copy under `ledger/` follows the events.
    pub(crate) fn settle_copy(&self, keys: &LogKeys) -> Result<()> {
        let text = keys.chain().text();
        if !text.is_empty() && self.objects.get(FILE)?.as_deref() != Some(text.as_bytes()) {
            self.objects.put(FILE, text.as_bytes())?;
        }
        Ok(())
    }

    /// The keys that sign a tree larger than `above`, which the tables must tell already.
    pub(crate) fn signer(&mut self, session: &mut Session, above: u64) -> Result<Arc<LogSigner>> {
        let rows = rows(session)?;
        let number = rows
            .iter()
            .rev()
            .find(|row| row.size <= above)
            .map_or(LOG_KEY, |row| row.key);
        if let Some((known, signer)) = &self.last
            && *known == number
        {
            return Ok(Arc::clone(signer));
        }
        let secret = match self.keys.ring().open_key(number) {
            Ok(secret) => secret,
            Err(
                e @ (KeyringError::Damaged { .. }
                | KeyringError::Destroyed { .. }
                | KeyringError::NoSuchKey { .. }),
            ) => {
                return Err(AppError::MustNotSign(format!(
                    "the log's keys (number {number} of the keyring) cannot be opened: {e}. Put the newest copy of the keyring in its place; if there is none that has them, the log's heirs name new ones: `comity keys succeed --lost`"
                )));
            }
            Err(e) => return Err(e.into()),
        };
        let signer = Arc::new(signer_of(&self.origin, &secret)?);
        self.last = Some((number, Arc::clone(&signer)));
        Ok(signer)
    }

    /// Signs a checkpoint with the keys that hold at its size.
    pub(crate) fn sign(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
        time_secs: u64,
    ) -> Result<Vec<u8>> {
        let signer = self.signer(session, checkpoint.size.saturating_sub(1))?;
        // The statements and nothing else say who signs.
        if signer.keys().vkeys() != self.known().at(checkpoint.size) {
            return Err(AppError::damaged(
                "the log's keys",
                format!(
                    "those in the keyring are not the ones that sign {} events: an older copy of the keyring, or another log's",
                    checkpoint.size
                ),
            ));
        }
        signer
            .sign(checkpoint, time_secs)
            .map_err(|e| AppError::Refused(e.to_string()))
    }
}
