//! Changes of the keyring that are acts: a new epoch, shares, a desk's lock.
//!
//! Each of them is a new epoch, whose head says what it is for until its event is recorded. So a crash leaves either
//! the former epoch and nothing else, or a pending one that the next opening finishes: wraps, event, and the end of
//! the former root key.

mod lock;
mod member;

use comity_core::id::{EventId, MemberCode};
use comity_core::json::{Map, Value, canonical, parse};
use comity_keyring::{KeyringError, Lock, NewEpoch, Pending, Scheme, Sharing, Unlocking};
use comity_store::FileLock;

use crate::acts::SolemnAct;
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
    /// For a lock: the fingerprint of the desk's key.
    desk: Option<String>,
    reason: Option<String>,
    /// For new shares: their scheme, and whether the passphrase stays.
    shares: Option<(String, bool)>,
    /// The erasure that it ends.
    erasure: Option<String>,
    /// The event that the second person has confirmed already, and what of.
    confirmed: Option<Confirmed>,
}

/// That a second person confirmed the change before it was begun (`docs/format/acts.md`, *Two persons*): whoever finishes
/// it names the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Confirmed {
    event: String,
    proposal: String,
    proposal_leaf: String,
    proposed_by: String,
}

impl Act {
    fn new(kind: &'static str, actor: &Actor, reason: Option<&str>) -> Result<Act> {
        // Said before the keyring is changed.
        actor.signer()?;
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
            desk: None,
            reason: reason.map(str::to_owned),
            shares: None,
            erasure: None,
            confirmed: None,
        })
    }

    fn of_member(mut self, member: MemberCode) -> Act {
        self.member = Some(member);
        self
    }

    /// What an event says of the passphrase.
    fn passphrase(&self) -> Option<&'static str> {
        let (_, kept) = self.shares.as_ref()?;
        Some(if *kept { "kept" } else { "removed" })
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut members = Map::new();
        members.insert("actor".into(), self.actor.as_str().into());
        members.insert("kind".into(), self.kind.into());
        if let Some(member) = &self.member {
            members.insert("member".into(), member.as_str().into());
        }
        if let Some(desk) = &self.desk {
            members.insert("desk".into(), desk.as_str().into());
        }
        if let Some(reason) = &self.reason {
            members.insert("reason".into(), reason.as_str().into());
        }
        if let Some((scheme, keep_passphrase)) = &self.shares {
            members.insert("keep_passphrase".into(), (*keep_passphrase).into());
            members.insert("scheme".into(), scheme.as_str().into());
        }
        if let Some(erasure) = &self.erasure {
            members.insert("erasure".into(), erasure.as_str().into());
        }
        if let Some(confirmed) = &self.confirmed {
            members.insert("event".into(), confirmed.event.as_str().into());
            members.insert("proposal".into(), confirmed.proposal.as_str().into());
            let leaf = confirmed.proposal_leaf.as_str();
            members.insert("proposal_leaf".into(), leaf.into());
            members.insert("proposed_by".into(), confirmed.proposed_by.as_str().into());
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
                desk: text("desk").map(str::to_owned),
                reason: text("reason").map(str::to_owned),
                shares: text("scheme")
                    .map(str::to_owned)
                    .zip(value.get("keep_passphrase").and_then(Value::as_bool)),
                erasure: text("erasure").map(str::to_owned),
                confirmed: match text("event") {
                    None => None,
                    Some(event) => Some(Confirmed {
                        event: event.to_owned(),
                        proposal: text("proposal")?.to_owned(),
                        proposal_leaf: text("proposal_leaf")?.to_owned(),
                        proposed_by: text("proposed_by")?.to_owned(),
                    }),
                },
            })
        };
        read().ok_or_else(unknown_act)
    }
}

