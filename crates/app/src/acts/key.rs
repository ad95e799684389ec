//! Registering a person's key.

use comity_core::digest::{hex, unhex};

use super::{SolemnAct, Waiting};
use crate::centre::Centre;
use crate::commit::{Committed, Subject};
use crate::error::{AppError, Result};
use crate::event::Actor;
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
    /// A key that this or another person has registered: two persons never share one. Where this takes two persons,
    /// [`Centre::propose_key`] proposes it.
    pub fn register_key(&self, actor: &Actor, key: PersonKey) -> Result<Committed> {
        let act = self.key_act(actor, &key)?;
        self.key_registered(&with_key(actor, key), &act)
    }

    /// Proposes a key of the acting person where that takes two persons, signed with that key; `None` where it does
    /// not.
    pub fn propose_key(&self, actor: &Actor, key: PersonKey) -> Result<Option<Waiting>> {
        let act = self.key_act(actor, &key)?;
        self.propose(&with_key(actor, key), &act)
    }

    fn key_act(&self, actor: &Actor, key: &PersonKey) -> Result<SolemnAct> {
        let public = key.public();
        self.is_free(&public)?;
        Ok(SolemnAct::PersonKey {
            person: actor.person.clone(),
            key: hex(&public),
            replaces: actor.registered.map(|old| hex(&old)),
        })
    }

    fn is_free(&self, public: &[u8; 32]) -> Result<()> {
        let taken = self.session()?.query_one(
            "SELECT p.number FROM person_keys k JOIN persons p ON p.no = k.person WHERE k.key = ?",
            &[(*public).into()],
        )?;
        match taken {
            None => Ok(()),
            Some(row) => Err(AppError::Usage(format!(
                "{} has registered this key already: every key is registered once",
                row.text(0)?
            ))),
        }
    }

    /// Records a key: signed by itself, or by whoever confirms what its person proposed with it.
    pub fn key_registered(&self, actor: &Actor, act: &SolemnAct) -> Result<Committed> {
        let SolemnAct::PersonKey {
            person,
            key,
            replaces,
        } = act
        else {
            return Err(AppError::Usage(format!("`{}` is no key", act.name())));
        };
        let owner = self.actor(&mut self.session()?, person)?;
        if owner.registered.map(|old| hex(&old)) != *replaces {
            return Err(AppError::Refused(format!(
                "{person} has registered another key meanwhile: propose it anew"
            )));
        }
        let public = unhex(key).and_then(|k| <[u8; 32]>::try_from(k).ok());
        self.is_free(&public.ok_or_else(|| AppError::damaged(person.clone(), "its key is none"))?)?;
        let scope = self.session()?.query_one(
            "SELECT m.scope_key FROM members m WHERE m.code = ?",
            &[owner.member.as_str().into()],
        )?;
        let scope = scope.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64;
        let event = self
            .draft("person_key_registered", actor)
            .custody("person", person.as_str())
            .custody("key", key.as_str())
            .custody_opt("replaces", replaces.as_deref())
            .signed(actor, &self.config.origin)?;
        let id = event.id();
        let subject = Subject::Known(owner.no);
        let draft = self.custody_alone(subject, event, &self.keys.scope_key(scope)?)?;
        self.append_act(actor, act, id, &draft)
    }
}

/// The person as one who has this key: what it signs shows that they do.
fn with_key(actor: &Actor, key: PersonKey) -> Actor {
    Actor {
        registered: Some(key.public()),
        key: Some(key.into()),
        ..actor.clone()
    }
}
