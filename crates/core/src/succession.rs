//! Succession of a log's keys (`docs/format/succession.md`): which keys sign from which size on.

mod chain;

pub use chain::{Chain, ChainError, Succeeded, statements_of};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{KeysError, LogKeys};
use crate::digest::Digest;
use crate::note::{Note, NoteError, NoteSignature};
use crate::unverified::Unverified;
use crate::vkey::{KeyKind, Vkey, VkeyError};

/// The first line of a statement.
pub const FIRST_LINE: &str = "comity-succession-1";

/// The most heirs that a statement may name.
pub const MAX_HEIRS: usize = 32;

/// Who may name the log's next keys when the present ones are lost or stolen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heirs {
    /// How many of them are needed; 0 when there are none.
    pub need: usize,
    /// Their keys, each under its person's number.
    pub vkeys: Vec<Vkey>,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The log.
    pub origin: String,
    /// The size of the last tree of the old keys: the new ones sign every larger one.
    pub size: u64,
    /// The root of that tree.
    pub root: Digest,
    /// The keys that signed until then.
    pub old: Vec<Vkey>,
    /// The keys that sign from then on; the same ones in a statement that only names heirs.
    pub new: Vec<Vkey>,
    /// Who may name the next ones.
    pub heirs: Heirs,
}

/// Who vouches for the new keys, besides these themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// The old keys, each of them.
    OldKeys,
    /// The heirs of these names, who were named before.
    Heirs(Vec<String>),
}

/// Text that is no statement, or a statement that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// Not a signed note, or a signature of a known key that is wrong.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// The text is not one of a statement.
    #[error("not a succession statement: {0}")]
    Text(&'static str),
    /// A key in it that is none.
    #[error("not a succession statement: {0}")]
    Key(#[from] VkeyError),
    /// Its keys are not those of a log.
    #[error("not a succession statement: {0}")]
    Keys(#[from] KeysError),
    /// Another log, other keys, or a size that is not greater than the former statement's.
    #[error("the succession at size {size} does not follow what was before it: {what}")]
    DoesNotFollow {
        /// Its size.
        size: u64,
        /// Why not.
        what: &'static str,
    },
    /// A new key has not signed.
    #[error("the succession at size {size} is not signed by its new {kind} key")]
    NewKeyMissing {
        /// Its size.
        size: u64,
        /// Which.
        kind: KeyKind,
    },
    /// Neither every old key has signed nor enough heirs.
    #[error(
        "the succession at size {size} is not vouched for: {old_signed} of its {old} old keys have signed, and {heirs_signed} heirs of the {need} that would be needed without them"
    )]
    NotVouched {
        /// Its size.
        size: u64,
        /// How many old keys there are.
        old: usize,
        /// How many of them have signed.
        old_signed: usize,
        /// How many heirs have signed.
        heirs_signed: usize,
        /// How many are needed; 0 where none were named.
        need: usize,
    },
}

impl Succession {
    /// Whether it names heirs and changes no key.
    #[must_use]
    pub fn only_names_heirs(&self) -> bool {
        self.old == self.new
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        let mut text = format!(
            "{FIRST_LINE}\norigin {}\nsize {}\nroot {root}\n",
            self.origin, self.size
        );
        for (word, keys) in [("old", &self.old), ("new", &self.new)] {
            keys.iter()
                .for_each(|key| text.push_str(&format!("{word} {key}\n")));
        }
        if self.heirs.need > 0 {
            text.push_str(&format!("need {}\n", self.heirs.need));
        }
        for heir in &self.heirs.vkeys {
            text.push_str(&format!("heir {heir}\n"));
        }
        text
    }

