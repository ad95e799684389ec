//! A copy that is older than what was published must not sign (ADR 0004).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::json::{self, Value};
use comity_store::Disk;

use super::round::{Asked, Log, Outcome, round};
use super::setting::Setting;
use crate::centre::config;
use crate::error::{AppError, Result};

/// The mark's file in the centre's folder.
pub(super) const FILE: &str = "witnessed.json";
const FORMAT: &str = "comity-witnessed-1";

/// So long a confirmation is believed, in seconds.
pub(super) const FRESH_SECS: i64 = 15 * 60;

/// So long the witnesses are waited for before the first signing.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far this machine knows the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// When a witness confirmed it, in seconds since 1970.
    pub(super) at: i64,
    /// Device and number of the file that stays where the centre stays.
    pub(super) here: String,
    /// The size that was confirmed.
    pub(super) size: u64,
}

impl Mark {
    /// The mark of the centre in `dir`; one that cannot be read counts as none.
    pub(super) fn read(dir: &Path, disk: &Disk) -> Result<Option<Mark>> {
        let Some(bytes) = disk.read(&dir.join(FILE))? else {
            return Ok(None);
        };
        let Ok(value) = json::parse(&bytes) else {
            return Ok(None);
        };
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Ok(None);
        }
        let number = |name: &str| value.get(name).and_then(Value::as_i64);
        let (Some(at), Some(size)) = (number("at"), number("size")) else {
            return Ok(None);
        };
        let here = value
            .get("here")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Some(Mark {
            at,
            here: here.to_owned(),
            size: size as u64,
        }))
    }

    /// Puts the mark in its place, durable on return.
    pub(super) fn write(&self, dir: &Path, disk: &Disk) -> Result<()> {
        let value = Value::from_iter([
            ("format".to_owned(), Value::from(FORMAT)),
            ("at".to_owned(), self.at.into()),
            ("here".to_owned(), self.here.as_str().into()),
            ("size".to_owned(), self.size.into()),
        ]);
        let mut bytes = json::canonical(&value).map_err(|e| AppError::Refused(e.to_string()))?;
        bytes.push(b'\n');
        Ok(disk.write_atomic(&dir.join(FILE), &bytes)?)
    }
}

/// What `here` of a mark is for the centre in `dir`: a folder that was copied has other numbers.
pub(super) fn here(dir: &Path) -> String {
    match std::fs::metadata(dir.join(config::FILE)) {
        Ok(found) => format!("{}:{}", found.dev(), found.ino()),
        Err(_) => String::new(),
    }
}

/// The centre that is about to sign.
pub(super) struct Guard<'a> {
    pub(super) dir: PathBuf,
    pub(super) disk: &'a Disk,
    pub(super) log: Log<'a>,
}

impl Guard<'_> {
    /// Refuses if this copy is behind what this machine or a witness knows. `published` is the checkpoint that this
    /// copy holds; `now` is in seconds since 1970. Gives what the witnesses answered, where they had to be asked.
    pub(super) fn may_sign(
        &self,
        setting: &Setting,
        published: &SignedCheckpoint,
        now: i64,
    ) -> Result<Vec<Asked>> {
        let mark = Mark::read(&self.dir, self.disk)?;
        let here = here(&self.dir);
        if let Some(mark) = mark.as_ref().filter(|m| m.size > published.size()) {
            return Err(behind(
                &format!("this machine published {} events", mark.size),
                published,
            ));
        }
        let is_here = mark.as_ref().is_some_and(|m| m.here == here);
        let is_fresh = |m: &Mark| (0..FRESH_SECS).contains(&(now - m.at));
        if is_here && mark.as_ref().is_some_and(is_fresh) {
            return Ok(Vec::new());
        }
        // The mark is made where the policy is set; before that event is published there is none yet.
        let is_new = published.size() <= setting.leaf + 1;
        let asked = round(&self.log, &setting.policy, published, PATIENCE)?;
        decide(&asked, published, !is_new && !is_here)?;
        if asked.iter().any(|a| a.outcome == Outcome::Cosigned) {
            let size = published.size();
            Mark {
                at: now,
                here,
                size,
            }
            .write(&self.dir, self.disk)?;
        }
        Ok(asked)
    }
}

/// What the answers allow. `is_moved`: this copy was made elsewhere, and may be an old one.
pub(super) fn decide(asked: &[Asked], published: &SignedCheckpoint, is_moved: bool) -> Result<()> {
    let mut unproved = None;
    for Asked { name, outcome, .. } in asked {
        match outcome {
            Outcome::Ahead { size, proved: true } => {
                let what = format!(
                    "the witness {name} cosigned {size} events and shows them with this log's own signatures"
                );
                return Err(behind(&what, published));
            }
            Outcome::Contradicts { size, .. } => {
                return Err(AppError::MustNotSign(format!(
                    "the witness {name} holds a checkpoint of {size} events with this log's own signatures, and this copy does not continue it. Two histories of this log exist. `comity witness audit` writes both down as evidence; find out where the other one was made before anything else is recorded"
                )));
            }
            Outcome::Ahead { size, .. } => unproved = Some((name, size)),
            _ => {}
        }
    }
    let is_confirmed = asked.iter().any(|a| a.outcome == Outcome::Cosigned);
    if let (Some((name, size)), false) = (unproved, is_confirmed) {
        let what = format!(
            "the witness {name} says that it cosigned {size} events, and no other contradicts it"
        );
        return Err(behind(&what, published));
    }
    let is_answered = |a: &Asked| !matches!(a.outcome, Outcome::Unreachable(_));
    if is_moved && !is_confirmed && !asked.iter().any(is_answered) {
        return Err(AppError::MustNotSign(format!(
            "this centre was copied or restored (it holds {} events), and no witness answers that could say whether it is the newest copy. Bring a witness within reach and give the command again; or, if you know that no newer copy exists, say so once with `comity ledger attest --newest-copy`",
            published.size()
        )));
    }
    Ok(())
}

fn behind(what: &str, published: &SignedCheckpoint) -> AppError {
    AppError::MustNotSign(format!(
        "{what}, and this copy holds {}: it is an older one. To go on, put the newest `ledger/`, `vault/` and `keyring/` in its place (of a later backup, a mirror, or the disk that this one replaces) and run `comity rebuild`. Reading, verifying and exporting still work",
        published.size()
    ))
}
