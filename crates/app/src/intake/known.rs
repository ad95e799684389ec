//! What the centre holds already under the paths of a batch, within one source of one member and case.

use std::collections::HashMap;

use comity_seal::Key;

use super::thing::Thing;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::project::facts::{ItemFacts, open_facts};
use crate::project::{Filters, ItemState, path_tags};
use crate::sql::{Session, Value};

/// The newest item of a path.
#[derive(Clone, Debug)]
pub struct KnownItem {
    /// The number of its chain.
    pub no: i64,
    /// The number of its content key.
    pub content_key: u64,
    /// The chain number of its intake.
    pub intake_no: i64,
    /// The number of its intake.
    pub intake: u32,
    /// Its number in the intake.
    pub number: u32,
    /// How it ended.
    pub state: ItemState,
    /// Its object.
    pub object: Option<i64>,
    /// Its size in bytes.
    pub size: u64,
    /// Its file's time of modification then, in nanoseconds since 1970.
    pub modified: Option<i64>,
    /// The index of its first event.
    pub first: u64,
    /// The index of the last event of its chain, when there is one after the first.
    pub last: Option<u64>,
}

/// Paths that one query asks for.
const PATHS_PER_QUERY: usize = 200;

/// Looks up the newest item of each thing's path. The answer has one place for each thing.
pub fn known_items(
    centre: &Centre,
    session: &mut Session,
    source: i64,
    index_key: &[u8; 32],
    things: &[Thing<'_>],
) -> Result<Vec<Option<KnownItem>>> {
    let tags: Vec<(i64, i64)> = things
        .iter()
        .map(|t| path_tags(index_key, t.path()))
        .collect();
    let mut newest: HashMap<(i64, i64), i64> = HashMap::new();
    for part in tags.chunks(PATHS_PER_QUERY) {
        let wanted = vec!["(?,?)"; part.len()].join(",");
        // CROSS: SQLite then goes from the paths that are asked for into the table. Left to itself it reads every path
        // of the source for each query, and the same delivery again costs the square of its size.
        let sql = format!(
            "SELECT p.folder, p.name, max(p.item) FROM (VALUES {wanted}) AS w CROSS JOIN paths p WHERE p.folder = w.column1 AND p.name = w.column2 AND p.source = ? GROUP BY p.folder, p.name"
        );
        let mut values: Vec<Value> = part
            .iter()
            .flat_map(|(f, n)| [Value::Int(*f), Value::Int(*n)])
            .collect();
        values.push(Value::Int(source));
        for row in session.query(&sql, &values)? {
            newest.insert((row.int(0)?, row.int(1)?), row.int(2)?);
        }
    }
    let mut items = HashMap::new();
    let numbers: Vec<i64> = newest.values().copied().collect();
    for part in numbers.chunks(PATHS_PER_QUERY) {
        let places = vec!["?"; part.len()].join(",");
        let sql = format!(
            "SELECT i.no, i.intake, i.number, i.state, i.object, i.size, i.facts, c.content_key, t.number, c.last_n, c.last_index, c.first_index FROM items i JOIN chains c ON c.no = i.no JOIN intakes t ON t.no = i.intake WHERE i.no IN ({places})"
        );
        let values: Vec<Value> = part.iter().map(|n| Value::Int(*n)).collect();
        for row in session.query(&sql, &values)? {
            let secret = centre.keys.item(row.int(7)? as u64)?;
            let facts = match (row.opt_blob(6)?, &secret) {
                (Some(sealed), Some(secret)) => {
                    ItemFacts::decode(&open_facts(&Key::new(secret.first), "items", sealed)?)
                }
                _ => None,
            };
            let state = ItemState::of_number(row.int(3)?)
                .ok_or_else(|| AppError::damaged("table items", "an unknown state"))?;
            items.insert(
                row.int(0)?,
                KnownItem {
                    no: row.int(0)?,
                    content_key: row.int(7)? as u64,
                    intake_no: row.int(1)?,
                    intake: row.int(8)? as u32,
                    number: row.int(2)? as u32,
                    state,
                    object: row.opt_int(4)?,
                    size: row.int(5)? as u64,
                    modified: facts.and_then(|f| f.modified),
                    first: row.int(11)? as u64,
                    last: (row.int(9)? > 0).then_some(row.int(10)? as u64),
                },
            );
        }
    }
    Ok(tags
        .iter()
        .map(|t| newest.get(t).and_then(|no| items.get(no)).cloned())
        .collect())
}

/// The object that a member holds for each tag of a content, with the key number of an item that wraps its data key.
pub fn held_objects(
    session: &mut Session,
    filters: &mut Filters,
    member: i64,
    tags: &[Option<[u8; 16]>],
) -> Result<HashMap<[u8; 16], Held>> {
    let mut held = HashMap::new();
    let tags: Vec<&[u8; 16]> = tags.iter().flatten().collect();
    for (run, tags) in filters.narrow(session, &tags)? {
        for part in tags.chunks(PATHS_PER_QUERY) {
            let places = vec!["?"; part.len()].join(",");
            let sql = format!(
                "SELECT d.tag, d.object, d.holder, o.id, o.sealed_size, o.sealed_sha256 FROM digests d JOIN objects o ON o.no = d.object WHERE d.run = ? AND d.member = ? AND d.tag IN ({places}) ORDER BY d.object DESC"
            );
            let mut values = vec![Value::Int(run), Value::Int(member)];
            values.extend(part.iter().map(|t| Value::Blob(t.to_vec())));
            for row in session.query(&sql, &values)? {
                let found = Held {
                    no: row.int(1)?,
                    holder: row.int(2)? as u64,
                    id: row.array(3)?,
                    sealed_size: row.int(4)? as u64,
                    sealed_sha256: row.array(5)?,
                };
                held.insert(row.array(0)?, found);
            }
        }
    }
    Ok(held)
}

/// An object that is held.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Its number.
    pub no: i64,
    /// The key number of an item that wraps its data key.
    pub holder: u64,
    /// Its id.
    pub id: [u8; 16],
    /// The length of its sealed bytes.
    pub sealed_size: u64,
    /// The SHA-256 of its sealed bytes.
    pub sealed_sha256: [u8; 32],
}

impl Held {
    /// The data key of the object, from an item that has it.
    pub fn data_key(&self, centre: &Centre) -> Result<[u8; 32]> {
        let secret = centre.keys.item(self.holder)?;
        secret.map(|s| s.second).ok_or_else(|| {
            AppError::damaged(
                "table digests",
                "it names an erased item as holder of an object",
            )
        })
    }
}
