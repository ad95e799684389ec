//! Making the body of an event: fields, commitment, seals. `docs/format/events.md` lists the fields.

use std::sync::Arc;

use comity_core::body::{Body, Class, Field, SealedBody, Seeds, section_context};
use comity_core::digest::Digest;
use comity_core::id::EventId;
use comity_core::json::Value;
use comity_core::random::Random;
use comity_core::signature;
use comity_seal::{Key, seal_into};

use crate::acts::Proposal;
use crate::error::{AppError, Result};
use crate::person_key::PersonKey;

/// A key by its number in the keyring, with its first half.
#[derive(Clone)]
pub struct NumberedKey {
    /// Its number.
    pub number: u64,
    /// The first half of its secret.
    pub key: Key,
}

/// Who acts: a registered person of a member.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// The person's number, `UKR-P0001`.
    pub person: String,
    /// The number of the person's chain.
    pub no: i64,
    /// The member's code.
    pub member: String,
    /// The public key that the person has registered, if any.
    pub registered: Option<[u8; 32]>,
    /// The key that the person has brought.
    pub key: Option<Arc<PersonKey>>,
    /// The proposal of another person that this one confirms.
    pub confirms: Option<Arc<Proposal>>,
}

impl Actor {
    /// The key that signs this person's acts; `None` for a person who has registered none.
    ///
    /// # Errors
    /// A registered key that was not brought, another key, or one that is not registered: what to do about it.
    pub fn signer(&self) -> Result<Option<&PersonKey>> {
        let person = &self.person;
        let wrong = |what: &str| Err(AppError::Usage(format!("{person} {what}")));
        match (&self.registered, self.key.as_deref()) {
            (None, None) => Ok(None),
            (Some(registered), Some(key)) if *registered == key.public() => Ok(Some(key)),
            (Some(_), Some(_)) => wrong("has registered another key than this one"),
            (Some(_), None) => wrong(
                "has a registered key, so this act needs its signature: give --key FILE, or set COMITY_KEY",
            ),
            (None, Some(_)) => wrong("has registered no key: `comity person key` registers one"),
        }
    }
}

/// A body that is being written.
pub struct EventDraft {
    id: EventId,
    custody: Vec<Field>,
    content: Vec<Field>,
    signer: Option<(Arc<PersonKey>, String)>,
}

/// A body that is ready for the ledger.
pub struct SealedEvent {
    /// The event's id.
    pub id: EventId,
    /// What the leaf commits to.
    pub commitment: Digest,
    /// The sealed body as it is kept.
    pub bytes: Vec<u8>,
    /// Its fields in the clear, for the projections.
    pub fields: Vec<Field>,
    /// Number of the custody key.
    pub custody_key: u64,
    /// Number of the content key, 0 when there is no content.
    pub content_key: u64,
}

impl EventDraft {
    /// Begins the body of an event of `kind` by `actor` at `time` (as [`crate::ambient::time_text`] writes it).
    pub fn new(kind: &str, actor: &str, time: &str, random: &dyn Random) -> EventDraft {
        let mut id = [0; 16];
        random.fill(&mut id);
        EventDraft::with_id(EventId(id), kind, actor, time)
    }

    /// As [`EventDraft::new`], with an id that another event has named already.
    pub fn with_id(id: EventId, kind: &str, actor: &str, time: &str) -> EventDraft {
        let mut draft = EventDraft {
            id,
            custody: Vec::with_capacity(12),
            content: Vec::with_capacity(12),
            signer: None,
        };
        draft.put(Class::Custody, "kind", kind.into());
        draft.put(Class::Custody, "event", id.to_string().into());
        draft.put(Class::Custody, "time", time.into());
        draft.put(Class::Custody, "actor", actor.into());
        // Without a signature the record says what was stated, not what was proven.
        draft.put(Class::Custody, "auth", "stated".into());
        draft
    }

