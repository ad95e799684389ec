//! Signed notes (C2SP signed-note).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::vkey::{Vkey, check_name};

/// The longest note that is read, in bytes.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// The most signature lines that are read.
pub const MAX_SIGNATURES: usize = 100;

/// One signature line: `— name base64(id ‖ signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The signer's name.
    pub name: String,
    /// The id of the signer's key.
    pub key_id: [u8; 4],
    /// The signature, as the key's type forms it.
    pub signature: Vec<u8>,
}

/// A note as read: a text, and signatures that nobody has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature of a note that verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The key, by its place in the list that it was verified with.
    pub key: usize,
    /// When it was made, in seconds since 1970, by the signer's own word; `None` for signatures
    /// that do not say.
    pub time_secs: Option<u64>,
}

/// Bytes that are not a signed note, or a note whose signatures do not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`], or more than [`MAX_SIGNATURES`] signatures.
    #[error("the note is too large: at most 1,000,000 bytes and 100 signatures are read")]
    TooLarge,
    /// Not UTF-8, or a control character other than the line feed.
    #[error("the note has a byte at {at} that no note may have")]
    Character {
        /// Where, counted from 0.
        at: usize,
    },
    /// No empty line between text and signatures, no signature, or no line feed at the end.
    #[error("not a signed note: {0}")]
    Syntax(&'static str),
    /// A signature line that is not one.
    #[error("line {line} of the note's signatures is not a signature line")]
    SignatureLine {
        /// Which, counted from 1.
        line: usize,
    },
    /// Two different keys with one name and one id were given to verify with.
    #[error("two keys named {name} have the same id: the note cannot tell them apart")]
    AmbiguousKeys {
        /// Their name.
        name: String,
    },
    /// A signature of a known key does not verify.
    #[error("the signature of {name} ({kind}) is wrong: text or signature was altered")]
    WrongSignature {
        /// The key's name.
        name: String,
        /// The key's algorithm.
        kind: crate::vkey::KeyKind,
    },
    /// No signature of any known key.
    #[error("the note is not signed by any key that is known here")]
    NotSigned,
}

impl Note {
    /// A note of `text`, which ends with a line feed, and no signatures yet.
    ///
    /// # Errors
    /// A text without its last line feed, or with characters that no note may have.
    pub fn new(text: String) -> Result<Note, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Syntax("the text does not end with a line feed"));
        }
        check_characters(&text)?;
        Ok(Note {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note: text, an empty line (the last one), signature lines.
    ///
    /// # Errors
    /// Whatever breaks the format; signatures are not verified here.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| NoteError::Character {
            at: error.valid_up_to(),
        })?;
        check_characters(whole)?;
        let split = whole
            .rfind("\n\n")
            .ok_or(NoteError::Syntax("no empty line"))?;
        let text = whole[..=split].to_owned();
        let lines = whole[split + 2..]
            .strip_suffix('\n')
            .ok_or(NoteError::Syntax(
                "no signature, or no line feed at the end",
            ))?;
        let mut signatures = Vec::new();
        for (i, line) in lines.split('\n').enumerate() {
            if i == MAX_SIGNATURES {
                return Err(NoteError::TooLarge);
            }
            signatures.push(parse_line(line).ok_or(NoteError::SignatureLine { line: i + 1 })?);
        }
        Ok(Note { text, signatures })
    }

    /// The text, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line.
    pub fn push(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// The bytes of the note.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{}\n", self.text);
        for line in &self.signatures {
            let bytes = [line.key_id.as_slice(), &line.signature].concat();
            out.push_str("\u{2014} ");
            out.push_str(&line.name);
            out.push(' ');
            STANDARD.encode_string(bytes, &mut out);
            out.push('\n');
        }
        out.into_bytes()
    }

    /// Verifies every signature of the keys in `keys`; each key is told of once. Signatures of
    /// other keys are ignored.
    ///
    /// # Errors
    /// A signature of a known key that does not verify, even beside good ones; no signature of a
    /// known key at all.
    pub fn verify(&self, keys: &[Vkey]) -> Result<Vec<Verified>, NoteError> {
        let mut verified: Vec<Verified> = Vec::new();
        for line in &self.signatures {
            let mut matching = keys
                .iter()
                .enumerate()
                .filter(|(_, key)| key.name() == line.name && key.key_id() == line.key_id);
            let Some((place, key)) = matching.next() else {
                continue;
            };
            if matching.any(|(_, other)| other != key) {
                return Err(NoteError::AmbiguousKeys {
                    name: line.name.clone(),
                });
            }
            let time_secs = key.verify(&self.text, &line.signature).ok_or_else(|| {
                NoteError::WrongSignature {
                    name: line.name.clone(),
                    kind: key.kind(),
                }
            })?;
            if !verified.iter().any(|earlier| earlier.key == place) {
                verified.push(Verified {
                    key: place,
                    time_secs,
                });
            }
        }
        if verified.is_empty() {
            Err(NoteError::NotSigned)
        } else {
            Ok(verified)
        }
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    match text.bytes().position(|byte| byte < 0x20 && byte != b'\n') {
        Some(at) => Err(NoteError::Character { at }),
        None => Ok(()),
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk::<4>()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature {
        name: name.to_owned(),
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}
