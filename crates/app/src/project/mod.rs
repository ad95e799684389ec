//! Projections: the tables as a function of the events. The live path and `comity rebuild` both
//! come through [`Projector::apply`], so that what is rebuilt equals what was live.

pub mod acts;
mod apply;
mod erased;
pub mod facts;
mod fixity;
mod lists;
mod reading;
mod received;
mod rows;
mod runs;

use std::collections::HashMap;

use comity_core::id::ObjectId;

use crate::error::{AppError, Result};
use crate::sql::{Session, Value};

pub use apply::{Event, ObjectAt, source_tag};
pub(crate) use reading::object_id;
pub use reading::{below, place_of_below};
pub use received::{MemberIndex, Received, digest_tag, modified_nanos, path_tags};
pub use rows::Rows;
pub use runs::Filters;

/// What a chain stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum ChainKind {
    /// The centre itself.
    Centre = 0,
    /// A member.
    Member = 1,
    /// A person.
    Person = 2,
    /// A case.
    Case = 3,
    /// A hand-over of items.
    Intake = 4,
    /// An item.
    Item = 5,
    /// A disclosure.
    Disclosure = 6,
    /// A hold: nothing under it is erased.
    Hold = 7,
    /// An erasure of items.
    Erasure = 8,
    /// An act that one person proposed and another is to confirm.
    Proposal = 9,
    /// A time stamp authority as it was configured once.
    StampAuthority = 10,
    /// A version of a list that a member brought.
    List = 11,
}

/// How an item ended when it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum ItemState {
    /// Its bytes are in the vault.
    Sealed = 0,
    /// A symbolic link, recorded and not followed.
    Link = 1,
    /// A socket, device or pipe.
    Refused = 2,
    /// It could not be read.
    Unreadable = 3,
    /// It was gone when its turn came.
    Vanished = 4,
    /// It changed while it was read; nothing of it is kept.
    Changed = 5,
}

impl ItemState {
    /// All states.
    pub const ALL: [ItemState; 6] = [
        ItemState::Sealed,
        ItemState::Link,
        ItemState::Refused,
        ItemState::Unreadable,
        ItemState::Vanished,
        ItemState::Changed,
    ];

    /// The word for it in events and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            ItemState::Sealed => "sealed",
            ItemState::Link => "link",
            ItemState::Refused => "refused",
            ItemState::Unreadable => "unreadable",
            ItemState::Vanished => "vanished",
            ItemState::Changed => "changed",
        }
    }

    /// The state of a word.
    pub fn of_word(word: &str) -> Option<ItemState> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// The state of its number in SQL.
    pub fn of_number(number: i64) -> Option<ItemState> {
        Self::ALL.into_iter().find(|s| *s as i64 == number)
    }
}

/// Where an object lies: its pack, and where its sealed bytes begin in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectPlace {
    /// The pack's id.
    pub pack: [u8; 16],
    /// From the start of the pack, in bytes.
    pub offset: u64,
}

/// A member as the projections know it.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Chain number.
    pub no: i64,
    /// Key number of the member's scope.
    pub scope_key: u64,
}

/// The objects that came so far, while rebuilding: four bytes for each of the vault.
#[derive(Default)]
struct Brought {
    /// Their numbers by their places among all objects of the vault; 0 for one that has not come yet.
    numbers: Vec<u32>,
    /// Those that went to another item when theirs was erased, or to none.
    let_go: HashMap<i64, Option<i64>>,
}

impl Brought {
    /// The number that an object has by now; `None` where none came yet, or nothing is left of it.
    fn number(&self, place: usize) -> Option<i64> {
        let mut no = i64::from(self.numbers.get(place).copied().filter(|no| *no > 0)?);
        while let Some(heir) = self.let_go.get(&no) {
            no = (*heir)?;
        }
        Some(no)
    }

    fn add(&mut self, place: usize, no: i64) {
        if self.numbers.len() <= place {
            self.numbers.resize(place + 1, 0);
        }
        self.numbers[place] = u32::try_from(no).unwrap_or(0);
    }
}

