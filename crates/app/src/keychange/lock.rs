//! A member's lock: its scope opens only with the key that its desk brings.
//!
//! The lock has a key of its own between the root and the member's scope, its *gate*: a new root key wraps the gate
//! anew and needs no desk for it.

use comity_core::id::MemberCode;
use comity_keyring::{DeskKey, Kind, Lock, NewKey, Rewrap, Secret, Unlocking};

use super::{Act, Changed};
use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;

impl Centre {
    /// Locks a member's scope with its desk's key, in a new epoch. This process keeps the key; any other needs it.
    pub fn lock_scope(
        &self,
        actor: &Actor,
        member: &MemberCode,
        desk: &DeskKey,
        reason: Option<&str>,
    ) -> Result<Changed> {
        let mut act = Act::new("scope_locked", actor, reason)?.of_member(*member);
        act.desk = Some(desk.fingerprint().to_string());
        let solemn = of_lock(member, &act);
        let (ring, random) = (self.keys.ring(), &*self.ambient.random);
        let _turn = self.key_turn()?;
        let (top, info) = self.top_scope(member)?;
        if info.lock == Lock::ParentAndDesk {
            return Err(AppError::Usage(format!(
                "the scope of {member} is locked already: its desk can `comity keys unlock` it, and lock it with another key"
            )));
        }
        self.confirm_before(&mut act, actor, &solemn)?;
        let epoch = self.begin_epoch(&act, Unlocking::Same)?;
        let gate = NewKey {
            kind: Kind::Scope,
            parent: 0,
            subject: gate_label(member),
            secret: Secret::random(random),
        };
        let gate = ring.append(&[gate], random)?.start;
        let lock = Rewrap {
            number: top,
            parent: gate,
            desk: Some(desk),
        };
        ring.rewrap(&[lock], random)?;
        self.finish_epoch(&act, epoch, Some(actor))
    }

    /// Takes a member's lock away, in a new epoch. Its desk's key must have been brought.
    pub fn unlock_scope(
        &self,
        actor: &Actor,
        member: &MemberCode,
        reason: Option<&str>,
    ) -> Result<Changed> {
        let mut act = Act::new("scope_unlocked", actor, reason)?.of_member(*member);
        let solemn = of_lock(member, &act);
        let ring = self.keys.ring();
        let _turn = self.key_turn()?;
        let (top, info) = self.top_scope(member)?;
        if info.lock == Lock::Parent {
            return Err(AppError::Usage(format!(
                "the scope of {member} is not locked"
            )));
        }
        self.keys.scope(top)?;
        self.confirm_before(&mut act, actor, &solemn)?;
        let epoch = self.begin_epoch(&act, Unlocking::Same)?;
        let unlock = Rewrap {
            number: top,
            parent: 0,
            desk: None,
        };
        ring.rewrap(&[unlock], &*self.ambient.random)?;
        self.finish_epoch(&act, epoch, Some(actor))
    }

    /// The members whose scope is locked, and whether each one's desk has brought its key.
    pub fn locks(&self) -> Result<Vec<(MemberCode, bool)>> {
        let rows = self
            .session()?
            .query("SELECT code FROM members WHERE lock = 1 ORDER BY no", &[])?;
        let mut locks = Vec::new();
        for row in &rows {
            let member: MemberCode = row
                .text(0)?
                .parse()
                .map_err(|_| AppError::damaged("table members", "a member's code is malformed"))?;
            let is_open = self
                .keys
                .ring()
                .open_key(self.top_scope(&member)?.0)
                .is_ok();
            locks.push((member, is_open));
        }
        Ok(locks)
    }

    /// Lets errors name the member whose desk a locked key waits for.
    pub(crate) fn name_locks(&self) -> Result<()> {
        for (member, _) in self.locks()? {
            let (top, _) = self.top_scope(&member)?;
            self.keys.waits_for(top, member.as_str());
        }
        Ok(())
    }
}

fn of_lock(member: &MemberCode, act: &Act) -> SolemnAct {
    SolemnAct::LockKeys {
        member: *member,
        desk: act.desk.clone(),
        reason: act.reason.clone(),
    }
}

fn gate_label(member: &MemberCode) -> [u8; 16] {
    let mut label = [0; 16];
    let text = format!("gate {member}");
    for (to, from) in label.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    label
}
