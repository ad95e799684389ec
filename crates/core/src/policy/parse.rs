//! Reading a policy.

use super::{MAX_LINES, Member, Policy, PolicyGroup, PolicyLog, PolicyWitness};
use crate::vkey::{Vkey, VkeyError};

/// The longest policy that is read, in bytes.
const MAX_FILE_BYTES: usize = 1_000_000;

/// Text that is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not text, or longer than a megabyte.
    #[error("not a policy: it is not UTF-8 text of at most 1,000,000 bytes")]
    NotText,
    /// A line that is none.
    #[error("line {line} of the policy: {what}")]
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A key that is not one.
    #[error("line {line} of the policy: {source}")]
    Key {
        /// Which, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: VkeyError,
    },
    /// Not exactly one `quorum` line.
    #[error("the policy must have one \"quorum\" line, and has {0}")]
    Quorums(usize),
}

impl std::str::FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        Policy::parse(text.as_bytes())
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first line that the format does not allow.
    pub fn parse(file: &[u8]) -> Result<Policy, PolicyError> {
        let text = std::str::from_utf8(file).map_err(|_| PolicyError::NotText)?;
        if text.len() > MAX_FILE_BYTES {
            return Err(PolicyError::NotText);
        }
        let mut reading = Reading::default();
        for (i, line) in text.split('\n').enumerate() {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
            match words.first() {
                None => {}
                Some(word) if word.starts_with('#') => {}
                Some(_) => reading.line(i + 1, &words)?,
            }
        }
        if reading.quorums != 1 {
            return Err(PolicyError::Quorums(reading.quorums));
        }
        Ok(reading.policy)
    }
}

struct Reading {
    policy: Policy,
    /// Members that a group has already.
    taken: Vec<Member>,
    quorums: usize,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading {
            policy: Policy {
                logs: Vec::new(),
                witnesses: Vec::new(),
                groups: Vec::new(),
                quorum: None,
            },
            taken: Vec::new(),
            quorums: 0,
        }
    }
}

impl Reading {
    fn line(&mut self, line: usize, words: &[&str]) -> Result<(), PolicyError> {
        let wrong = |what: String| PolicyError::Line { line, what };
        let policy = &mut self.policy;
        let is_full = match words.first() {
            Some(&"log") => policy.logs.len() >= MAX_LINES,
            Some(&"witness") => policy.witnesses.len() >= MAX_LINES,
            Some(&"group") => policy.groups.len() >= MAX_LINES,
            _ => false,
        };
        if is_full {
            return Err(wrong(format!("more than {MAX_LINES} of its kind")));
        }
        match words {
            ["log", vkey, rest @ ..] if rest.len() <= 1 => {
                let vkey = self.key(line, vkey)?;
                let url = rest.first().map(|u| (*u).to_owned());
                self.policy.logs.push(PolicyLog { vkey, url });
            }
            ["witness", name, vkey, rest @ ..] if rest.len() <= 1 => {
                self.new_name(line, name)?;
                let vkey = self.key(line, vkey)?;
                let (name, url) = ((*name).to_owned(), rest.first().map(|u| (*u).to_owned()));
                self.policy
                    .witnesses
                    .push(PolicyWitness { name, vkey, url });
            }
            ["group", name, threshold, members @ ..] if !members.is_empty() => {
                self.new_name(line, name)?;
                let members = self.members(line, members)?;
                let threshold = match *threshold {
                    "all" => Some(members.len()),
                    "any" => Some(1),
                    k => k
                        .parse()
                        .ok()
                        .filter(|n| (1..=members.len()).contains(n) && !k.starts_with(['0', '+'])),
                };
                let threshold = threshold.ok_or_else(|| {
                    wrong(format!(
                        "a group of {0} needs \"all\", \"any\" or a number from 1 to {0}",
                        members.len()
                    ))
                })?;
                let name = (*name).to_owned();
                self.policy.groups.push(PolicyGroup {
                    name,
                    threshold,
                    members,
                });
            }
            ["quorum", name] => {
                self.quorums += 1;
                self.policy.quorum = match *name {
                    "none" => None,
                    name => Some(self.known(line, name)?),
                };
            }
            _ => {
                return Err(wrong(
                    "expected \"log <vkey> [<url>]\", \"witness <name> <vkey> [<url>]\", \"group <name> all|any|<k> <member> …\", \"quorum <name>|none\" or a comment with #".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn key(&self, line: usize, text: &str) -> Result<Vkey, PolicyError> {
        let key: Vkey = text
            .parse()
            .map_err(|source| PolicyError::Key { line, source })?;
        let logs = self.policy.logs.iter().map(|l| &l.vkey);
        let mut all = logs.chain(self.policy.witnesses.iter().map(|w| &w.vkey));
        if all.any(|k| k.public_key() == key.public_key()) {
            let what = "its public key stands in the policy already".to_owned();
            return Err(PolicyError::Line { line, what });
        }
        Ok(key)
    }

    fn find(&self, name: &str) -> Option<Member> {
        let witness = self.policy.witnesses.iter().position(|w| w.name == name);
        let group = self.policy.groups.iter().position(|g| g.name == name);
        witness
            .map(Member::Witness)
            .or_else(|| group.map(Member::Group))
    }

    fn new_name(&self, line: usize, name: &str) -> Result<(), PolicyError> {
        if name == "none" || self.find(name).is_some() {
            let what = format!("the name {name:?} is taken");
            return Err(PolicyError::Line { line, what });
        }
        Ok(())
    }

    fn known(&self, line: usize, name: &str) -> Result<Member, PolicyError> {
        self.find(name).ok_or_else(|| PolicyError::Line {
            line,
            what: format!("no line above it has the name {name:?}"),
        })
    }

    fn members(&mut self, line: usize, names: &[&str]) -> Result<Vec<Member>, PolicyError> {
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.known(line, name)?;
            if self.taken.contains(&member) {
                let what = format!("{name:?} is a member of a group already");
                return Err(PolicyError::Line { line, what });
            }
            self.taken.push(member);
            members.push(member);
        }
        Ok(members)
    }
}
