//! Lists that members bring: of names, and of files that are known or looked for (ADR 0016).
//!
//! A list is an event of its own chain with its bytes sealed in the vault; `import` makes it, `matching` holds items
//! against it when they are brought into the search index. Whose list it is, and whether it is shared, decides who sees
//! what it says.

mod database;
mod digests;
mod import;
mod matching;
mod watched;

use std::io::Read;

use comity_core::id::ObjectId;
use comity_core::json::{self, Value};
use comity_index::{Class, SeenList};
use comity_seal::Key;
use comity_vault::{ObjectReader, PackId, Place};

pub use import::{Bad, Import, Imported};
pub(crate) use matching::Matching;
pub use watched::Watched;

use crate::centre::Centre;
use crate::commit::{Committed, Subject};
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::project::facts::open_facts;
use crate::sql::{Row, Session};

/// A version of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The number of its chain.
    pub no: i64,
    /// Its number: `L0001`, the same for all its versions.
    pub number: String,
    /// Which version it is, from 1.
    pub version: i64,
    /// The code of the member whose list it is.
    pub member: String,
    /// What it is for.
    pub class: Class,
    /// Whether all members may see what it says.
    pub shared: bool,
    /// Whether it was dropped.
    pub dropped: bool,
    /// The leaf of its import.
    pub leaf: u64,
    /// What is sealed; `None` while it waits for its member's desk.
    pub facts: Option<Facts>,
}

/// What a list says of itself, which is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is called.
    pub name: String,
    /// SHA-256 of its file in hex.
    pub sha256: String,
    /// Entities, or digests of files.
    pub entries: u64,
    /// Lines that could not be used.
    pub bad: u64,
    /// What its names are, where it does not say so itself.
    pub kind: Option<String>,
}

impl List {
    /// Whether a person of this member sees what it says.
    pub fn is_seen_by(&self, member: Option<&str>) -> bool {
        self.facts.is_some() && (self.shared || member == Some(self.member.as_str()))
    }

    fn missing(&self) -> AppError {
        AppError::damaged(
            format!("list {}", self.number),
            "the vault holds no object for it",
        )
    }
}

const SQL: &str = "SELECT l.no, l.number, l.version, m.code, l.class, l.shared, l.dropped, c.first_index, l.facts, c.content_key FROM lists l JOIN members m ON m.no = l.member JOIN chains c ON c.no = l.no ORDER BY l.number, l.version";

/// The number of a class in SQL.
pub(crate) fn class_number(word: &str) -> Option<i64> {
    Some(match Class::of_word(word)? {
        Class::Names => 0,
        Class::Known => 1,
        Class::Watch => 2,
    })
}

fn class_of(number: i64) -> Class {
    match number {
        0 => Class::Names,
        1 => Class::Known,
        _ => Class::Watch,
    }
}

impl Centre {
    /// All versions of all lists, in the order of their numbers.
    pub fn all_lists(&self, session: &mut Session) -> Result<Vec<List>> {
        let rows = session.query(SQL, &[])?;
        rows.iter().map(|row| self.list_of_row(row)).collect()
    }

    /// The newest version of each list that was not dropped.
    pub(crate) fn lists_in_force(&self, session: &mut Session) -> Result<Vec<List>> {
        let mut newest: Vec<List> = Vec::new();
        for list in self.all_lists(session)? {
            match newest.last_mut().filter(|last| last.number == list.number) {
                Some(last) => *last = list,
                None => newest.push(list),
            }
        }
        newest.retain(|list| !list.dropped);
        Ok(newest)
    }

    /// The lists in force that a person of this member may see.
    pub fn lists_seen(&self, session: &mut Session, member: Option<&str>) -> Result<Vec<List>> {
        let mut lists = self.lists_in_force(session)?;
        lists.retain(|list| list.is_seen_by(member));
        Ok(lists)
    }

    /// As an index is told of the lists that a person of this member may see.
    pub(crate) fn seen_lists(
        &self,
        session: &mut Session,
        member: Option<&str>,
    ) -> Result<Vec<SeenList>> {
        let lists = self.lists_seen(session, member)?;
        let seen = |list: List| {
            Some(SeenList {
                leaf: list.leaf,
                number: list.number,
                name: list.facts?.name,
                class: list.class,
            })
        };
        Ok(lists.into_iter().filter_map(seen).collect())
    }

