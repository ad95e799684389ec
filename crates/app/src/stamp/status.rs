//! How far the stamps are, for people who look.

use super::kept::{self, Kept};
use crate::centre::Centre;
use crate::error::Result;
use crate::sql::Session;

/// The state of one authority's stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampStatus {
    /// Its name.
    pub authority: String,
    /// Whether it is asked still.
    pub configured: bool,
    /// Size of the newest checkpoint that it stamped, and the time by which that existed, in seconds since 1970.
    pub newest: Option<(u64, u64)>,
    /// When the newest token's chain ends, in seconds since 1970.
    pub valid_until_secs: Option<u64>,
    /// How many checkpoints it has stamped.
    pub checkpoints: u64,
    /// What was wrong when it was last asked, and when, in seconds since 1970; `None` when all was well.
    pub failed: Option<(u64, String)>,
    /// What is wrong with the newest stamp as it is kept.
    pub damaged: Option<String>,
}

impl Centre {
    /// The state of every authority's stamps, by name.
    pub fn stamp_status(&self, session: &mut Session) -> Result<Vec<StampStatus>> {
        let kept = Kept::list(&self.objects)?;
        let configured: Vec<String> = self
            .stamp_authorities(session)?
            .into_iter()
            .map(|authority| authority.name)
            .collect();
        let mut names = kept.authorities();
        names.extend(configured.iter().cloned());
        names.sort();
        names.dedup();
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let newest = kept.newest(&name, u64::MAX).next();
            let (facts, findings) = match newest {
                Some((id, files)) => kept::check(&self.objects, id, files),
                None => (None, Vec::new()),
            };
            let tokens = facts.as_ref().map(|facts| &facts.tokens);
            let first = tokens.and_then(|tokens| tokens.first());
            all.push(StampStatus {
                configured: configured.contains(&name),
                newest: match (newest, first) {
                    (Some((id, _)), Some(token)) => Some((id.size, token.facts.latest_secs)),
                    _ => None,
                },
                valid_until_secs: tokens
                    .and_then(|tokens| tokens.last())
                    .map(|token| token.facts.valid_secs.1),
                checkpoints: kept.newest(&name, u64::MAX).count() as u64,
                failed: self.last_failure(session, &name)?,
                damaged: findings
                    .first()
                    .map(|(file, what)| format!("{file} {what}")),
                authority: name,
            });
        }
        Ok(all)
    }

    /// Remembers how asking ended: `error` is empty when all was well. A state of the machine, not of the log: it is
    /// no projection, and lost with the tables.
    pub(super) fn note_try(&self, session: &mut Session, name: &str, error: &str) -> Result<()> {
        session.execute("DELETE FROM stamp_tries WHERE name = ?", &[name.into()])?;
        session.insert(
            "stamp_tries",
            &["name", "at", "error"],
            &[name.into(), (self.now_secs() as i64).into(), error.into()],
        )?;
        Ok(())
    }

    fn last_failure(&self, session: &mut Session, name: &str) -> Result<Option<(u64, String)>> {
        let row = session.query_one(
            "SELECT at, error FROM stamp_tries WHERE name = ? AND error <> ''",
            &[name.into()],
        )?;
        row.map(|row| Ok((row.int(0)? as u64, row.text(1)?.to_owned())))
            .transpose()
    }
}
