//! Which checkpoint goes into a paper, and with whose signatures.

use std::time::Duration;

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::policy::Attestation;

use super::kept::{self, Cosigned};
use super::round::Asked;
use super::setting::Setting;
use super::status::Status;
use crate::ambient::time_text;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::page::Vouching;
use crate::receipt::published;

impl Centre {
    /// From now on papers wait so long for the quorum of witnesses; without it they say 'not yet attested'.
    pub fn wait_for_attestation(&self, at_most: Duration) {
        let millis = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX);
        self.patience_millis
            .store(millis, std::sync::atomic::Ordering::Relaxed);
    }

    /// What is attested, by whom, and how old that is.
    pub fn attestation(&self) -> Result<Status> {
        self.attester.status()
    }

    /// Submits the published checkpoint to the witnesses now, and says what each answered.
    pub fn attest(&self) -> Result<Vec<Asked>> {
        let checkpoint = published(self)?;
        self.attester.go_by(Setting::read(&mut self.session()?)?);
        self.attester.attest(checkpoint.as_bytes())
    }

    /// Says that no newer copy of this centre exists, where no witness answers that could tell (ADR 0004). They are
    /// asked first: nobody's word goes against what a witness proves.
    pub fn vouch_for_this_copy(&self) -> Result<()> {
        let checkpoint = published(self)?;
        self.attester.vouch(checkpoint.as_bytes())
    }

    /// The attestation of the checkpoint of `size` events, as far as it is kept; empty where there is none.
    pub fn attestation_of(&self, size: u64) -> Result<Attestation> {
        let Some(setting) = self.attester.setting() else {
            return Ok(Attestation::default());
        };
        let kept = kept::of_size(&self.objects, &self.log_keys(), &setting.policy, size)?;
        Ok(kept.map(|c| c.attestation).unwrap_or_default())
    }

    /// What the page of a paper says of who vouches for this checkpoint; `stamps` are the authorities whose time
    /// stamps go along.
    pub(crate) fn vouching(
        &self,
        checkpoint: &SignedCheckpoint,
        stamps: Vec<String>,
    ) -> Result<Vouching> {
        let witnesses = match self.attester.setting() {
            None => None,
            Some(setting) => {
                let attestation = setting.policy.attestation(checkpoint.note());
                let attestation =
                    attestation.map_err(|e| AppError::damaged("the checkpoint", e.to_string()))?;
                Some(in_words(&attestation))
            }
        };
        Ok(Vouching {
            fingerprint: self.log_keys().fingerprint_groups(),
            witnesses,
            stamps,
        })
    }

    /// The checkpoint for a paper that speaks of the first `covers` events: the newest attested one that covers them,
    /// waited for as long as [`Centre::wait_for_attestation`] said; or else the published one, with the cosignatures
    /// that it has.
    pub(crate) fn checkpoint_for_paper(&self, covers: u64) -> Result<SignedCheckpoint> {
        let now = published(self)?;
        let Some(setting) = self.attester.setting() else {
            return Ok(now);
        };
        let (objects, keys) = (&self.objects, &self.log_keys());
        let attested = || -> Result<Option<Cosigned>> {
            let all = kept::all(objects, keys, &setting.policy)?;
            let is_fit = |c: &Cosigned| {
                c.attestation.attested_secs.is_some()
                    && (covers..=now.size()).contains(&c.checkpoint.size())
            };
            Ok(all.into_iter().rev().find(is_fit))
        };
        let patience = self
            .patience_millis
            .load(std::sync::atomic::Ordering::Relaxed);
        let found = self
            .attester
            .wait_for(Duration::from_millis(patience), attested)?;
        if let Some(found) = found {
            return Ok(found.checkpoint);
        }
        let kept = kept::of_size(objects, keys, &setting.policy, now.size())?;
        Ok(kept
            .filter(|c| c.checkpoint.root() == now.root())
            .map_or(now, |c| c.checkpoint))
    }
}

fn in_words(attestation: &Attestation) -> String {
    let time = |secs: u64| {
        let time = time_text(i64::try_from(secs.saturating_mul(1_000_000)).unwrap_or(i64::MAX));
        format!("{} UTC", time.get(..19).unwrap_or(&time).replace('T', " "))
    };
    let names: Vec<String> = attestation
        .seen
        .iter()
        .map(|seen| format!("{} ({})", seen.name, time(seen.time_secs)))
        .collect();
    match (attestation.attested_secs, names.is_empty()) {
        (Some(_), _) => format!("attested by {}", names.join(", ")),
        (None, true) => "NOT YET ATTESTED: no witness has cosigned the checkpoint".to_owned(),
        (None, false) => format!("NOT YET ATTESTED: cosigned by {} only", names.join(", ")),
    }
}
