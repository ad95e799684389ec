//! Registering a person's key.

use comity_core::digest::hex;

use crate::centre::Centre;
use crate::commit::{Committed, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::person_key::PersonKey;
use crate::sql::Session;

impl Centre {
    /// The public key that a person (chain number) has registered last.
    pub fn registered_key(&self, session: &mut Session, person: i64) -> Result<Option<[u8; 32]>> {
        let row = session.query_one(
            "SELECT key FROM person_keys WHERE person = ? ORDER BY since DESC LIMIT 1",
            &[person.into()],
        )?;
        Ok(row.map(|r| r.array(0)).transpose()?)
    }

    /// Registers a key of the acting person, in the place of the former one. It signs its own registration, which
    /// shows that the person has it.
    ///
    /// # Errors
    /// A key that this or another person has registered: two persons never share one.
    pub fn register_key(&self, actor: &Actor, key: PersonKey) -> Result<Committed> {
        let public = key.public();
        let scope = {
            let mut session = self.session()?;
            let taken = session.query_one(
                "SELECT p.number FROM person_keys k JOIN persons p ON p.no = k.person WHERE k.key = ?",
                &[public.into()],
            )?;
            if let Some(row) = taken {
                return Err(AppError::Usage(format!(
                    "{} has registered this key already: every key is registered once",
                    row.text(0)?
                )));
            }
            let row = session.query_one(
                "SELECT m.scope_key FROM members m WHERE m.code = ?",
                &[actor.member.as_str().into()],
            )?;
            row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64
        };
        let with_key = Actor {
            registered: Some(public),
            key: Some(key.into()),
            ..actor.clone()
        };
        let event = EventDraft::new(
            "person_key_registered",
            &actor.person,
            &self.now(),
            &*self.ambient.random,
        )
        .custody("person", actor.person.as_str())
        .custody("key", hex(&public))
        .custody_opt("replaces", actor.registered.map(|old| hex(&old)))
        .signed(&with_key, &self.config.origin)?;
        let draft = self.custody_alone(
            Subject::Known(actor.no),
            event,
            &self.keys.scope_key(scope)?,
        )?;
        self.append(draft)
    }
}