    fn put(&mut self, class: Class, name: &str, value: Value) {
        let list = if class == Class::Custody {
            &mut self.custody
        } else {
            &mut self.content
        };
        list.push(Field {
            class,
            name: name.to_owned(),
            value,
        });
    }

    /// The event's id, by which the events of one act name it.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Adds a custody field.
    pub fn custody(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.put(Class::Custody, name, value.into());
        self
    }

    /// Adds a content field.
    pub fn content(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.put(Class::Content, name, value.into());
        self
    }

    /// Adds a custody field where there is a value.
    pub fn custody_opt(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(v) => self.custody(name, v),
            None => self,
        }
    }

    /// Adds a content field where there is a value.
    pub fn content_opt(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(v) => self.content(name, v),
            None => self,
        }
    }

    /// Names the proposal that the event's actor confirms, if any.
    pub fn as_proposed(self, actor: &Actor) -> Self {
        let Some(proposal) = &actor.confirms else {
            return self;
        };
        self.custody("proposed_by", proposal.person.as_str())
            .custody("proposal", proposal.number.as_str())
            .custody("proposal_leaf", proposal.leaf.to_string())
    }

    /// Has the event signed by its actor's key, where the actor has registered one, in the log of this origin. It
    /// names the proposal that the actor confirms, so that the signature covers that too.
    pub fn signed(self, actor: &Actor, origin: &str) -> Result<Self> {
        let mut this = self.as_proposed(actor);
        if actor.signer()?.is_some()
            && let Some(key) = &actor.key
        {
            this.signer = Some((Arc::clone(key), origin.to_owned()));
            if let Some(auth) = this.custody.iter_mut().find(|f| f.name == "auth") {
                auth.value = "signed".into();
            }
        }
        Ok(this)
    }

    /// Commits to the fields and seals each class with its key.
    pub fn seal(
        mut self,
        custody: &NumberedKey,
        content: &NumberedKey,
        random: &dyn Random,
    ) -> Result<SealedEvent> {
        let mut drawn = [0u8; 64 + 48];
        random.fill(&mut drawn);
        let (seeds, salts) = drawn.split_at(64);
        let (a, b) = seeds.split_at(32);
        let seeds = Seeds {
            custody: fixed(a),
            content: fixed(b),
        };
        let refused = |e: comity_core::body::BodyError| {
            AppError::Refused(format!("the event cannot be recorded: {e}"))
        };
        let at = self.custody.len();
        let mut fields = self.custody;
        fields.append(&mut self.content);
        let mut body = Body { seeds, fields };
        let mut encoded = body.encode().map_err(refused)?;
        if let Some((key, origin)) = &self.signer {
            let signature = key.sign(origin, &encoded.commitment);
            let field = Field::custody(signature::FIELD, signature.to_value());
            body.fields.insert(at, field);
            encoded = body.encode().map_err(refused)?;
        }
        let (custody_salt, content_salt) = salts.split_at(24);
        let mut sealed_custody = Vec::new();
        seal_into(
            &custody.key,
            fixed(custody_salt),
            &section_context(Class::Custody, &encoded.commitment),
            &encoded.custody,
            &mut sealed_custody,
        );
        let sealed_content = encoded.content.as_ref().map(|clear| {
            let mut out = Vec::new();
            seal_into(
                &content.key,
                fixed(content_salt),
                &section_context(Class::Content, &encoded.commitment),
                clear,
                &mut out,
            );
            out
        });
        let content_key = if sealed_content.is_some() {
            content.number
        } else {
            0
        };
        let framed = SealedBody {
            custody_key: custody.number,
            content_key,
            custody: &sealed_custody,
            content: sealed_content.as_deref(),
        };
        Ok(SealedEvent {
            id: self.id,
            commitment: encoded.commitment,
            bytes: framed
                .encode()
                .map_err(|e| AppError::Refused(format!("the event cannot be recorded: {e}")))?,
            fields: body.fields,
            custody_key: custody.number,
            content_key,
        })
    }
}

/// A copy of a slice whose length the caller has just cut.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}
