//! The policy of the centre: whose cosignatures it asks for.

use comity_core::policy::Policy;

use super::POLICY;
use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::commit::{Committed, Subject};
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::sql::Session;

/// An attestation older than this is warned of, unless the policy was set with another figure, in seconds. An idle
/// log submits again every hour.
pub const DEFAULT_WARN_AFTER_SECS: u64 = 3 * 3600;

/// The policy as it was set last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The leaf of the event that set it.
    pub leaf: u64,
    /// The policy.
    pub policy: Policy,
    /// From which age on an attestation is warned of, in seconds.
    pub warn_after_secs: u64,
}

impl Setting {
    /// Reads the setting from the tables; `None` where none was set yet.
    pub(crate) fn read(session: &mut Session) -> Result<Option<Setting>> {
        let row = session.query_one(
            "SELECT leaf, policy, warn_after FROM witness_policies ORDER BY leaf DESC LIMIT 1",
            &[],
        )?;
        let Some(row) = row else { return Ok(None) };
        let policy = row.text(1)?.parse::<Policy>();
        Ok(Some(Setting {
            leaf: row.int(0)? as u64,
            policy: policy
                .map_err(|e| AppError::damaged("table witness_policies", e.to_string()))?,
            warn_after_secs: row.int(2)? as u64,
        }))
    }
}

impl Centre {
    /// The centre's policy; `None` where none was set.
    pub fn witness_policy(&self, session: &mut Session) -> Result<Option<Setting>> {
        Setting::read(session)
    }

    /// The setting of the policy from the text of a tlog-policy file, as it is proposed. `log` lines in it must be of
    /// this log, or be left out.
    pub fn witnesses_act(&self, text: &str, warn_after_secs: u64) -> Result<SolemnAct> {
        Ok(SolemnAct::Witnesses {
            policy: self.policy_of(text)?.to_string(),
            warn_after: warn_after_secs,
        })
    }

    fn policy_of(&self, text: &str) -> Result<Policy> {
        let given: Policy = text
            .parse()
            .map_err(|e| AppError::Usage(format!("this is no policy: {e}")))?;
        let keys = self.log_keys();
        let ours = keys.vkeys();
        if let Some(log) = given.logs().iter().find(|log| !ours.contains(&log.vkey)) {
            return Err(AppError::Usage(format!(
                "the policy names the log {}, which is not this centre's: leave its log lines out",
                log.vkey.name()
            )));
        }
        if given.asks_for_witnesses() && given.submission_urls().is_empty() {
            return Err(AppError::Usage(
                "no witness of the policy has a URL: checkpoints could not be submitted to any"
                    .to_owned(),
            ));
        }
        if let Some(w) = given.witnesses().iter().find(|w| !is_url(w.url.as_deref())) {
            return Err(AppError::Usage(format!(
                "the URL of the witness {} does not begin with http:// or https://",
                w.name
            )));
        }
        Ok(given.for_log(ours, false))
    }

    /// Sets the policy, and records it.
    pub fn set_witness_policy(
        &self,
        actor: &Actor,
        text: &str,
        warn_after_secs: u64,
    ) -> Result<(Setting, Committed)> {
        let policy = self.policy_of(text)?;
        let act = self.witnesses_act(text, warn_after_secs)?;
        let event = self
            .draft("witnesses_set", actor)
            .custody("policy", policy.to_string())
            .custody("warn_after", warn_after_secs)
            .signed(actor, &self.config.origin)?;
        let id = event.id();
        let centre = self.own_chain(&mut self.session()?)?;
        let draft = self.custody_of_centre(Subject::Known(centre), event)?;
        let at = self.append_act(actor, &act, id, &draft)?;
        self.attester.settle_here(at.index + 1)?;
        self.settle_policy()?;
        let setting = Setting {
            leaf: at.index,
            policy,
            warn_after_secs,
        };
        Ok((setting, at))
    }

    /// The copy of the policy under `ledger/`, for those who read without tables, follows the events.
    pub(crate) fn settle_policy(&self) -> Result<()> {
        let Some(setting) = Setting::read(&mut self.session()?)? else {
            return Ok(());
        };
        let text = setting.policy.to_string();
        if self.objects.get(POLICY)?.as_deref() != Some(text.as_bytes()) {
            self.objects.put(POLICY, text.as_bytes())?;
        }
        Ok(())
    }

    /// The key file as it is handed over: with what the policy says of witnesses.
    pub fn key_file(&self) -> Result<String> {
        let setting = Setting::read(&mut self.session()?)?;
        Ok(self
            .log_keys()
            .to_file_with(setting.as_ref().map(|s| &s.policy)))
    }
}

fn is_url(url: Option<&str>) -> bool {
    url.is_none_or(|url| url.starts_with("http://") || url.starts_with("https://"))
}
