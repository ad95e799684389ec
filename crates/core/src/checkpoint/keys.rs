//! The key file for outsiders (`docs/format/ledger.md`, Keys for outsiders): a subset of C2SP
//! tlog-policy.

use crate::digest::{Digest, Sha256Hasher};
use crate::policy::{Policy, PolicyError};
use crate::succession::{Chain, ChainError, Succeeded};
use crate::vkey::{KeyKind, Vkey, VkeyError};

/// The longest key file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1_000_000;

/// The most log keys that a file may list.
const MAX_KEYS: usize = 32;

/// What a line of a succession statement begins with in a key file: to others it is a comment.
const STATEMENT_LINE: &str = "#=";

/// The public keys of one log: at least one of Ed25519 and one of ML-DSA-44. All of those that hold
/// at a checkpoint's size must sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKeys {
    /// Those that sign now.
    vkeys: Vec<Vkey>,
    /// How they came to be it.
    chain: Chain,
    /// What the key file says of witnesses.
    policy: Option<Policy>,
}

/// Text that is not a key file of ours, or keys that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Not text, or longer than a megabyte.
    #[error("not a key file: it is not UTF-8 text of at most 1,000,000 bytes")]
    NotText,
    /// A line that is none of ours.
    #[error(
        "line {line} of the key file: expected \"log <vkey>\", \"quorum none\", what a policy says of witnesses, or a comment with #"
    )]
    Line {
        /// Which, counted from 1.
        line: usize,
    },
    /// A key that is not one.
    #[error("line {line} of the key file: {source}")]
    Key {
        /// Which, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: VkeyError,
    },
    /// Not exactly one `quorum` line.
    #[error("the key file must have one \"quorum\" line, such as \"quorum none\"")]
    Quorum,
    /// It names witnesses, and is no policy.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// Its succession statements.
    #[error("{0}")]
    Succession(Box<ChainError>),
    /// Its keys are not those that its last succession statement names.
    #[error("the keys are not those that the last succession statement of the file names")]
    NotTheLast,
    /// Keys of different logs.
    #[error("the keys are of two logs: {first} and {other}")]
    TwoLogs {
        /// The name of the first key.
        first: String,
        /// Another name.
        other: String,
    },
    /// A key that cannot sign checkpoints as the log, or one given twice.
    #[error("the keys of {name}: {what}")]
    Unfit {
        /// The log's name.
        name: String,
        /// What is wrong with them.
        what: &'static str,
    },
    /// No key of a kind that a log must have.
    #[error("there is no {kind} key: a log signs with Ed25519 and ML-DSA-44")]
    Missing {
        /// The kind.
        kind: KeyKind,
    },
}

impl From<ChainError> for KeysError {
    fn from(error: ChainError) -> KeysError {
        KeysError::Succession(Box::new(error))
    }
}

impl LogKeys {
    /// Keys that belong to one log.
    ///
    /// # Errors
    /// Keys of several logs, kinds that a log does not sign with, a kind that is missing, one
    /// public key twice, more than 32 keys.
    pub fn new(vkeys: Vec<Vkey>) -> Result<LogKeys, KeysError> {
        let first = vkeys.first().ok_or(KeysError::Missing {
            kind: KeyKind::Ed25519,
        })?;
        let unfit = |what| KeysError::Unfit {
            name: first.name().to_owned(),
            what,
        };
        if vkeys.len() > MAX_KEYS {
            return Err(unfit("more than 32"));
        }
        for (i, key) in vkeys.iter().enumerate() {
            if key.name() != first.name() {
                let (first, other) = (first.name().to_owned(), key.name().to_owned());
                return Err(KeysError::TwoLogs { first, other });
            }
            if key.kind() == KeyKind::Ed25519Cosignature {
                return Err(unfit("a witness's key among them"));
            }
            let earlier = &vkeys[..i];
            if earlier
                .iter()
                .any(|earlier| earlier.public_key() == key.public_key())
            {
                return Err(unfit("the same public key twice"));
            }
            if earlier
                .iter()
                .any(|earlier| earlier.key_id() == key.key_id())
            {
                return Err(unfit("two with the same id"));
            }
        }
        for kind in [KeyKind::Ed25519, KeyKind::MlDsa44] {
            if !vkeys.iter().any(|key| key.kind() == kind) {
                return Err(KeysError::Missing { kind });
            }
        }
        Ok(LogKeys {
            vkeys,
            chain: Chain::default(),
            policy: None,
        })
    }

    /// The keys that sign after these successions; `self` are the first ones where there are none.
    ///
    /// # Errors
    /// Successions of other keys than these.
    pub fn succeeded(self, chain: Chain) -> Result<LogKeys, KeysError> {
        let Some(last) = chain.statements().last() else {
            return Ok(self);
        };
        let known = chain.reigns().any(|(_, _, keys)| keys == self.vkeys);
        if !known || !self.chain.is_beginning_of(&chain) {
            return Err(KeysError::NotTheLast);
        }
        Ok(LogKeys {
            vkeys: last.says.new.clone(),
            policy: self.policy,
            chain,
        })
    }