fn unknown_act() -> AppError {
    AppError::damaged(
        "keyring/head",
        "it says of its new epoch what this program does not know; use the release of Comity that began it, or a newer one",
    )
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
            self.keys.scope(self.member_scope(member)?)?;
            act = act.of_member(*member);
        }
        let solemn = SolemnAct::RotateKeys {
            member: member.copied(),
            reason: act.reason.clone(),
            new_passphrase: false,
        };
        let _turn = self.key_turn()?;
        self.confirm_before(&mut act, actor, &solemn)?;
        let epoch = self.begin_epoch(&act, Unlocking::Same)?;
        self.finish_epoch(&act, epoch, Some(actor))
    }

    /// As [`Centre::rotate_keys`] with another passphrase in place of the present ones. Shares stay.
    pub fn change_passphrase(
        &self,
        actor: &Actor,
        passphrase: &str,
        reason: Option<&str>,
    ) -> Result<Changed> {
        let mut act = Act::new("keys_rotated", actor, reason)?;
        let solemn = SolemnAct::RotateKeys {
            member: None,
            reason: act.reason.clone(),
            new_passphrase: true,
        };
        let _turn = self.key_turn()?;
        let unlock = Unlocking::Passphrase {
            passphrase,
            params: crate::centre::ARGON2,
            keep_shares: true,
        };
        self.confirm_before(&mut act, actor, &solemn)?;
        let epoch = self.begin_epoch(&act, unlock)?;
        self.finish_epoch(&act, epoch, Some(actor))
    }

    /// Shares the keyring: `hand_out` gives each holder its words, and only when it has is the new epoch made that
    /// they open. Former shares, and the passphrase unless it is kept, open nothing from then on.
    pub fn share_keys(
        &self,
        actor: &Actor,
        scheme: Scheme,
        keep_passphrase: bool,
        reason: Option<&str>,
        hand_out: &mut dyn FnMut(&Sharing) -> Result<()>,
    ) -> Result<Changed> {
        let mut act = Act::new("keys_shared", actor, reason)?;
        let mut session = self.session()?;
        for group in &scheme.groups {
            self.member(&mut session, &group.member)?;
        }
        act.shares = Some((scheme.text(), keep_passphrase));
        let solemn = SolemnAct::ShareKeys {
            scheme: scheme.text(),
            keep_passphrase,
            reason: act.reason.clone(),
        };
        // Said before words are handed out.
        self.may_act(&mut session, actor, &solemn)?;
        let _turn = self.key_turn()?;
        let sharing = Sharing::new(scheme, &self.keys.ring().id(), &*self.ambient.random)?;
        hand_out(&sharing)?;
        let unlock = Unlocking::Shares {
            sharing: &sharing,
            keep_passphrase,
        };
        self.confirm_before(&mut act, actor, &solemn)?;
        let epoch = self.begin_epoch(&act, unlock)?;
        self.finish_epoch(&act, epoch, Some(actor))
    }

    /// The new epoch that ends the erasure of this number.
    pub(crate) fn epoch_after_erasure(
        &self,
        person: &str,
        actor: Option<&Actor>,
        erasure: &str,
    ) -> Result<Changed> {
        let act = Act {
            kind: "keys_rotated",
            actor: person.to_owned(),
            member: None,
            desk: None,
            reason: Some(format!("the erasure {erasure}")),
            shares: None,
            erasure: Some(erasure.to_owned()),
            confirmed: None,
        };
        let _turn = self.key_turn()?;
        let epoch = self.begin_epoch(&act, Unlocking::Same)?;
        self.finish_epoch(&act, epoch, actor)
    }

    /// The new epoch that ends a succession of the log's keys, by the person who began it.
    pub(crate) fn epoch_after_succession(&self, person: &str) -> Result<Changed> {
        let act = Act {
            kind: "keys_rotated",
            actor: person.to_owned(),
            member: None,
            desk: None,
            reason: Some("the succession of the log's keys".to_owned()),
            shares: None,
            erasure: None,
            confirmed: None,
        };
        let epoch = self.begin_epoch(&act, Unlocking::Same)?;
        self.finish_epoch(&act, epoch, None)
    }

    /// The number of a member's present scope key.
    fn member_scope(&self, member: &MemberCode) -> Result<u64> {
        let mut session = self.session()?;
        let no = self.member(&mut session, member)?.no;
        let row = session.query_one("SELECT scope_key FROM members WHERE no = ?", &[no.into()])?;
        Ok(row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64)
    }

    /// Whether what an interrupted act was to do for a member is done, or can be done now.
    fn came_about(&self, act: &Act, member: &MemberCode) -> Result<bool> {
        let ring = self.keys.ring();
        let (top, info) = self.top_scope(member)?;
        Ok(match act.kind {
            "scope_locked" => info.lock == Lock::ParentAndDesk,
            "scope_unlocked" => info.lock == Lock::Parent,
            _ => !matches!(ring.open_key(top), Err(KeyringError::Locked { .. })),
        })
    }

    /// Changes of the keyring take turns, so that nobody finishes what a living process is at.
    pub(crate) fn key_turn(&self) -> Result<FileLock> {
        let file = self.key_lock_file()?;
        Ok(self.ambient.disk.lock(&file)?)
    }

    /// As [`Centre::key_turn`], unless a living process is at it.
    pub(crate) fn try_key_turn(&self) -> Result<Option<FileLock>> {
        Ok(self.ambient.disk.try_lock(&self.key_lock_file()?)?)
    }

    fn key_lock_file(&self) -> Result<std::path::PathBuf> {
        let folder = self.dir.join("tmp");
        self.ambient.disk.create_dir_all(&folder)?;
        Ok(folder.join("keys.lock"))
    }

    /// Records the second person's confirmation of a change of keys where that takes two: before it, since it can be
    /// interrupted and is then finished by whoever comes.
    fn confirm_before(&self, act: &mut Act, actor: &Actor, solemn: &SolemnAct) -> Result<()> {
        let Some(proposal) = &actor.confirms else {
            return self.may_act(&mut self.session()?, actor, solemn);
        };
        let id = EventId(self.ambient.bytes());
        act.confirmed = Some(Confirmed {
            event: id.to_string(),
            proposal: proposal.number.clone(),
            proposal_leaf: proposal.leaf.to_string(),
            proposed_by: proposal.person.clone(),
        });
        self.sequencer()
            .commit(&self.keys, |group| self.confirm(group, actor, solemn, id))
    }

    fn begin_epoch(&self, act: &Act, unlock: Unlocking<'_>) -> Result<u32> {
        let new = NewEpoch {
            act: &act.encode()?,
            unlock,
        };
        Ok(self.keys.ring().begin_epoch(&new, &*self.ambient.random)?)
    }

    /// What follows the new head, signed by `actor` where the one who began it is there: the member's keys, the event unless it stands already, and the end of the former
    /// root key.
    fn finish_epoch(&self, act: &Act, epoch: u32, actor: Option<&Actor>) -> Result<Changed> {
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
            let id = match &act.confirmed {
                Some(confirmed) => confirmed.event.parse().map_err(|_| unknown_act())?,
                None => EventId(self.ambient.bytes()),
            };
            let mut event = EventDraft::with_id(id, act.kind, &act.actor, &self.now())
                .custody("epoch", epoch)
                .custody_opt("member", act.member.as_ref().map(MemberCode::as_str))
                .custody_opt("desk", act.desk.as_deref())
                .custody_opt("scheme", act.shares.as_ref().map(|s| s.0.as_str()))
                .custody_opt("passphrase", act.passphrase())
                .custody_opt("erasure", act.erasure.as_deref())
                .custody_opt("reason", act.reason.as_deref());
            if let Some(fresh) = &fresh {
                event = event
                    .content("scope", fresh.scope)
                    .content("cases", fresh.cases_json());
            }
            // Whoever finishes what another began has no key to sign it with.
            event = match (actor, &act.confirmed) {
                (Some(actor), _) => event.signed(actor, &self.config.origin)?,
                (None, Some(confirmed)) => event
                    .custody("proposed_by", confirmed.proposed_by.as_str())
                    .custody("proposal", confirmed.proposal.as_str())
                    .custody("proposal_leaf", confirmed.proposal_leaf.as_str()),
                (None, None) => event,
            };
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
        let no = self.own_chain(&mut session)?;
        Ok((no, self.chain_key(&mut session, no)?))
    }

    /// Finishes a new epoch that no living process is at, and refuses a keyring of an earlier epoch than the ledger's.
    pub(crate) fn recover_epoch(&self) -> Result<Option<String>> {
        let ring = self.keys.ring();
        let Some(_turn) = self.try_key_turn()? else {
            return Ok(None);
        };
        let said = match ring.pending()? {
            Some(Pending { epoch, act }) => {
                // Whether a lock came about is read off the slots.
                ring.finish_writes()?;
                let mut act = Act::decode(&act)?;
                if let Some(member) = act.member
                    && !self.came_about(&act, &member)?
                {
                    // It needs a desk that is not here. The new root key stands all the same.
                    (act.kind, act.member, act.desk) = ("keys_rotated", None, None);
                }
                self.finish_epoch(&act, epoch, None)?;
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
