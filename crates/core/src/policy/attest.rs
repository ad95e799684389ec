//! Which witnesses of a policy cosigned a checkpoint, and whether that is enough.

use super::{Member, Policy};
use crate::note::{Note, NoteError};
use crate::vkey::{KeyKind, Vkey};

/// One witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The name of its key.
    pub name: String,
    /// What it signed with.
    pub kinds: Vec<KeyKind>,
    /// When, by its own word, in seconds since 1970: the newest of its cosignatures.
    pub time_secs: u64,
}

/// What the cosignatures of a checkpoint amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attestation {
    /// The witnesses that cosigned, in the order of the policy; each name once.
    pub seen: Vec<Seen>,
    /// Names of the witnesses of the policy that did not.
    pub missing: Vec<String>,
    /// Since when the quorum holds, in seconds since 1970 by the witnesses' word; `None` if it does
    /// not hold, or if the policy asks for none.
    pub attested_secs: Option<u64>,
}

impl Policy {
    /// Verifies the cosignatures of the policy's witnesses on a checkpoint's note. Whether the log
    /// signed it is verified elsewhere.
    ///
    /// # Errors
    /// A cosignature of a witness of the policy that does not verify: the note is wrong then.
    pub fn attestation(&self, note: &Note) -> Result<Attestation, NoteError> {
        let keys: Vec<Vkey> = self.witnesses.iter().map(|w| w.vkey.clone()).collect();
        let verified = match note.verify(&keys) {
            Ok(verified) => verified,
            Err(NoteError::NotSigned) => Vec::new(),
            Err(error) => return Err(error),
        };
        // Of several cosignatures of one key the note tells of the first; a centre keeps one.
        let mut times: Vec<Option<u64>> = vec![None; self.witnesses.len()];
        for signature in &verified {
            if let Some(time) = times.get_mut(signature.key) {
                // A cosignature without a time covers a subtree and is no attestation.
                *time = signature.time_secs.filter(|secs| *secs > 0);
            }
        }
        let mut answer = Attestation {
            attested_secs: self.held_since(&times),
            ..Attestation::default()
        };
        for (witness, time) in self.witnesses.iter().zip(&times) {
            let name = witness.vkey.name();
            let Some(time_secs) = *time else { continue };
            let kind = witness.vkey.kind();
            match answer.seen.iter_mut().find(|s| s.name == name) {
                Some(seen) => {
                    seen.kinds.push(kind);
                    seen.time_secs = seen.time_secs.max(time_secs);
                }
                None => answer.seen.push(Seen {
                    name: name.to_owned(),
                    kinds: vec![kind],
                    time_secs,
                }),
            }
        }
        for witness in &self.witnesses {
            let name = witness.vkey.name();
            let known = answer.seen.iter().any(|s| s.name == name);
            if !known && !answer.missing.iter().any(|m| m == name) {
                answer.missing.push(name.to_owned());
            }
        }
        Ok(answer)
    }

    /// The newest time at which the quorum held: the cosignatures are counted from the newest on
    /// until it does.
    fn held_since(&self, times: &[Option<u64>]) -> Option<u64> {
        let quorum = self.quorum?;
        let mut sorted: Vec<u64> = times.iter().flatten().copied().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.dedup();
        sorted.into_iter().find(|since| {
            self.holds(quorum, &|at| {
                times.get(at).is_some_and(|t| *t >= Some(*since))
            })
        })
    }

    fn holds(&self, member: Member, signed: &dyn Fn(usize) -> bool) -> bool {
        match member {
            Member::Witness(at) => signed(at),
            // References only lead to earlier lines, so this ends.
            Member::Group(at) => self.groups.get(at).is_some_and(|group| {
                let count = group.members.iter().filter(|m| self.holds(**m, signed));
                count.count() >= group.threshold
            }),
        }
    }
}