/// Keeps what is needed to turn the next event into rows.
pub struct Projector {
    members: HashMap<String, MemberRow>,
    cases: HashMap<String, i64>,
    scopes: HashMap<(i64, i64), u64>,
    sources: HashMap<(i64, i64, [u8; 16]), i64>,
    intakes: HashMap<(i64, i64), (i64, i64)>,
    /// Chain numbers of holds, erasures and proposals by their own numbers.
    acts: HashMap<String, i64>,
    next_chain: i64,
    next_source: i64,
    /// Objects by their id: those of the group; while rebuilding, those that the vault does not hold.
    objects: HashMap<ObjectId, i64>,
    /// Those of the group before.
    former_objects: HashMap<ObjectId, i64>,
    /// While rebuilding.
    brought: Option<Brought>,
    /// The newest run that holds a tag, and its tags, once they were asked for.
    open_run: Option<(i64, Vec<[u8; 16]>)>,
    /// The rows made since the last [`Rows::flush`].
    pub rows: Rows,
}

impl Projector {
    /// A projector that goes on from what the tables hold.
    pub fn load(session: &mut Session) -> Result<Projector> {
        let mut next = |sql: &str| -> Result<i64> {
            Ok(session
                .query_one(sql, &[])?
                .map(|r| r.int(0))
                .transpose()?
                .unwrap_or(0)
                + 1)
        };
        let (next_chain, next_source) = (
            next("SELECT coalesce(max(no), 0) FROM chains")?,
            next("SELECT coalesce(max(no), 0) FROM sources")?,
        );
        let mut p = Projector {
            members: HashMap::new(),
            cases: HashMap::new(),
            scopes: HashMap::new(),
            sources: HashMap::new(),
            intakes: HashMap::new(),
            acts: HashMap::new(),
            next_chain,
            next_source,
            objects: HashMap::new(),
            former_objects: HashMap::new(),
            brought: None,
            open_run: None,
            rows: Rows::default(),
        };
        for r in session.query("SELECT code, no, scope_key FROM members", &[])? {
            p.members.insert(
                r.text(0)?.to_owned(),
                MemberRow {
                    no: r.int(1)?,
                    scope_key: r.int(2)? as u64,
                },
            );
        }
        for r in session.query("SELECT code, no FROM cases", &[])? {
            p.cases.insert(r.text(0)?.to_owned(), r.int(1)?);
        }
        for r in session.query("SELECT member, case_no, scope_key FROM scopes", &[])? {
            p.scopes.insert((r.int(0)?, r.int(1)?), r.int(2)? as u64);
        }
        for r in session.query("SELECT member, case_no, tag, no FROM sources", &[])? {
            p.sources
                .insert((r.int(0)?, r.int(1)?, r.array(2)?), r.int(3)?);
        }
        Ok(p)
    }

    /// A projector for empty tables, for rebuilding: who calls knows the number of each chain, and the place of each
    /// object among all objects of the vault.
    pub fn from_nothing(session: &mut Session) -> Result<Projector> {
        Ok(Projector {
            brought: Some(Brought::default()),
            ..Projector::load(session)?
        })
    }

    /// The member of a code.
    pub fn member(&self, code: &str) -> Option<&MemberRow> {
        self.members.get(code)
    }

    /// The case of a code.
    pub fn case(&self, code: &str) -> Option<i64> {
        self.cases.get(code).copied()
    }

    /// The key number of the scope of a member's items in a case.
    pub fn scope(&self, member: i64, case_no: i64) -> Option<u64> {
        self.scopes.get(&(member, case_no)).copied()
    }

    /// Chain number and source number of an intake of a member.
    pub fn intake(
        &mut self,
        session: &mut Session,
        member: i64,
        number: i64,
    ) -> Result<(i64, i64)> {
        if let Some(found) = self.intakes.get(&(member, number)) {
            return Ok(*found);
        }
        let row = session
            .query_one(
                "SELECT no, source FROM intakes WHERE member = ? AND number = ?",
                &[Value::Int(member), Value::Int(number)],
            )?
            .ok_or_else(|| {
                AppError::damaged(
                    "ledger",
                    format!("an item of intake {number} stands before the intake itself"),
                )
            })?;
        let found = (row.int(0)?, row.int(1)?);
        self.intakes.insert((member, number), found);
        Ok(found)
    }
}
