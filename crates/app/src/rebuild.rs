//! `comity rebuild`: the tables made anew from ledger, bodies, keyring and vault.
//!
//! The same projector that writes them live reads every event in order. On SQLite the new tables
//! grow in a file beside the old one and are renamed over it; on PostgreSQL in a schema beside it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use comity_core::body::{Field, OpenField, SealedBody};
use comity_core::id::ObjectId;
use comity_core::json::Value as Json;
use comity_core::signature::{self, ActSignature, signed_commitment};
use comity_keyring::Secret;
use comity_ledger::{Batch, StoredRef, Tree};
use comity_store::{Disk, FileLock};
use comity_vault::{PackId, Vault};

use crate::centre::Centre;
use crate::compact::packs_in_work;
use crate::compare::differences;
use crate::cores::{ahead, on_all_cores};
use crate::error::AppError;
use crate::error::Result;
use crate::intake_tree::IntakeTrees;
use crate::keys::{ItemKeys, Keys};
use crate::numbered::Numbered;
use crate::places::{FoundObjects, Places};
use crate::project::{Event, ObjectAt, Projector, Received, Rows, object_id};
use crate::read::{OpenedEvent, open_event_with};
use crate::reading::Pass;
use crate::sql::{Access, Database, Session, schema};

/// Bundles that are opened at once; three such blocks are in memory at a time.
const BATCH_BUNDLES: usize = 8;
/// How far a rebuild is: events done, events in all.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What a rebuild reads from.
pub struct Sources<'a> {
    /// The keyring.
    pub keys: &'a Keys,
    /// The vault.
    pub vault: &'a Vault,
    /// The ledger.
    pub tree: &'a Tree,
    /// Packs that a compaction is making or removing.
    pub in_work: HashSet<PackId>,
}

/// Fills the empty database behind `session` from the sources, up to the size of the tree. Returns how many events
/// there were, and what counted the rows.
pub fn fill(sources: &Sources<'_>, session: &mut Session, watch: Watch<'_>) -> Result<(u64, Rows)> {
    schema::create(session)?;
    // A pack whose index is damaged is left out; `comity verify` names it.
    let places = Places::of(
        sources.vault,
        sources.vault.packs()?,
        &sources.in_work,
        |_, _| {},
    );
    let size = sources.tree.size();
    let mut projector = Projector::from_nothing(session)?;
    session.begin()?;
    let mut batches = sources.tree.batches(0..size);
    let mut done = 0;
    let mut intakes = IntakeTrees::default();
    let mut chains = Numbered::default();
    let open_block = || {
        let block: Vec<Batch> = batches
            .by_ref()
            .take(BATCH_BUNDLES)
            .collect::<std::result::Result<_, _>>()?;
        let stored: Vec<_> = block.iter().flat_map(Batch::iter).collect();
        let items = item_keys(sources.keys, &stored)?;
        let opened = on_all_cores(
            &stored,
            || (),
            |(), _, s| opened(sources.keys, &items, s, None),
        );
        let opened: Vec<Opened> = opened.into_iter().collect::<Result<_>>()?;
        let found = places.find(opened.iter().filter_map(Opened::object))?;
        Ok((!stored.is_empty()).then_some((opened, found)))
    };
    ahead(open_block, |(opened, found)| {
        for event in opened {
            let at = &event.event;
            if let Some(found) = intakes.meet(at.index, at.leaf.chain, at.hash, &event.fields) {
                return Err(AppError::damaged(found.place, found.what));
            }
            let chain_no = match at.leaf.n {
                0 => {
                    chains.add(at.leaf.chain.0);
                    None
                }
                _ => chains.of(&at.leaf.chain.0).map(chain_no),
            };
            apply(
                sources.keys,
                session,
                &mut projector,
                &found,
                chain_no,
                event,
            )?;
            done += 1;
        }
        projector.rows.make_room(session)?;
        watch(done, size);
        Ok(())
    })?;
    projector.rows.flush(session)?;
    finish(session, size, sources.tree.published())?;
    Ok((done, projector.rows))
}