    /// Reads the text of a statement.
    ///
    /// # Errors
    /// Whatever [`Succession::text`] would not have written, and keys that a log or an heir may
    /// not have.
    pub fn parse_text(text: &str) -> Result<Succession, SuccessionError> {
        let bad = SuccessionError::Text;
        let mut lines = text.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("the first line is not comity-succession-1"));
        }
        let mut word = |name: &str| -> Option<&str> {
            let rest = lines.peek()?.strip_prefix(name)?.strip_prefix(' ')?;
            lines.next();
            Some(rest)
        };
        let origin = word("origin").ok_or(bad("the origin is missing"))?;
        let size = word("size").and_then(|size| size.parse().ok());
        let root = word("root").and_then(|root| Digest::from_slice(&STANDARD.decode(root).ok()?));
        let mut keys = |name: &str| -> Result<Vec<Vkey>, SuccessionError> {
            std::iter::from_fn(|| word(name))
                .map(|key| key.parse().map_err(SuccessionError::Key))
                .collect()
        };
        let (old, new) = (keys("old")?, keys("new")?);
        let need = word("need").map_or(Some(0), |need| need.parse().ok());
        let mut heirs = Vec::new();
        while let Some(key) = word("heir") {
            heirs.push(key.parse()?);
        }
        let found = Succession {
            origin: origin.to_owned(),
            size: size.ok_or(bad("the size is missing or none"))?,
            root: root.ok_or(bad("the root is missing or none"))?,
            old,
            new,
            heirs: Heirs {
                need: need.ok_or(bad("how many heirs are needed is no number"))?,
                vkeys: heirs,
            },
        };
        found.check()?;
        // One text for one statement: no leading zeros, no line more, none in another place.
        if found.text() == text {
            Ok(found)
        } else {
            Err(bad("it is not written as a statement is"))
        }
    }

    /// Whether the parts can belong together.
    ///
    /// # Errors
    /// Keys that are not of this log, too many heirs or too few, a key twice.
    pub fn check(&self) -> Result<(), SuccessionError> {
        let bad = SuccessionError::Text;
        for keys in [&self.old, &self.new] {
            if LogKeys::new(keys.clone())?.origin() != self.origin {
                return Err(bad("its keys are of another log"));
            }
        }
        let is_old = |key: &Vkey| self.old.iter().any(|o| o.public_key() == key.public_key());
        if !self.only_names_heirs() && self.new.iter().any(is_old) {
            return Err(bad("an old key is among the new ones"));
        }
        let Heirs { need, vkeys } = &self.heirs;
        if vkeys.len() > MAX_HEIRS || *need > vkeys.len() || (*need == 0) != vkeys.is_empty() {
            return Err(bad(
                "it needs more heirs than it names, or names more than 32",
            ));
        }
        for (i, heir) in vkeys.iter().enumerate() {
            let same = |o: &Vkey| o.name() == heir.name() || o.public_key() == heir.public_key();
            if heir.kind() != KeyKind::Ed25519 || vkeys[..i].iter().any(same) {
                return Err(bad("an heir is named twice, or has no Ed25519 key"));
            }
        }
        Ok(())
    }
}

/// A statement: what it says, and signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    says: Succession,
    note: Note,
}

impl Statement {
    /// A statement that nobody has signed yet.
    ///
    /// # Errors
    /// Parts that do not belong together.
    pub fn new(says: Succession) -> Result<Statement, SuccessionError> {
        says.check()?;
        let note = Note::new(says.text())?;
        Ok(Statement { says, note })
    }

    /// Reads a statement. One without signatures, which is a draft, ends with its empty line.
    ///
    /// # Errors
    /// Bytes that are no statement; who signed it is looked at when it is verified.
    pub fn parse(bytes: &[u8]) -> Result<Unverified<Statement>, SuccessionError> {
        let draft = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.strip_suffix("\n\n"))
            .filter(|text| !text.contains("\n\n"));
        let note = match draft {
            Some(text) => Note::new(format!("{text}\n"))?,
            None => Note::parse(bytes)?,
        };
        let says = Succession::parse_text(note.text())?;
        Ok(Unverified::new(Statement { says, note }))
    }

    /// What it says.
    #[must_use]
    pub fn says(&self) -> &Succession {
        &self.says
    }

    /// Adds a signature.
    pub fn push(&mut self, signature: NoteSignature) {
        self.note.push(signature);
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.note.encode()
    }

    /// How many of these keys have signed it.
    fn signed_by<'k>(&self, keys: &'k [Vkey]) -> Result<Vec<&'k Vkey>, SuccessionError> {
        let mut signed: Vec<&Vkey> = Vec::new();
        for line in self.note.signatures() {
            let of_line = |k: &&Vkey| k.name() == line.name && k.key_id() == line.key_id;
            let Some(key) = keys.iter().find(of_line) else {
                continue;
            };
            if !key.verify_statement(self.note.text(), &line.signature) {
                return Err(SuccessionError::Note(NoteError::WrongSignature {
                    name: line.name.clone(),
                    kind: key.kind(),
                }));
            }
            if !signed.contains(&key) {
                signed.push(key);
            }
        }
        Ok(signed)
    }

    /// Who vouches for the new keys, with the heirs that were named before.
    fn vouched(&self, former_heirs: &Heirs) -> Result<Vouched, SuccessionError> {
        let size = self.says.size;
        let new = self.signed_by(&self.says.new)?;
        if let Some(missing) = self.says.new.iter().find(|key| !new.contains(key)) {
            let kind = missing.kind();
            return Err(SuccessionError::NewKeyMissing { size, kind });
        }
        let old = self.signed_by(&self.says.old)?;
        let heirs = self.signed_by(&former_heirs.vkeys)?;
        if old.len() == self.says.old.len() {
            return Ok(Vouched::OldKeys);
        }
        if former_heirs.need > 0 && heirs.len() >= former_heirs.need {
            let name = |heir: &&Vkey| heir.name().to_owned();
            return Ok(Vouched::Heirs(heirs.iter().map(name).collect()));
        }
        Err(SuccessionError::NotVouched {
            size,
            old: self.says.old.len(),
            old_signed: old.len(),
            heirs_signed: heirs.len(),
            need: former_heirs.need,
        })
    }
}

impl Unverified<Statement> {
    /// What it claims.
    #[must_use]
    pub fn claims(&self) -> &Succession {
        &self.claimed().says
    }

    /// The statement, to be signed by one more: its text is read by whoever signs, and nothing
    /// rests on the signatures that it has.
    #[must_use]
    pub fn to_be_signed(self) -> Statement {
        self.into_claimed()
    }
}
