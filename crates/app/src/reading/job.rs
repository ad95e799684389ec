//! An item that is to be read, and what of its member and case is needed for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::id::MemberCode;
use comity_extract::{Source, State};
use comity_keyring::Secret;
use comity_vault::ObjectReader;

use super::claim::Claim;
use super::pass::Pass;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::NumberedKey;
use crate::item::Item;
use crate::sql::Session;

/// A member's items in one case.
pub struct Scope {
    /// The member.
    pub member: MemberCode,
    /// The number of the member's chain.
    pub member_no: i64,
    /// The code of the case.
    pub case: String,
    /// Seals custody, and wraps the keys of items.
    pub key: NumberedKey,
    /// Index key of the member's scope: finds equal contents.
    pub member_index: [u8; 32],
}

/// An item whose turn has come.
pub struct Job {
    /// What is to be done with it.
    pub pass: Pass,
    /// The item.
    pub item: Item,
    /// Its scope.
    pub scope: Arc<Scope>,
    /// The chain number of its intake.
    pub intake: i64,
    /// The number of the source that its intake names.
    pub source: i64,
    /// What is to be said of it, where it should have been read with another item.
    pub note: Option<String>,
    /// The number of its own key.
    pub content_key: u64,
    /// Its own key and the data key of its object.
    pub secret: Secret,
    /// Held until what was read of it is on record.
    pub claim: Arc<Claim>,
}

impl Job {
    /// What the item is called, for the reader: the last part of its path.
    pub fn name(&self) -> String {
        let path = self.item.facts.as_ref().map_or(&[][..], |f| &f.path);
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// Only a part of its bytes could be taken out of its container: what that container's reading said of it.
    pub fn is_a_part(&self) -> bool {
        let reading = self.item.reading;
        self.item.ern.depth() > 0
            && reading.is_some_and(|r| r.state == State::InPart && r.leaf == self.item.first_index)
    }
}

/// The scopes that were met.
#[derive(Default)]
pub struct Scopes(Mutex<HashMap<(MemberCode, String), Arc<Scope>>>);

impl Scopes {
    /// The scope of an item.
    pub fn of(&self, centre: &Centre, session: &mut Session, item: &Item) -> Result<Arc<Scope>> {
        let key = (item.ern.member(), item.case.clone());
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scope) = met.get(&key) {
            return Ok(Arc::clone(scope));
        }
        let row = session.query_one(
            "SELECT m.no, m.scope_key, s.scope_key FROM items i JOIN members m ON m.no = i.member JOIN scopes s ON s.member = i.member AND s.case_no = i.case_no WHERE i.no = ?",
            &[item.no.into()],
        )?;
        let row = row.ok_or_else(|| {
            AppError::damaged(
                item.ern.to_string(),
                "it has no scope; run `comity rebuild`",
            )
        })?;
        let scope = Arc::new(Scope {
            member: key.0,
            member_no: row.int(0)?,
            case: key.1.clone(),
            key: centre.keys.scope_key(row.int(2)? as u64)?,
            member_index: centre.keys.scope(row.int(1)? as u64)?.second,
        });
        met.insert(key, Arc::clone(&scope));
        Ok(scope)
    }
}

/// An item's bytes as the supervisor asks for them: by ranges, from the vault.
pub struct Sealed(pub ObjectReader);

impl Source for Sealed {
    fn size(&self) -> std::io::Result<u64> {
        Ok(self.0.size())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.0
            .read_at(offset, buffer)
            .map_err(std::io::Error::other)
    }
}
