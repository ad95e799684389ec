//! Which packs hold dead objects, and where the living ones go.

use std::collections::{BTreeMap, HashMap, HashSet};

use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_keyring::{Condition, Inspection};
use comity_vault::{IndexEntry, PACK_LEN, PackId};

use crate::centre::Centre;
use crate::error::Result;
use crate::project::ItemState;
use crate::sql::{Session, Value};

/// Rows read from SQL at a time.
const PAGE: i64 = 10_000;
/// A longer object is never beside others in its pack: it is not moved, for want of memory.
const LONGEST: u64 = 64 << 20;

/// A living object of a pack that goes.
pub struct Moved {
    /// Its row.
    pub no: i64,
    /// Its pack.
    pub from: PackId,
    /// What that pack's index says of it.
    pub entry: IndexEntry,
}

/// A pack to be made.
pub struct NewPack {
    /// Its id.
    pub id: PackId,
    /// The key number of its scope.
    pub scope_key: u64,
    /// What goes into it, in order.
    pub objects: Vec<Moved>,
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    /// Packs that go, with their sizes in bytes.
    pub removed: Vec<(PackId, u64)>,
    /// Packs to be made.
    pub made: Vec<NewPack>,
    /// Rows of dead objects.
    pub dead_rows: Vec<(i64, ObjectId)>,
    /// Dead objects, with or without a row.
    pub dead: u64,
    /// Packs that are left as they are because their objects cannot all be told dead or alive, or are damaged.
    pub left: Vec<Finding>,
}

/// What the tables say of objects, and the keyring of their keys.
struct Known {
    /// Rows of objects: number, pack and place.
    rows: HashMap<ObjectId, (i64, PackId, u64)>,
    /// Rows of objects that an item holds whose key is not destroyed.
    alive: HashSet<i64>,
    /// Members by the key numbers of their scopes.
    members: HashMap<u64, i64>,
    /// Members of whom a sealed item shows no object though its key is not destroyed.
    closed: HashSet<i64>,
}

impl Plan {
    /// Looks through all packs. The caller holds the lock of those who remove packs, so none comes or goes.
    pub fn make(centre: &Centre, session: &mut Session, keyring: &Inspection) -> Result<Plan> {
        let known = Known::read(session, keyring)?;
        let mut plan = Plan::default();
        let mut living: BTreeMap<u64, Vec<Moved>> = BTreeMap::new();
        for file in centre.vault.packs()? {
            let Some(pack) = file.pack else { continue };
            let index = match centre.vault.read_pack_index(&file.name) {
                Ok(index) => index,
                Err(e) => {
                    plan.left.push(Finding::new(file.name, e.to_string()));
                    continue;
                }
            };
            let member = known.members.get(&index.scope_key);
            if member.is_none_or(|m| known.closed.contains(m)) {
                plan.left.push(Finding::new(
                    file.name,
                    "whether its objects are dead cannot be told: items of its member do not open",
                ));
                continue;
            }
            let (mut moved, mut dead_rows, mut dead) = (Vec::new(), Vec::new(), 0);
            for entry in &index.objects {
                match known.rows.get(&entry.object) {
                    Some((no, at, offset)) if (*at, *offset) == (pack, entry.offset) => {
                        if known.alive.contains(no) {
                            moved.push(Moved {
                                no: *no,
                                from: pack,
                                entry: *entry,
                            });
                        } else {
                            dead_rows.push((*no, entry.object));
                            dead += 1;
                        }
                    }
                    // Nobody holds it, or it lies in another pack as well and counts there.
                    _ => dead += 1,
                }
            }
            if dead == 0 && !index.objects.is_empty() {
                continue;
            }
            if moved.iter().any(|m| m.entry.len > LONGEST) {
                plan.left.push(Finding::new(
                    file.name,
                    "it holds a large object beside others, which no release of Comity writes",
                ));
                continue;
            }
            if let Err(what) = sound(centre, &file.name, &moved) {
                plan.left.push(Finding::new(file.name, what));
                continue;
            }
            plan.removed.push((pack, file.size));
            plan.dead += dead;
            plan.dead_rows.extend(dead_rows);
            living.entry(index.scope_key).or_default().extend(moved);
        }
        for (scope_key, objects) in living {
            plan.pack(centre, scope_key, objects);
        }
        Ok(plan)
    }

