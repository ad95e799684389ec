//! A group of events while it is being built, under the sequencer's lock and inside its transaction.

use std::collections::HashMap;

use comity_core::body::Class;
use comity_core::digest::Digest;
use comity_core::id::ChainId;
use comity_core::leaf::{Leaf, leaf_hash};
use comity_keyring::Secret;
use comity_ledger::{Record, Tree};

use crate::error::{AppError, Result};
use crate::event::SealedEvent;
use crate::keys::ScopeKeys;
use crate::project::{Event, MemberIndex, ObjectAt, Projector, Received};
use crate::sql::Session;

/// Whose event it is.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// The first event of a new chain.
    New(ChainId),
    /// A chain that is there, by its number.
    Known(i64),
}

/// An event ready to be numbered.
pub struct Draft {
    /// Its chain.
    pub subject: Subject,
    /// Its sealed body.
    pub event: SealedEvent,
    /// The secret of its content key, for the sealed columns; `None` where no row of it has facts.
    pub secret: Option<Secret>,
    /// Where its object lies, for `received`.
    pub object: ObjectAt,
}

/// The event of a new item of which everything is made and read that needs no place in the log: what is left under
/// the lock is little.
pub struct Ready {
    /// The event.
    pub draft: Draft,
    entry: Vec<u8>,
    hash: Digest,
    received: Received,
}

impl Ready {
    /// Reads the `received` event of the new chain `chain`.
    pub fn new(
        chain: ChainId,
        mut event: SealedEvent,
        secret: Secret,
        keys: &dyn ScopeKeys,
        member: MemberIndex<'_>,
    ) -> Result<Ready> {
        let leaf = Leaf {
            chain,
            n: 0,
            prev: None,
            body: event.commitment,
        };
        let entry = leaf.encode();
        let hash = leaf_hash(&entry);
        let read = Event {
            index: 0,
            chain,
            chain_no: None,
            n: 0,
            leaf: hash,
            custody_key: event.custody_key,
            content_key: event.content_key,
            fields: &event.fields,
            secret: Some(&secret),
            object: ObjectAt::Unknown,
            received: None,
        };
        let received = Received::read(&read, keys, member)?;
        // Nothing is asked of the content any more, and it is most of what waits for its turn.
        event.fields.retain(|f| f.class == Class::Custody);
        Ok(Ready {
            draft: Draft {
                subject: Subject::New(chain),
                event,
                secret: Some(secret),
                object: ObjectAt::Unknown,
            },
            entry,
            hash,
            received,
        })
    }
}

/// Where an event came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The number of its chain.
    pub chain_no: i64,
    /// Its chain.
    pub chain: ChainId,
    /// Its place in the chain.
    pub n: u64,
    /// The index of its leaf.
    pub index: u64,
    /// The hash of its leaf.
    pub leaf: Digest,
}

/// The group being built.
pub struct Group<'a> {
    /// The session, its transaction open: for what a command must look up before it decides.
    pub session: &'a mut Session,
    projector: &'a mut Projector,
    keys: &'a dyn ScopeKeys,
    next_index: u64,
    tree: &'a Tree,
    heads: HashMap<i64, (ChainId, u64, Digest)>,
    records: Vec<Record>,
    highest_key: u64,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        session: &'a mut Session,
        projector: &'a mut Projector,
        keys: &'a dyn ScopeKeys,
        first: u64,
        tree: &'a Tree,
    ) -> Group<'a> {
        Group {
            session,
            projector,
            keys,
            next_index: first,
            tree,
            heads: HashMap::new(),
            records: Vec::new(),
            highest_key: 0,
        }
    }

    /// The projections in memory and the session, for lookups.
    pub fn projector(&mut self) -> (&mut Projector, &mut Session) {
        (self.projector, self.session)
    }

    /// The index that the next event pushed will have: the size of the tree before it.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The root of the tree before this group.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// Numbers an event: its place in its chain and its leaf.
    pub fn push(&mut self, draft: &Draft) -> Result<Committed> {
        self.number(draft, None, draft.event.bytes.clone())
    }

    /// As [`Group::push`], for an event of which all is read that needs no number.
    pub fn push_ready(&mut self, ready: Ready) -> Result<Committed> {
        let Ready {
            mut draft,
            entry,
            hash,
            received,
        } = ready;
        let body = std::mem::take(&mut draft.event.bytes);
        self.number(&draft, Some((entry, hash, &received)), body)
    }

    fn number(
        &mut self,
        draft: &Draft,
        ready: Option<(Vec<u8>, Digest, &Received)>,
        body: Vec<u8>,
    ) -> Result<Committed> {
        let (chain, chain_no, n, prev) = match draft.subject {
            Subject::New(chain) => (chain, None, 0, None),
            Subject::Known(no) => {
                let (chain, n, leaf) = self.head(no)?;
                (chain, Some(no), n + 1, Some(leaf))
            }
        };
        let (entry, hash, received) = match ready {
            Some((entry, hash, received)) => (entry, hash, Some(received)),
            None => {
                let leaf = Leaf {
                    chain,
                    n,
                    prev,
                    body: draft.event.commitment,
                };
                let entry = leaf.encode();
                let hash = leaf_hash(&entry);
                (entry, hash, None)
            }
        };
        let index = self.next_index;
        let event = Event {
            index,
            chain,
            chain_no,
            n,
            leaf: hash,
            custody_key: draft.event.custody_key,
            content_key: draft.event.content_key,
            fields: &draft.event.fields,
            secret: draft.secret.as_ref(),
            object: draft.object,
            received,
        };
        let no = self.projector.apply(self.session, self.keys, &event)?;
        if chain_no.is_some()
            || !matches!(
                draft.object,
                ObjectAt::Placed(_) | ObjectAt::Held(_) | ObjectAt::JustBrought
            )
        {
            self.heads.insert(no, (chain, n, hash));
        }
        self.records.push(Record { entry, body, hash });
        self.next_index += 1;
        self.highest_key = self
            .highest_key
            .max(draft.event.custody_key)
            .max(draft.event.content_key);
        Ok(Committed {
            chain_no: no,
            chain,
            n,
            index,
            leaf: hash,
        })
    }

    /// Looks up the last events of many chains in one go, before events of theirs are pushed.
    pub fn look_up(&mut self, chains: &[i64]) -> Result<()> {
        let rows = self.session.query_in(
            "SELECT no, chain, last_n, last_leaf FROM chains WHERE no IN ()",
            chains,
        )?;
        for row in rows {
            let head = (
                ChainId(row.array(1)?),
                row.int(2)? as u64,
                Digest(row.array(3)?),
            );
            // What this group has pushed since is newer.
            self.heads.entry(row.int(0)?).or_insert(head);
        }
        Ok(())
    }

    /// The last event of a chain: of this group, or of the tables.
    fn head(&mut self, no: i64) -> Result<(ChainId, u64, Digest)> {
        if let Some(head) = self.heads.get(&no) {
            return Ok(*head);
        }
        let row = self
            .session
            .query_one(
                "SELECT chain, last_n, last_leaf FROM chains WHERE no = ?",
                &[no.into()],
            )?
            .ok_or_else(|| {
                AppError::damaged(
                    "state",
                    format!("chain {no} is missing; run `comity rebuild`"),
                )
            })?;
        Ok((
            ChainId(row.array(0)?),
            row.int(1)? as u64,
            Digest(row.array(2)?),
        ))
    }

    /// Ends the group and hands over its records, and the highest key number that they name.
    pub(super) fn end(self) -> (Vec<Record>, u64) {
        (self.records, self.highest_key)
    }
}
