//! What of the stamps goes into a package or receipt (`docs/format/stamp.md`, In packages and receipts).

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::package::Consistency;

use super::kept::{self, Kept};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::handover::{Handover, Written};

impl Centre {
    /// Writes under `folder`, for each authority, the newest series over a checkpoint not past `checkpoint`. One
    /// that does not hold is passed over for the next older: `comity verify` names it, and a package carries no
    /// broken stamp.
    pub(crate) fn write_stamps(
        &self,
        out: &Handover,
        folder: &str,
        checkpoint: &SignedCheckpoint,
        files: &mut Vec<Written>,
    ) -> Result<Vec<String>> {
        let mut authorities = Vec::new();
        let kept = Kept::list(&self.objects)?;
        for authority in kept.authorities() {
            let whole = kept
                .newest(&authority, checkpoint.size())
                .find_map(|(id, names)| {
                    let (facts, _) = kept::check(&self.objects, id, names);
                    facts.map(|facts| (id, names, facts))
                });
            let Some((id, names, facts)) = whole else {
                continue;
            };
            let tokens = Kept::tokens(names);
            let counts = |name: &&String| {
                use comity_core::stamp::StampFile::{About, Certificates, Revocation};
                match comity_core::stamp::StampFile::of_name(name) {
                    Some(Certificates(n) | Revocation(n) | About(n)) => n < tokens,
                    _ => true,
                }
            };
            for name in names.iter().filter(counts) {
                let path = id.path(name);
                let bytes = self
                    .objects
                    .get(&path)?
                    .ok_or_else(|| AppError::damaged(path, "is missing"))?;
                files.push(out.add(&format!("{folder}{authority}/{name}"), &bytes)?);
            }
            let consistency = Consistency {
                hashes: self
                    .sequencer()
                    .tree
                    .consistency_proof(id.size, checkpoint.size())?,
                old: facts.checkpoint,
                new: checkpoint.as_bytes().to_vec(),
            };
            files.push(out.add(
                &format!("{folder}{authority}/consistency"),
                &consistency.encode(),
            )?);
            authorities.push(authority);
        }
        Ok(authorities)
    }
}
