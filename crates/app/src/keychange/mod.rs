//! Changes of the keyring that are acts: a new epoch, shares, a desk's lock.
//!
//! Each of them is a new epoch, whose head says what it is for until its event is recorded. So a crash leaves either
//! the former epoch and nothing else, or a pending one that the next opening finishes: wraps, event, and the end of
//! the former root key.

mod member;

use comity_core::id::MemberCode;
use comity_core::json::{Map, Value, canonical, parse};
use comity_keyring::{KeyringError, NewEpoch, Pending};
use comity_store::FileLock;

use crate::centre::Centre;
use crate::commit::{Draft, Group, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;

/// The kinds of event that tell of a new epoch.
pub const KINDS: [&str; 4] = [
    "keys_rotated",
    "keys_shared",
    "scope_locked",
    "scope_unlocked",
];

/// The longest reason; in bytes.
const MAX_REASON: usize = 1000;

/// A new epoch that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The epoch.
    pub epoch: u32,
    /// The index of its event.
    pub leaf: u64,
}

/// What a new epoch is for, as the head of the keyring keeps it until its event is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    kind: &'static str,
    actor: String,
    member: Option<MemberCode>,
    reason: Option<String>,
}

impl Act {
    fn new(kind: &'static str, actor: &Actor, reason: Option<&str>) -> Result<Act> {
        let reason = reason.map(str::trim).filter(|r| !r.is_empty());
        if reason.is_some_and(|r| r.len() > MAX_REASON) {
            return Err(AppError::Usage(format!(
                "the reason has more than {MAX_REASON} bytes: give a shorter one"
            )));
        }
        Ok(Act {
            kind,
            actor: actor.person.clone(),
            member: None,
            reason: reason.map(str::to_owned),
        })
    }

    fn of_member(mut self, member: MemberCode) -> Act {
        self.member = Some(member);
        self
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut members = Map::new();
        members.insert("actor".into(), self.actor.as_str().into());
        members.insert("kind".into(), self.kind.into());
        if let Some(member) = &self.member {
            members.insert("member".into(), member.as_str().into());
        }
        if let Some(reason) = &self.reason {
            members.insert("reason".into(), reason.as_str().into());
        }
        canonical(&Value::Object(members))
            .map_err(|e| AppError::Usage(format!("the reason cannot be recorded: {e}")))
    }

    fn decode(bytes: &[u8]) -> Result<Act> {
        let read = || {
            let value = parse(bytes).ok()?;
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            let kind = text("kind")?;
            Some(Act {
                kind: KINDS.into_iter().find(|k| *k == kind)?,
                actor: text("actor")?.to_owned(),
                member: text("member").map(str::parse).transpose().ok()?,
                reason: text("reason").map(str::to_owned),
            })
        };
        read().ok_or_else(|| {
            AppError::damaged(
                "keyring/head",
                "it says of its new epoch what this program does not know; use the release of Comity that began it, or a newer one",
            )
        })
    }
}

impl Centre {
    /// Makes a new epoch: a new root key, under every passphrase and set of shares that opens the present one. Erasure
    /// ends with it. With a member, that member and its cases also get fresh scope keys for all that comes.
    pub fn rotate_keys(
        &self,
        actor: &Actor,
        member: Option<&MemberCode>,
        reason: Option<&str>,
    ) -> Result<Changed> {
        let mut act = Act::new("keys_rotated", actor, reason)?;
        if let Some(member) = member {
            // Before anything is changed: a locked scope needs its desk.
            self.keys.ring().open_key(self.member_scope(member)?)?;
            act = act.of_member(*member);
        }
        let _turn = self.key_turn()?;
        let epoch = self.begin_epoch(&act)?;
        self.finish_epoch(&act, epoch)
    }

    /// The new epoch that ends the erasure of this number.
    pub(crate) fn epoch_after_erasure(&self, person: &str, erasure: &str) -> Result<Changed> {
        let act = Act {
            kind: "keys_rotated",
            actor: person.to_owned(),
            member: None,
            reason: Some(format!("the erasure {erasure}")),
        };
        let _turn = self.key_turn()?;
        let epoch = self.begin_epoch(&act)?;
        self.finish_epoch(&act, epoch)
    }

    /// The number of a member's present scope key.
    fn member_scope(&self, member: &MemberCode) -> Result<u64> {
        let mut session = self.session()?;
        let no = self.member(&mut session, member)?.no;
        let row = session.query_one("SELECT scope_key FROM members WHERE no = ?", &[no.into()])?;
        Ok(row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64)
    }

