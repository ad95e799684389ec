//! What a witness answers, as a pure function of the request and of what it cosigned last.

use comity_core::checkpoint::Checkpoint;
use comity_core::merkle::{empty_root, verify_consistency};
use comity_core::vkey::Vkey;

use crate::request::Parsed;

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This checkpoint is cosigned, once it is kept as the last one.
    Cosign(Checkpoint),
    /// It is not, and nothing changes.
    Refuse(Refusal),
}

/// Why a checkpoint was not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a request.
    #[error("{0}")]
    Malformed(String),
    /// A log that is not followed here.
    #[error("this witness does not follow the log {0}")]
    UnknownLog(String),
    /// Not signed by every key of the log that is known here.
    #[error("{0}")]
    NotSigned(String),
    /// The witness cosigned another size last.
    #[error("this witness cosigned size {0} last")]
    OtherSize(u64),
    /// It does not continue what was cosigned last.
    #[error("{0}")]
    Contradicts(String),
}

impl Refusal {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::NotSigned(_) => 403,
            Refusal::UnknownLog(_) => 404,
            Refusal::OtherSize(_) => 409,
            Refusal::Contradicts(_) => 422,
        }
    }
}

/// Decides on the request `body` with the log's keys (`None` for a log that is not followed) and
/// the checkpoint cosigned last. Nothing is kept or signed here.
///
/// `look_up` is asked for both by the origin that the request claims.
#[must_use]
pub fn decide(
    body: &[u8],
    look_up: impl FnOnce(&str) -> (Option<Vec<Vkey>>, Option<Checkpoint>),
) -> Decision {
    match Parsed::parse(body) {
        Ok(request) => {
            let (keys, last) = look_up(&request.checkpoint.origin);
            decide_parsed(&request, keys.as_deref(), last.as_ref())
        }
        Err(what) => Decision::Refuse(Refusal::Malformed(what)),
    }
}

pub(crate) fn decide_parsed(
    request: &Parsed,
    keys: Option<&[Vkey]>,
    last: Option<&Checkpoint>,
) -> Decision {
    match refusal(request, keys, last) {
        Some(refusal) => Decision::Refuse(refusal),
        None => Decision::Cosign(request.checkpoint.clone()),
    }
}

fn refusal(request: &Parsed, keys: Option<&[Vkey]>, last: Option<&Checkpoint>) -> Option<Refusal> {
    let new = &request.checkpoint;
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return Some(Refusal::UnknownLog(new.origin.clone()));
    };
    match request.note.verify(keys) {
        Err(error) => return Some(Refusal::NotSigned(error.to_string())),
        Ok(verified) => {
            for (place, key) in keys.iter().enumerate() {
                if !verified.iter().any(|v| v.key == place) {
                    let what = format!("the log's {} key has not signed", key.kind());
                    return Some(Refusal::NotSigned(what));
                }
            }
        }
    }
    let size = last.map_or(0, |last| last.size);
    if request.old != size {
        return Some(Refusal::OtherSize(size));
    }
    let contradicts = |what: &str| Some(Refusal::Contradicts(what.to_owned()));
    if new.size == 0 && new.root != empty_root() {
        return contradicts("a tree without leaves has another root");
    }
    if size == 0 {
        if !request.proof.is_empty() {
            return contradicts("there is a proof, and nothing that it could start from");
        }
        return None;
    }
    let root = last.map_or_else(empty_root, |last| last.root);
    if new.size == size && new.root != root {
        return contradicts("another tree of this size was cosigned: the log signed two trees");
    }
    match verify_consistency(size, new.size, &root, &new.root, &request.proof) {
        Ok(()) => None,
        Err(error) => Some(Refusal::Contradicts(format!(
            "the checkpoint does not continue the one of size {size} that was cosigned: {error}"
        ))),
    }
}
