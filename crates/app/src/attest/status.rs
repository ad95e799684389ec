//! What is attested, by whom, and how old that is.

use comity_core::checkpoint::LogKeys;
use comity_store::Objects;

use super::kept::{self, Cosigned};
use super::setting::Setting;
use crate::error::Result;

/// A witness of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// The name of its key.
    pub name: String,
    /// Where it takes checkpoints.
    pub url: Option<String>,
    /// The size that it cosigned last, and when by its own word, in seconds since 1970.
    pub last: Option<(u64, u64)>,
}

/// The attestation of a log.
#[derive(Clone, Debug)]
pub struct Status {
    /// The policy; `None` where none is set.
    pub setting: Option<Setting>,
    /// The newest checkpoint for which the quorum holds.
    pub attested: Option<Cosigned>,
    /// Each witness, in the order of the policy.
    pub witnesses: Vec<WitnessStatus>,
    /// Age of the attestation, in seconds; `None` where nothing is attested.
    pub age_secs: Option<i64>,
}

impl Status {
    pub(super) fn read(
        objects: &Objects,
        keys: &LogKeys,
        setting: Option<&Setting>,
        now: i64,
    ) -> Result<Status> {
        let mut status = Status {
            setting: setting.cloned(),
            attested: None,
            witnesses: Vec::new(),
            age_secs: None,
        };
        let Some(setting) = setting else {
            return Ok(status);
        };
        let all = kept::all(objects, keys, &setting.policy)?;
        for witness in setting.policy.witnesses() {
            let name = witness.vkey.name();
            if status.witnesses.iter().any(|w| w.name == name) {
                continue;
            }
            let last = all.iter().rev().find_map(|c| {
                let seen = c.attestation.seen.iter().find(|s| s.name == name)?;
                Some((c.checkpoint.size(), seen.time_secs))
            });
            status.witnesses.push(WitnessStatus {
                name: name.to_owned(),
                url: witness.url.clone(),
                last,
            });
        }
        status.attested = all
            .into_iter()
            .rev()
            .find(|c| c.attestation.attested_secs.is_some());
        let since = status
            .attested
            .as_ref()
            .and_then(|c| c.attestation.attested_secs);
        status.age_secs = since.map(|since| now - i64::try_from(since).unwrap_or(i64::MAX));
        Ok(status)
    }

    /// A warning that nobody should overlook, where one is due: nothing is attested, or nothing of late.
    pub fn warning(&self) -> Option<String> {
        let setting = self.setting.as_ref()?;
        if !setting.policy.asks_for_witnesses() {
            return None;
        }
        let waiting: Vec<&str> = self
            .witnesses
            .iter()
            .filter(|w| {
                let attested = self.attested.as_ref().map_or(0, |c| c.checkpoint.size());
                w.last.is_none_or(|(size, _)| size < attested) || self.attested.is_none()
            })
            .map(|w| w.name.as_str())
            .collect();
        let hint = match waiting.as_slice() {
            [] => String::new(),
            names => format!(" Not heard of: {}.", names.join(", ")),
        };
        match self.age_secs {
            None => Some(format!(
                "WARNING: no checkpoint of this log is attested: the quorum of its witnesses has not cosigned any. Whoever controls this machine could still rewrite it unseen.{hint} `comity ledger attest` asks them now."
            )),
            Some(age) if age > i64::try_from(setting.warn_after_secs).unwrap_or(i64::MAX) => {
                Some(format!(
                    "WARNING: the last attestation is {} old. What was recorded since could still be rewritten unseen by whoever controls this machine.{hint} `comity ledger attest` asks the witnesses now.",
                    words(age)
                ))
            }
            Some(_) => None,
        }
    }
}

fn words(seconds: i64) -> String {
    match seconds {
        s if s < 7200 => format!("{} minutes", s / 60),
        s if s < 172_800 => format!("{} hours", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}