    fn list_of_row(&self, row: &Row) -> Result<List> {
        let number = row.text(1)?.to_owned();
        let secret = self.keys.item_unless_locked(row.int(9)? as u64)?;
        let facts = match (row.opt_blob(8)?, secret.ok().flatten()) {
            (Some(facts), Some(secret)) => {
                let clear = open_facts(&Key::new(secret.first), "lists", facts)?;
                let read = json::parse(&clear).ok().as_ref().and_then(facts_of);
                let broken = || AppError::damaged("table lists", format!("{number}: its facts"));
                Some(read.ok_or_else(broken)?)
            }
            _ => None,
        };
        Ok(List {
            no: row.int(0)?,
            number,
            version: row.int(2)?,
            member: row.text(3)?.to_owned(),
            class: class_of(row.int(4)?),
            shared: row.int(5)? == 1,
            dropped: row.int(6)? == 1,
            leaf: row.int(7)? as u64,
            facts,
        })
    }

    /// The list in force of a number, of the member of whoever acts.
    fn own_list(&self, session: &mut Session, actor: &Actor, number: &str) -> Result<List> {
        let lists = self.lists_in_force(session)?;
        let found = lists.into_iter().find(|l| l.number == number);
        match found.filter(|l| l.is_seen_by(Some(&actor.member))) {
            None => Err(AppError::Usage(format!(
                "there is no list {number}: `comity names list` and `comity files list` show them"
            ))),
            Some(list) if list.member != actor.member => Err(AppError::Refused(format!(
                "{number} is a list of {}, and {} is of {}: only its own member's people change it",
                list.member, actor.person, actor.member
            ))),
            Some(list) => Ok(list),
        }
    }

    /// Uses a list no longer. That it was there, and its bytes, stay on record.
    pub fn drop_list(&self, actor: &Actor, number: &str) -> Result<Committed> {
        let mut session = self.session()?;
        let list = self.own_list(&mut session, actor, number)?;
        let scope = session.query_one(
            "SELECT scope_key FROM members WHERE code = ?",
            &[list.member.as_str().into()],
        )?;
        let scope = scope.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64;
        let event = self.draft("list_dropped", actor).custody("list", number);
        let event = event.signed(actor, &self.config.origin)?;
        let scope = self.keys.scope_key(scope)?;
        self.append(self.custody_alone(Subject::Known(list.no), event, &scope)?)
    }

    /// The bytes of a list.
    fn list_reader(&self, session: &mut Session, list: &List) -> Result<Bytes> {
        let row = session.query_one(
            "SELECT id, pack, at, sealed_size FROM objects WHERE no = ?",
            &[list.no.into()],
        )?;
        let row = row.ok_or_else(|| list.missing())?;
        let place = Place {
            pack: PackId(row.array(1)?),
            offset: row.int(2)? as u64,
            len: row.int(3)? as u64,
        };
        let key = self.list_key(session, list)?;
        let reader = self
            .vault
            .open_object(&place, &key, ObjectId(row.array(0)?))
            .map_err(|e| AppError::damaged(format!("list {}", list.number), e.to_string()))?;
        Ok(Bytes { reader, at: 0 })
    }

    /// The key of a list's bytes.
    fn list_key(&self, session: &mut Session, list: &List) -> Result<Key> {
        let sql = "SELECT content_key FROM chains WHERE no = ?";
        let row = session.query_one(sql, &[list.no.into()])?;
        let row = row.ok_or_else(|| list.missing())?;
        let secret = self.keys.item(row.int(0)? as u64)?;
        let secret = secret.ok_or_else(|| list.missing())?;
        Ok(Key::new(secret.second))
    }
}

/// What is sealed of a list, as its row keeps it and its event says it.
fn facts_of(value: &Value) -> Option<Facts> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    Some(Facts {
        name: text("name")?,
        sha256: text("sha256")?,
        entries: number("entries")?,
        bad: number("bad").unwrap_or(0),
        kind: text("kind_of_names"),
    })
}

/// An object as a stream.
pub(crate) struct Bytes {
    reader: ObjectReader,
    at: u64,
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = (buffer.len() as u64).min(self.reader.size() - self.at) as usize;
        let (part, _) = buffer.split_at_mut(len);
        self.reader
            .read_at(self.at, part)
            .map_err(std::io::Error::other)?;
        self.at += len as u64;
        Ok(len)
    }
}