/// Says how far the tables go, and commits them.
pub(crate) fn finish(session: &mut Session, size: u64, checkpoint: Option<&[u8]>) -> Result<()> {
    let checkpoint = checkpoint.map(<[u8]>::to_vec);
    session.execute(
        "UPDATE log_state SET size = ?, checkpoint = ?, highest_key = (SELECT coalesce(max(CASE WHEN custody_key > content_key THEN custody_key ELSE content_key END), 0) FROM chains) WHERE id = 1",
        &[(size as i64).into(), checkpoint.into()],
    )?;
    Ok(session.commit()?)
}

/// An event opened for the projections.
pub(crate) struct Opened {
    /// The event; its fields have moved to `fields`.
    pub event: OpenedEvent,
    /// Its fields, as far as they have not been erased.
    pub fields: Vec<Field>,
    /// The secret of its content key, for the first event of a chain.
    pub secret: Option<Secret>,
    /// What an item's event says for its rows.
    pub received: Option<Received>,
    /// The key that has signed it, or what is wrong with its signature; looked at when an origin is given.
    pub signature: Option<std::result::Result<[u8; 32], String>>,
}

impl Opened {
    /// The object that it names.
    pub fn object(&self) -> Option<ObjectId> {
        let object = self.fields.iter().find(|f| f.name == "object")?;
        object_id(&object.value)
    }
}

/// The number in the tables of the chain that began as the `nth` of the log, from 0.
pub(crate) fn chain_no(nth: usize) -> i64 {
    nth as i64 + 1
}