    /// Changes of the keyring take turns, so that nobody finishes what a living process is at.
    fn key_turn(&self) -> Result<FileLock> {
        let file = self.key_lock_file()?;
        Ok(self.ambient.disk.lock(&file)?)
    }

    fn key_lock_file(&self) -> Result<std::path::PathBuf> {
        let folder = self.dir.join("tmp");
        self.ambient.disk.create_dir_all(&folder)?;
        Ok(folder.join("keys.lock"))
    }

    fn begin_epoch(&self, act: &Act) -> Result<u32> {
        let new = NewEpoch {
            act: &act.encode()?,
        };
        Ok(self.keys.ring().begin_epoch(&new, &*self.ambient.random)?)
    }

    /// What follows the new head: the member's keys, the event unless it stands already, and the end of the former
    /// root key.
    fn finish_epoch(&self, act: &Act, epoch: u32) -> Result<Changed> {
        let fresh = match (&act.member, act.kind) {
            (Some(member), "keys_rotated") => Some(self.fresh_scopes(member)?),
            _ => None,
        };
        let own = self.centre_key()?;
        let random = &*self.ambient.random;
        let leaf = self.sequencer().commit(&self.keys, |group| {
            if let Some(leaf) = recorded(group, epoch)? {
                return Ok(leaf);
            }
            let mut event = EventDraft::new(act.kind, &act.actor, &self.now(), random)
                .custody("epoch", epoch)
                .custody_opt("member", act.member.as_ref().map(MemberCode::as_str))
                .custody_opt("reason", act.reason.as_deref());
            if let Some(fresh) = &fresh {
                event = event
                    .content("scope", fresh.scope)
                    .content("cases", fresh.cases_json());
            }
            let event = event.seal(&self.keys.scope_key(CENTRE_KEY)?, &own.1, random)?;
            let draft = Draft {
                subject: Subject::Known(own.0),
                event,
                secret: None,
                object: ObjectAt::Unknown,
            };
            Ok(group.push(&draft)?.index)
        })?;
        self.keys.ring().end_epoch(random)?;
        Ok(Changed { epoch, leaf })
    }

    /// The chain of the centre and the key of its content.
    fn centre_key(&self) -> Result<(i64, crate::event::NumberedKey)> {
        let mut session = self.session()?;
        let kind = crate::project::ChainKind::Centre as i64;
        let row = session
            .query_one("SELECT no FROM chains WHERE kind = ?", &[kind.into()])?
            .ok_or_else(|| {
                AppError::damaged("state", "the centre has no chain; run `comity rebuild`")
            })?;
        let no = row.int(0)?;
        Ok((no, self.chain_key(&mut session, no)?))
    }

    /// Finishes a new epoch that no living process is at, and refuses a keyring of an earlier epoch than the ledger's.
    pub(crate) fn recover_epoch(&self) -> Result<Option<String>> {
        let ring = self.keys.ring();
        let file = self.key_lock_file()?;
        let Some(_turn) = self.ambient.disk.try_lock(&file)? else {
            return Ok(None);
        };
        let said = match ring.pending()? {
            Some(Pending { epoch, act }) => {
                let mut act = Act::decode(&act)?;
                if let Some(member) = &act.member
                    && let Err(KeyringError::Locked { .. }) =
                        ring.open_key(self.member_scope(member)?)
                {
                    // Fresh keys for a locked scope need its desk; the new root key does not.
                    act.member = None;
                }
                self.finish_epoch(&act, epoch)?;
                Some(format!(
                    "A new epoch of the keyring ({epoch}) was interrupted while it was made; it is complete now."
                ))
            }
            None => None,
        };
        let told = last_epoch(&mut self.session()?)?;
        if told > ring.epoch() {
            return Err(AppError::damaged(
                "keyring",
                format!(
                    "the ledger tells of its epoch {told} and it is of epoch {}: it is an older copy; put the newest copy in its place",
                    ring.epoch()
                ),
            ));
        }
        Ok(said)
    }
}

/// The highest epoch that events tell of; 1 before any does.
pub(crate) fn last_epoch(session: &mut crate::sql::Session) -> Result<u32> {
    let row = session.query_one("SELECT coalesce(max(epoch), 1) FROM epochs", &[])?;
    let epoch = row.map(|r| r.int(0)).transpose()?.unwrap_or(1);
    Ok(u32::try_from(epoch).unwrap_or(u32::MAX))
}

fn recorded(group: &mut Group<'_>, epoch: u32) -> Result<Option<u64>> {
    let row = group.session.query_one(
        "SELECT leaf FROM epochs WHERE epoch = ?",
        &[i64::from(epoch).into()],
    )?;
    Ok(row.map(|r| r.int(0)).transpose()?.map(|leaf| leaf as u64))
}
