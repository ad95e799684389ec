//! What a witness saw, held against what the log shows and what other witnesses show: nobody needs the centre's keys
//! for that, and nothing is changed.
//!
//! A log that forked, went back or stopped is said plainly. Where two signed checkpoints contradict each other they are
//! evidence that anyone can check (`docs/format/witness.md`, Evidence of misbehaviour).

mod source;

use std::time::Duration;

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::misbehaviour::{Deed, Misbehaviour};
use comity_witness::{Client, Witness, WitnessError};

use crate::error::{AppError, Result};

pub use source::Source;

/// So long a page of the log or of a witness is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an audit is made with.
pub struct Request<'a> {
    /// The log: an exported tree, its URL, or a centre's folder.
    pub log: Option<&'a Source>,
    /// Monitoring prefixes of other witnesses.
    pub peers: &'a [String],
    /// A log that was not cosigned for so long counts as stopped, in seconds.
    pub stopped_after_secs: u64,
    /// The time now, in seconds since 1970.
    pub now_secs: u64,
}

/// What an audit of one log found.
#[derive(Debug, Default)]
pub struct Report {
    /// The log's origin.
    pub origin: String,
    /// The size that this witness cosigned last, and when.
    pub seen: Option<(u64, u64)>,
    /// The size that the log shows, where it was asked.
    pub shown: Option<u64>,
    /// What is wrong, in sentences.
    pub findings: Vec<String>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
    /// Two signed checkpoints each that cannot both be of one honest log; each verifies.
    pub evidence: Vec<Misbehaviour>,
}

/// A checkpoint that the log signed, and where it was seen.
struct Signed {
    place: String,
    checkpoint: SignedCheckpoint,
}

/// Audits one log that the witness follows.
pub fn audit(witness: &Witness, origin: &str, request: &Request<'_>) -> Result<Report> {
    let broken = |e: WitnessError| AppError::Refused(e.to_string());
    let file = witness.key_file(origin).map_err(broken)?;
    let file = file
        .ok_or_else(|| AppError::Usage(format!("this witness does not follow the log {origin}")))?;
    let keys = LogKeys::parse(&file).map_err(|e| AppError::Usage(e.to_string()))?;
    let mut audit = Audit {
        report: Report {
            origin: origin.to_owned(),
            ..Report::default()
        },
        keys,
        signed: Vec::new(),
        client: Client::new(PATIENCE),
    };
    audit.own(witness, request).map_err(broken)?;
    audit.peers(request.peers);
    audit.compare_pairs();
    if let Some(source) = request.log {
        audit.compare_with(source);
    }
    Ok(audit.report)
}

struct Audit {
    report: Report,
    keys: LogKeys,
    signed: Vec<Signed>,
    client: Client,
}

impl Audit {
    /// What this witness cosigned and what it refused.
    fn own(
        &mut self,
        witness: &Witness,
        request: &Request<'_>,
    ) -> std::result::Result<(), WitnessError> {
        let origin = self.report.origin.clone();
        match witness.seen(&origin)? {
            None => self
                .report
                .notes
                .push("This witness has not cosigned anything of it yet.".to_owned()),
            Some(note) => {
                let when = cosigned_at(witness, &note);
                self.take("this witness", &note);
                if let Some(own) = self.signed.first() {
                    self.report.seen = Some((own.checkpoint.size(), when));
                    let silent = request.now_secs.saturating_sub(when);
                    if silent > request.stopped_after_secs {
                        self.report.findings.push(format!(
                            "the log stopped: its last checkpoint came {} ago, and an idle log sends one every hour",
                            ago(silent)
                        ));
                    }
                }
            }
        }
        for note in witness.refused(&origin)? {
            self.take("what this witness refused", &note);
        }
        Ok(())
    }

    fn take(&mut self, place: &str, note: &[u8]) {
        match SignedCheckpoint::parse(note).and_then(|c| c.verify(&self.keys)) {
            Ok(checkpoint) => self.signed.push(Signed {
                place: place.to_owned(),
                checkpoint,
            }),
            Err(e) => self.report.findings.push(format!("{place}: {e}")),
        }
    }