    fn pack(&mut self, centre: &Centre, scope_key: u64, objects: Vec<Moved>) {
        let mut len = 0;
        let mut new: Vec<Moved> = Vec::new();
        let mut made = |objects: Vec<Moved>| {
            if !objects.is_empty() {
                self.made.push(NewPack {
                    id: PackId(centre.ambient.bytes()),
                    scope_key,
                    objects,
                });
            }
        };
        for object in objects {
            if len + object.entry.len > PACK_LEN {
                made(std::mem::take(&mut new));
                len = 0;
            }
            len += object.entry.len;
            new.push(object);
        }
        made(new);
    }
}

/// What is moved must be whole before anything is decided: a damaged object stays where it can be mended.
fn sound(centre: &Centre, name: &str, moved: &[Moved]) -> std::result::Result<(), String> {
    let reader = centre.objects.reader(name).map_err(|e| e.to_string())?;
    for object in moved {
        read(&reader, &object.entry)?;
    }
    Ok(())
}

/// The sealed bytes of an object, as its digest says.
pub fn read(
    reader: &comity_store::ObjectReader,
    entry: &IndexEntry,
) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(entry.len).map_err(|e| e.to_string())?];
    reader
        .read_at(entry.offset, &mut bytes)
        .map_err(|e| e.to_string())?;
    if comity_core::digest::Digest::of(&bytes) != entry.sha256 {
        return Err(format!(
            "object {} does not agree with its digest in the index; `comity vault repair` mends it",
            entry.object
        ));
    }
    Ok(bytes)
}

impl Known {
    fn read(session: &mut Session, keyring: &Inspection) -> Result<Known> {
        let mut known = Known {
            rows: HashMap::new(),
            alive: HashSet::new(),
            members: HashMap::new(),
            closed: HashSet::new(),
        };
        for row in session.query("SELECT scope_key, member FROM scopes", &[])? {
            known.members.insert(row.int(0)? as u64, row.int(1)?);
        }
        // Lists are of the member itself, and packs name the key of their time.
        let of_lists =
            "SELECT DISTINCT c.custody_key, l.member FROM lists l JOIN chains c ON c.no = l.no";
        for row in session.query(of_lists, &[])? {
            known.members.insert(row.int(0)? as u64, row.int(1)?);
        }
        // A member's scopes have fresh keys after a rotation; packs name the key of their time.
        let former =
            "SELECT DISTINCT c.custody_key, t.member FROM intakes t JOIN chains c ON c.no = t.no";
        for row in session.query(former, &[])? {
            known.members.insert(row.int(0)? as u64, row.int(1)?);
        }
        let sql =
            format!("SELECT no, id, pack, at FROM objects WHERE no > ? ORDER BY no LIMIT {PAGE}");
        each(session, &sql, |row| {
            let place = (row.int(0)?, PackId(row.array(2)?), row.int(3)? as u64);
            known.rows.insert(ObjectId(row.array(1)?), place);
            Ok(())
        })?;
        let sql = format!(
            "SELECT i.no, i.member, i.object, c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.state = {} AND i.no > ? ORDER BY i.no LIMIT {PAGE}",
            ItemState::Sealed as i64
        );
        each(session, &sql, |row| {
            if keyring.condition(row.int(3)? as u64) == Condition::Destroyed {
                return Ok(());
            }
            match row.opt_int(2)? {
                Some(object) => known.alive.insert(object),
                None => known.closed.insert(row.int(1)?),
            };
            Ok(())
        })?;
        let sql = format!(
            "SELECT l.no, c.content_key FROM lists l JOIN chains c ON c.no = l.no WHERE l.no > ? ORDER BY l.no LIMIT {PAGE}"
        );
        each(session, &sql, |row| {
            if keyring.condition(row.int(1)? as u64) != Condition::Destroyed {
                known.alive.insert(row.int(0)?);
            }
            Ok(())
        })?;
        let sql = format!(
            "SELECT d.leaf, c.content_key FROM derivatives d JOIN chains c ON c.no = d.item WHERE d.leaf > ? ORDER BY d.leaf LIMIT {PAGE}"
        );
        each(session, &sql, |row| {
            if keyring.condition(row.int(1)? as u64) != Condition::Destroyed {
                known.alive.insert(-row.int(0)?);
            }
            Ok(())
        })?;
        Ok(known)
    }
}

/// Calls `see` for each row of a query that goes on after the number in its first column.
fn each(
    session: &mut Session,
    sql: &str,
    mut see: impl FnMut(&crate::sql::Row) -> Result<()>,
) -> Result<()> {
    // Derivatives' objects have numbers below zero.
    let mut after = i64::MIN;
    loop {
        let rows = session.query(sql, &[Value::Int(after)])?;
        for row in &rows {
            see(row)?;
            after = row.int(0)?;
        }
        if rows.len() < PAGE as usize {
            return Ok(());
        }
    }
}