/// The item keys that a block of events names.
pub(crate) fn item_keys(keys: &Keys, stored: &[StoredRef<'_>]) -> Result<ItemKeys> {
    keys.items(
        stored
            .iter()
            .filter_map(|s| Some(SealedBody::parse(s.body).ok()?.content_key)),
    )
}

pub(crate) fn opened(
    keys: &Keys,
    items: &ItemKeys,
    stored: &StoredRef<'_>,
    origin: Option<&str>,
) -> Result<Opened> {
    let (mut event, secret) = open_event_with(keys, items, stored)?;
    // Only the first event of a chain makes rows with sealed columns, and only a reading names an object besides.
    let secret = secret.filter(|_| {
        event.leaf.n == 0
            || event
                .text("kind")
                .is_some_and(|k| Pass::of_event(k).is_some())
    });
    let signature = origin.and_then(|origin| signature_of(&event, origin));
    let fields: Vec<Field> = std::mem::take(&mut event.fields)
        .into_iter()
        .filter_map(known)
        .collect();
    let read = as_event(&event, &fields, secret.as_ref());
    let received = match read.get("kind").and_then(Json::as_str) {
        Some("received" | "extracted") if event.leaf.n == 0 => {
            Received::read(&read, keys, &|_| Ok(None)).ok()
        }
        _ => None,
    };
    Ok(Opened {
        event,
        fields,
        secret,
        received,
        signature,
    })
}

/// The key that has signed the event, or what is wrong with its signature.
fn signature_of(
    event: &OpenedEvent,
    origin: &str,
) -> Option<std::result::Result<[u8; 32], String>> {
    let value = event.value(signature::FIELD)?;
    let list: Vec<_> = event
        .fields
        .iter()
        .map(|f| (f.class, f.name.as_str(), f.commitment))
        .collect();
    let check = || {
        let found = ActSignature::parse(value).map_err(|e| e.to_string())?;
        let commitment = signed_commitment(&list).map_err(|e| e.to_string())?;
        found
            .verify(origin, &commitment)
            .map_err(|e| e.to_string())?;
        Ok(found.key)
    };
    Some(check())
}

fn as_event<'a>(event: &OpenedEvent, fields: &'a [Field], secret: Option<&'a Secret>) -> Event<'a> {
    Event {
        index: event.index,
        chain: event.leaf.chain,
        chain_no: None,
        n: event.leaf.n,
        leaf: event.hash,
        custody_key: event.custody_key,
        content_key: event.content_key,
        fields,
        secret,
        object: ObjectAt::Unknown,
        received: None,
    }
}

fn known(field: OpenField) -> Option<Field> {
    let value = field.value?;
    Some(Field {
        class: field.class,
        name: field.name,
        value,
    })
}

pub(crate) fn apply(
    keys: &Keys,
    session: &mut Session,
    projector: &mut Projector,
    found: &FoundObjects,
    chain_no: Option<i64>,
    opened: Opened,
) -> Result<()> {
    let at = opened
        .object()
        .and_then(|object| found.get(&object))
        .map_or(ObjectAt::Unknown, |f| ObjectAt::Among(f.place, f.number));
    let Opened {
        event,
        fields,
        secret,
        received,
        signature: _,
    } = opened;
    let needs_intake = fields
        .iter()
        .any(|f| f.name == "kind" && f.value == "intake_opened");
    projector.apply(
        session,
        keys,
        &Event {
            chain_no,
            object: at,
            received: received.as_ref(),
            ..as_event(&event, &fields, secret.as_ref())
        },
    )?;
    if needs_intake {
        projector.rows.flush(session)?;
    }
    Ok(())
}

impl Centre {
    fn sources<'a>(&'a self, tree: &'a Tree) -> Sources<'a> {
        // Tables that cannot be read say nothing of a compaction either.
        let in_work = self.session().and_then(|mut s| packs_in_work(&mut s));
        Sources {
            keys: &self.keys,
            vault: &self.vault,
            tree,
            in_work: in_work.unwrap_or_default(),
        }
    }

    /// Makes the state anew and puts it in the old one's place. Returns how many events it was made from.
    pub fn rebuild(&self, watch: Watch<'_>) -> Result<u64> {
        let _stay = self.keep_packs()?;
        let mut sequencer = self.sequencer();
        sequencer.replace_state(|tree, database| {
            let beside = Beside::of(self, "rebuild")?;
            beside.clear()?;
            let mut session = Session::open(&beside.database)?;
            let (done, _) = fill(&self.sources(tree), &mut session, watch)?;
            beside.carry_over(database, &mut session)?;
            session.close()?;
            beside.take_over(database)?;
            Ok(done)
        })
    }

    /// Makes the tables in memory of the disk beside the live ones and compares. Returns the differences, in words.
    pub fn rebuild_check(&self, watch: Watch<'_>) -> Result<Vec<String>> {
        let _stay = self.keep_packs()?;
        let sequencer = self.sequencer();
        let beside = Beside::of(self, "check")?;
        beside.clear()?;
        let mut session = Session::open(&beside.database)?;
        let (_, rows) = fill(&self.sources(&sequencer.tree), &mut session, watch)?;
        let live = &mut self.session()?;
        let differences = differences(live, Vec::new(), session, &beside.database, &rows);
        beside.clear()?;
        differences
    }

    /// Removes what an interrupted rebuild left beside the live tables. In PostgreSQL the next rebuild does.
    pub(crate) fn sweep_rebuilds(&self) -> Result<()> {
        for name in ["rebuild", "check"] {
            let (database, lock_file) = Beside::place(self, name);
            if let Database::Sqlite { path, .. } = &database
                && sqlite_files(path).iter().any(|f| f.exists())
                && let Some(lock) = self.ambient.disk.try_lock(&lock_file)?
            {
                let disk = self.ambient.disk.clone();
                Beside {
                    database,
                    disk,
                    _lock: lock,
                }
                .clear()?;
            }
        }
        Ok(())
    }
}

/// A database beside the live one, and the lock by which processes take turns at it.
struct Beside {
    database: Database,
    disk: Disk,
    _lock: FileLock,
}

impl Beside {
    fn of(centre: &Centre, name: &str) -> Result<Beside> {
        let (database, lock_file) = Beside::place(centre, name);
        let disk = centre.ambient.disk.clone();
        if let Some(folder) = lock_file.parent() {
            disk.create_dir_all(folder)?;
        }
        let lock = disk.lock(&lock_file)?;
        Ok(Beside {
            database,
            disk,
            _lock: lock,
        })
    }

    fn place(centre: &Centre, name: &str) -> (Database, PathBuf) {
        let database = match &centre.database {
            Database::Sqlite { path, key, .. } => Database::Sqlite {
                path: path.with_extension(name),
                key: *key,
                access: Access::Making,
            },
            Database::Postgres { url, schema } => Database::Postgres {
                url: url.clone(),
                schema: format!("{schema}_{name}"),
            },
        };
        (
            database,
            centre.dir.join("tmp").join(format!("{name}.lock")),
        )
    }

    /// Removes what an interrupted rebuild left.
    fn clear(&self) -> Result<()> {
        match &self.database {
            Database::Sqlite { path, .. } => {
                for file in sqlite_files(path).iter().filter(|f| f.exists()) {
                    self.disk.remove_file(file)?;
                }
                Ok(())
            }
            Database::Postgres { schema, .. } => {
                let mut session = Session::open(&self.database)?;
                session.execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), &[])?;
                Ok(session.close()?)
            }
        }
    }

    /// What the ledger does not say and the old tables do, as far as they can be read: packages and receipts that are
    /// on their way out, packs that a compaction was making or removing.
    fn carry_over(&self, live: &Database, session: &mut Session) -> Result<()> {
        let tables: [(&str, &[&str]); 2] = [
            (
                "packages_in_work",
                &[
                    "tag",
                    "chain",
                    "recorded",
                    "made",
                    "place",
                    "digest",
                    "checkpoint",
                ],
            ),
            ("packs_in_work", &["id", "leaves"]),
        ];
        for (table, columns) in tables {
            let sql = format!("SELECT {} FROM {table}", columns.join(", "));
            let Ok(rows) = Session::open(live).and_then(|mut old| old.query(&sql, &[])) else {
                continue;
            };
            for row in rows {
                session.insert(table, columns, &row.0)?;
            }
        }
        Ok(())
    }

    /// Puts the new tables in the place of the old ones.
    fn take_over(&self, live: &Database) -> Result<()> {
        match (&self.database, live) {
            (Database::Sqlite { path: new, .. }, Database::Sqlite { path: old, .. }) => {
                // Another process may have the old file open, and commits in its write-ahead log: they go into the file
                // first, so that it is whole if this is as far as we come. One that cannot be read is lost either way.
                let _ = Session::open(live)
                    .and_then(|mut s| s.query("PRAGMA wal_checkpoint(TRUNCATE)", &[]));
                // The old write-ahead log belongs to the old file and must not be read into the new one.
                for file in sqlite_files(old).iter().skip(1).filter(|f| f.exists()) {
                    self.disk.remove_file(file)?;
                }
                self.disk.open_rw(new)?.sync()?;
                self.disk.rename(new, old)?;
                let folder = old.parent().unwrap_or(Path::new("."));
                Ok(self.disk.sync_dir(folder)?)
            }
            (Database::Postgres { schema: new, .. }, Database::Postgres { schema: old, .. }) => {
                let mut session = Session::open(live)?;
                session.begin()?;
                session.execute(&format!("DROP SCHEMA IF EXISTS {old} CASCADE"), &[])?;
                session.execute(&format!("ALTER SCHEMA {new} RENAME TO {old}"), &[])?;
                Ok(session.commit()?)
            }
            _ => Ok(()),
        }
    }
}

/// A SQLite file and what may lie beside it.
fn sqlite_files(path: &Path) -> Vec<PathBuf> {
    ["", "-wal", "-shm", "-journal"]
        .iter()
        .map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        })
        .collect()
}