    fn peers(&mut self, peers: &[String]) {
        for url in peers {
            match self.client.latest(url, &self.keys) {
                Ok(Some(checkpoint)) => {
                    self.report
                        .notes
                        .push(format!("{url} shows {} events.", checkpoint.size()));
                    self.signed.push(Signed {
                        place: url.clone(),
                        checkpoint,
                    });
                }
                Ok(None) => self
                    .report
                    .notes
                    .push(format!("{url} has not cosigned this log.")),
                Err(what) => self
                    .report
                    .notes
                    .push(format!("A witness was not compared with: {what}.")),
            }
        }
    }

    /// Two trees of one size need no proof.
    fn compare_pairs(&mut self) {
        let mut proved = Vec::new();
        for (i, one) in self.signed.iter().enumerate() {
            for other in self.signed.iter().skip(i + 1) {
                let (a, b) = (&one.checkpoint, &other.checkpoint);
                if a.size() == b.size() && a.root() != b.root() {
                    let what = format!(
                        "the log signed two trees of {} events: {} has one, {} the other",
                        a.size(),
                        one.place,
                        other.place
                    );
                    proved.push((what, self.evidence(Deed::Fork, *b.root(), Vec::new(), a, b)));
                }
            }
        }
        for (what, evidence) in proved {
            self.prove(what, evidence);
        }
    }

    /// Everything that was seen must be a beginning of what the log shows.
    fn compare_with(&mut self, source: &Source) {
        let tree = match source.open(&self.keys, &self.client) {
            Ok(tree) => tree,
            Err(e) => {
                self.report
                    .findings
                    .push(format!("the log could not be read: {e}"));
                return;
            }
        };
        let shown = tree.checkpoint();
        self.report.shown = Some(shown.size());
        let mut said = Vec::new();
        for Signed { place, checkpoint } in &self.signed {
            if checkpoint.size() > shown.size() {
                let what = format!(
                    "the log went back: {place} has {} events with its signatures, and it shows {} now",
                    checkpoint.size(),
                    shown.size()
                );
                let evidence =
                    self.evidence(Deed::Rollback, *shown.root(), Vec::new(), checkpoint, shown);
                said.push((what, evidence));
                continue;
            }
            match tree.root_and_proof(checkpoint.size()) {
                Ok((root, _)) if root == *checkpoint.root() => {}
                Ok((root, hashes)) => {
                    let what = format!(
                        "the log signed two trees: the {} events that {place} has are not the first {} of the {} that it shows now",
                        checkpoint.size(),
                        checkpoint.size(),
                        shown.size()
                    );
                    said.push((
                        what,
                        self.evidence(Deed::Fork, root, hashes, checkpoint, shown),
                    ));
                }
                Err(e) => said.push((format!("the log could not be read: {e}"), None)),
            }
        }
        for (what, evidence) in said {
            self.prove(what, evidence);
        }
    }

    /// Evidence that verifies, or none.
    fn evidence(
        &self,
        deed: Deed,
        root: comity_core::Digest,
        hashes: Vec<comity_core::Digest>,
        first: &SignedCheckpoint,
        second: &SignedCheckpoint,
    ) -> Option<Misbehaviour> {
        let evidence = Misbehaviour {
            deed,
            root,
            hashes,
            keys: self.keys.to_file().into_bytes(),
            first: first.as_bytes().to_vec(),
            second: second.as_bytes().to_vec(),
        };
        evidence
            .verify(Some(&self.keys))
            .is_ok()
            .then_some(evidence)
    }

    fn prove(&mut self, what: String, evidence: Option<Misbehaviour>) {
        self.report.findings.push(what);
        // Several places may have the same two checkpoints.
        self.report
            .evidence
            .extend(evidence.filter(|e| !self.report.evidence.contains(e)));
    }
}

/// When this witness cosigned, by its own signature.
fn cosigned_at(witness: &Witness, note: &[u8]) -> u64 {
    let verified = comity_core::note::Note::parse(note)
        .and_then(|note| note.verify(witness.cosigner().vkeys()))
        .unwrap_or_default();
    verified
        .iter()
        .filter_map(|v| v.time_secs)
        .max()
        .unwrap_or(0)
}

fn ago(seconds: u64) -> String {
    match seconds {
        s if s < 7200 => format!("{} minutes", s / 60),
        s if s < 172_800 => format!("{} hours", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}
