//! Whose cosignatures make a checkpoint attested (C2SP tlog-policy; `docs/format/witness.md`,
//! Policy).

mod attest;
mod parse;

pub use attest::{Attestation, Seen};
pub use parse::PolicyError;

use crate::vkey::Vkey;

/// The most log, witness and group lines that a policy may have, each.
pub const MAX_LINES: usize = 32;

/// A log that the policy speaks of: one of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    /// The key.
    pub vkey: Vkey,
    /// Where the log is read.
    pub url: Option<String>,
}

/// One key of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy, which groups and the quorum refer to.
    pub name: String,
    /// The key, whose own name is what a cosignature carries.
    pub vkey: Vkey,
    /// The prefix under which it takes checkpoints.
    pub url: Option<String>,
}

/// How many members of a group must hold, and which they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyGroup {
    /// Its name.
    pub name: String,
    /// How many of the members.
    pub threshold: usize,
    /// Witnesses and groups.
    pub members: Vec<Member>,
}

/// What a group or the quorum refers to, by its place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A witness line.
    Witness(usize),
    /// A group line.
    Group(usize),
}

/// A policy: logs, witnesses, groups, and what must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<PolicyGroup>,
    quorum: Option<Member>,
}

impl Policy {
    /// The logs' keys, in the order of the file.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses' keys, in the order of the file.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether anything must be cosigned at all: `quorum none` asks for nothing.
    #[must_use]
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// What must hold, in the words of the policy.
    #[must_use]
    pub fn quorum_name(&self) -> &str {
        match self.quorum {
            None => "none",
            Some(member) => self.name_of(member),
        }
    }

    /// Where to submit checkpoints: each prefix once, with the witnesses' key names behind it.
    #[must_use]
    pub fn submission_urls(&self) -> Vec<(&str, Vec<&Vkey>)> {
        let mut urls: Vec<(&str, Vec<&Vkey>)> = Vec::new();
        for witness in &self.witnesses {
            let Some(url) = witness.url.as_deref() else {
                continue;
            };
            match urls.iter_mut().find(|(known, _)| *known == url) {
                Some((_, keys)) => keys.push(&witness.vkey),
                None => urls.push((url, vec![&witness.vkey])),
            }
        }
        urls
    }

    /// The same policy with the keys `logs` in place of its own, and no URLs if `bare`: what goes
    /// into papers.
    #[must_use]
    pub fn for_log(&self, logs: &[Vkey], bare: bool) -> Policy {
        let mut policy = self.clone();
        policy.logs = logs
            .iter()
            .map(|vkey| PolicyLog {
                vkey: vkey.clone(),
                url: None,
            })
            .collect();
        if bare {
            policy.witnesses.iter_mut().for_each(|w| w.url = None);
        }
        policy
    }

    fn name_of(&self, member: Member) -> &str {
        match member {
            Member::Witness(at) => self.witnesses.get(at).map_or("", |w| &w.name),
            Member::Group(at) => self.groups.get(at).map_or("", |g| &g.name),
        }
    }
}

impl std::fmt::Display for Policy {
    /// The lines of the file, without comments.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map_or(String::new(), |u| format!(" {u}"));
        for log in &self.logs {
            writeln!(f, "log {}{}", log.vkey, url(&log.url))?;
        }
        for witness in &self.witnesses {
            let PolicyWitness { name, vkey, .. } = witness;
            writeln!(f, "witness {name} {vkey}{}", url(&witness.url))?;
        }
        for group in &self.groups {
            write!(f, "group {} {}", group.name, group.threshold)?;
            for member in &group.members {
                write!(f, " {}", self.name_of(*member))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "quorum {}", self.quorum_name())
    }
}