    /// What these keys, which a reader had before, and those of a paper are together: the longer
    /// of two lists of successions of which one continues the other. `None` if neither does: then
    /// the paper's are not keys of the log. The policy is the reader's.
    #[must_use]
    pub fn joined(&self, papers: &LogKeys) -> Option<LogKeys> {
        let (longer, shorter) =
            match papers.chain.statements().len() > self.chain.statements().len() {
                true => (papers, self),
                false => (self, papers),
            };
        let joined = LogKeys {
            policy: None,
            ..shorter.clone()
        };
        let joined = match longer.chain.statements() {
            [] => (longer.vkeys == shorter.vkeys).then_some(joined),
            _ => joined.succeeded(longer.chain.clone()).ok(),
        };
        joined.map(|joined| LogKeys {
            policy: self.policy.clone(),
            ..joined
        })
    }

    /// Reads a key file: the log's keys of a policy, and what it says of witnesses.
    ///
    /// # Errors
    /// Lines that no policy has, and what [`LogKeys::new`] refuses.
    pub fn parse(file: &[u8]) -> Result<LogKeys, KeysError> {
        let text = std::str::from_utf8(file).map_err(|_| KeysError::NotText)?;
        if text.len() > MAX_FILE_BYTES {
            return Err(KeysError::NotText);
        }
        let mut vkeys = Vec::new();
        let mut statements = String::new();
        let (mut quorums, mut has_witnesses) = (0, false);
        for (i, line) in text.split('\n').enumerate() {
            let line_number = i + 1;
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            match (words.next(), words.next(), words.next(), words.next()) {
                (None, ..) => {}
                (Some(STATEMENT_LINE), ..) => {
                    let rest = line.trim_start().strip_prefix(STATEMENT_LINE).unwrap_or("");
                    statements.push_str(rest.strip_prefix(' ').unwrap_or(rest));
                    statements.push('\n');
                }
                (Some(comment), ..) if comment.starts_with('#') => {}
                (Some("quorum"), Some(name), None, None) => {
                    quorums += 1;
                    has_witnesses |= name != "none";
                }
                (Some("witness" | "group"), ..) => has_witnesses = true,
                (Some("log"), Some(vkey), _url, None) => {
                    vkeys.push(vkey.parse().map_err(|source| KeysError::Key {
                        line: line_number,
                        source,
                    })?)
                }
                _ => return Err(KeysError::Line { line: line_number }),
            }
        }
        if quorums != 1 {
            return Err(KeysError::Quorum);
        }
        let mut keys = LogKeys::new(vkeys.clone())?.succeeded(Chain::parse(&statements)?)?;
        if keys.vkeys != vkeys {
            return Err(KeysError::NotTheLast);
        }
        if has_witnesses {
            keys.policy = Some(Policy::parse(file)?).filter(Policy::asks_for_witnesses);
        }
        Ok(keys)
    }

    /// The log's origin, which is the name of all its keys.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.vkeys.first().map_or("", Vkey::name)
    }

    /// Whose cosignatures the key file asks for, where it names witnesses.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The keys that sign now, in the order of the file.
    #[must_use]
    pub fn vkeys(&self) -> &[Vkey] {
        &self.vkeys
    }

    /// The keys that sign a tree of `size`.
    #[must_use]
    pub fn at(&self, size: u64) -> &[Vkey] {
        self.chain.keys_at(size).unwrap_or(&self.vkeys)
    }

    /// The same keys as a reader of the tree at `size` knows them: without later successions.
    #[must_use]
    pub fn as_of(&self, size: u64) -> LogKeys {
        LogKeys {
            vkeys: self.at(size).to_vec(),
            chain: self.chain.below(size),
            policy: self.policy.clone(),
        }
    }

    /// How these keys came to be the log's.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The successions after the keys that `anchor` has as the present ones.
    #[must_use]
    pub fn successions_since(&self, anchor: Option<&LogKeys>) -> &[Succeeded] {
        let all = self.chain.statements();
        let known = anchor.map_or(0, |anchor| match anchor.chain.statements().len() {
            0 => all
                .iter()
                .take_while(|s| s.says.old != anchor.vkeys)
                .count(),
            some => some.min(all.len()),
        });
        &all[known..]
    }

    /// The key file, with a comment that says what it is and its fingerprint.
    #[must_use]
    pub fn to_file(&self) -> String {
        self.to_file_with(None)
    }

    /// As [`LogKeys::to_file`], with what `policy` says of witnesses.
    #[must_use]
    pub fn to_file_with(&self, policy: Option<&Policy>) -> String {
        let mut file = format!(
            "# The public keys of the log {}.\n# Fingerprint {}\n",
            self.origin(),
            self.fingerprint_groups()
        );
        for line in self.chain.text().lines() {
            let line = format!("{STATEMENT_LINE} {line}");
            file.push_str(line.trim_end());
            file.push('\n');
        }
        match policy {
            Some(policy) => file.push_str(&policy.for_log(&self.vkeys, true).to_string()),
            None => {
                for vkey in &self.vkeys {
                    file.push_str(&format!("log {vkey}\n"));
                }
                file.push_str("quorum none\n");
            }
        }
        file
    }

    /// The fingerprint: SHA-256 of the keys that sign now, each followed by a line feed.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Sha256Hasher::new();
        for vkey in &self.vkeys {
            hasher.update(vkey.to_string().as_bytes());
            hasher.update(b"\n");
        }
        hasher.finish()
    }

    /// The fingerprint for people to compare: 64 hex digits in groups of four.
    #[must_use]
    pub fn fingerprint_groups(&self) -> String {
        let mut groups = String::with_capacity(79);
        for (i, digit) in self.fingerprint().to_string().chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                groups.push(' ');
            }
            groups.push(digit);
        }
        groups
    }
}
