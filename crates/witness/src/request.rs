//! The body of `add-checkpoint` (C2SP tlog-witness).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use comity_core::checkpoint::Checkpoint;
use comity_core::digest::Digest;
use comity_core::note::Note;

/// The longest request that is read, in bytes: a checkpoint with a few dozen signatures.
pub const MAX_REQUEST_BYTES: usize = 256 << 10;

/// The most lines of a proof.
const MAX_PROOF: usize = 63;

/// A request as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to have cosigned last.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Digest>,
    /// The checkpoint as the log signed it.
    pub note: Vec<u8>,
}

/// A request as it was read; nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) old: u64,
    pub(crate) proof: Vec<Digest>,
    pub(crate) note: Note,
    pub(crate) bytes: Vec<u8>,
    pub(crate) checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// The body of the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old);
        for hash in &self.proof {
            head.push_str(&STANDARD.encode(hash.0));
            head.push('\n');
        }
        head.push('\n');
        let mut body = head.into_bytes();
        body.extend_from_slice(&self.note);
        body
    }
}

impl Parsed {
    /// Reads a request, or says what is wrong with its form.
    pub(crate) fn parse(body: &[u8]) -> Result<Parsed, String> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(format!(
                "the request is longer than {MAX_REQUEST_BYTES} bytes"
            ));
        }
        let end = body
            .windows(2)
            .position(|two| two == b"\n\n")
            .ok_or("there is no empty line before the checkpoint")?;
        let head = std::str::from_utf8(body.get(..end).unwrap_or_default())
            .map_err(|_| "the lines before the checkpoint are not text")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old
            .and_then(decimal)
            .ok_or("the first line is not \"old <size>\"")?;
        let mut proof = Vec::new();
        for line in lines {
            let hash = STANDARD
                .decode(line)
                .ok()
                .and_then(|bytes| Digest::from_slice(&bytes));
            match hash {
                Some(hash) if proof.len() < MAX_PROOF => proof.push(hash),
                Some(_) => return Err(format!("the proof has more than {MAX_PROOF} hashes")),
                None => return Err("a line of the proof is not a hash in base64".to_owned()),
            }
        }
        let bytes = body.get(end + 2..).unwrap_or_default().to_vec();
        let note = Note::parse(&bytes).map_err(|error| error.to_string())?;
        let (checkpoint, _) =
            Checkpoint::parse_extended(note.text()).map_err(|error| error.to_string())?;
        if old > checkpoint.size {
            return Err("the old size is more than the checkpoint's".to_owned());
        }
        Ok(Parsed {
            old,
            proof,
            note,
            bytes,
            checkpoint,
        })
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero {
        text.parse().ok()
    } else {
        None
    }
}
