//! Fresh scope keys for one member: what comes is sealed and wrapped with them, and what was there stays readable.

use comity_core::id::MemberCode;
use comity_core::json::{Map, Value};
use comity_keyring::{Kind, Lock, NewKey, Rewrap, Secret, SlotInfo};

use crate::centre::Centre;
use crate::error::Result;

/// Fresh scope keys of a member.
pub(super) struct Fresh {
    /// Number of the member's own.
    pub scope: u64,
    /// Case code and key number.
    cases: Vec<(String, u64)>,
}

impl Fresh {
    /// As the event has it: an object of key numbers by case.
    pub fn cases_json(&self) -> Value {
        let pairs = self.cases.iter().map(|(c, n)| (c.clone(), (*n).into()));
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}

impl Centre {
    /// The uppermost scope key of a member, which its desk locks. It is the one that events name, unless an
    /// interrupted run has put fresh ones above that.
    pub(super) fn top_scope(&self, member: &MemberCode) -> Result<(u64, SlotInfo)> {
        let ring = self.keys.ring();
        let mut top = self.member_scope(member)?;
        let mut now = ring.slot_info(top)?;
        while now.parent != 0 {
            let above = ring.slot_info(now.parent)?;
            if above.subject != now.subject {
                break;
            }
            (top, now) = (now.parent, above);
        }
        Ok((top, now))
    }

    /// Makes them, and wraps the member's former scope keys and those of its cases by the fresh one. An interrupted
    /// run is simply repeated: the keys that it made are named by no event and wrap nothing.
    pub(super) fn fresh_scopes(&self, member: &MemberCode) -> Result<Fresh> {
        let (ring, random) = (self.keys.ring(), &*self.ambient.random);
        let mut session = self.session()?;
        let row = self.member(&mut session, member)?;
        let present = self.member_scope(member)?;
        let cases = session.query(
            "SELECT c.code, s.scope_key FROM scopes s JOIN cases c ON c.no = s.case_no WHERE s.member = ? ORDER BY c.code",
            &[row.no.into()],
        )?;
        let (top, now) = self.top_scope(member)?;
        let subject = now.subject;
        let scopes = ring.scopes()?;
        let own: Vec<u64> = scopes
            .iter()
            .filter(|(_, info)| info.subject == subject)
            .map(|(number, _)| *number)
            .collect();
        let below: Vec<u64> = scopes
            .iter()
            .filter(|(_, info)| own.contains(&info.parent))
            .map(|(number, _)| *number)
            .collect();
        let fresh = |parent: u64, former: u64| -> Result<NewKey> {
            let mut secret = Secret::random(random);
            // The index key stays: equal paths and equal bytes must still be found.
            secret.second = ring.open_key(former)?.second;
            Ok(NewKey {
                kind: Kind::Scope,
                parent,
                subject: ring.slot_info(former)?.subject,
                secret,
            })
        };
        let scope = ring.append(&[fresh(now.parent, present)?], random)?.start;
        if now.lock == Lock::ParentAndDesk {
            ring.pass_lock_on(top, scope, random)?;
        }
        let mut made = Vec::new();
        for case in &cases {
            let new = fresh(scope, case.int(1)? as u64)?;
            let number = ring.append(&[new], random)?.start;
            made.push((case.text(0)?.to_owned(), number));
        }
        let rewraps: Vec<Rewrap<'_>> = own
            .iter()
            .chain(&below)
            .map(|number| Rewrap {
                number: *number,
                parent: scope,
                desk: None,
            })
            .collect();
        ring.rewrap(&rewraps, random)?;
        Ok(Fresh { scope, cases: made })
    }
}
