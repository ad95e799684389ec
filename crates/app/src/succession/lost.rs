//! Keys that are lost or stolen: the heirs sign for new ones, each on a machine of their own.

use comity_core::succession::{Statement, Succession};

use super::{Succeeded, given, heir, reigns, signed};
use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::person_key::PersonKey;

/// A statement that waits for its heirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// The statement, signed by the new keys.
    pub bytes: Vec<u8>,
    /// How many heirs must sign it.
    pub need: usize,
    /// Who may.
    pub heirs: Vec<String>,
    /// The size of the last tree of the lost keys.
    pub size: u64,
}

impl Centre {
    /// Makes new keys for the log, and the statement that its heirs sign. Nothing is recorded yet.
    pub fn draft_succession(&self) -> Result<Drafted> {
        let _turn = self.key_turn()?;
        let chain = reigns::chain_in(&mut self.session()?)?;
        let heirs = chain.heirs().cloned().ok_or_else(|| {
            AppError::Refused(
                "no heirs of the log's keys were named while these were there, so nobody can vouch for new ones: this log cannot go on under its name"
                    .to_owned(),
            )
        })?;
        let (size, root) = {
            let sequencer = self.sequencer();
            (sequencer.tree.size(), sequencer.tree.root())
        };
        let fresh = self.fresh_log_keys()?;
        let says = Succession {
            origin: self.config.origin.clone(),
            size,
            root,
            old: self.log_keys().vkeys().to_vec(),
            new: fresh.signer.keys().vkeys().to_vec(),
            heirs: heirs.clone(),
        };
        let statement = signed(says, &[&fresh.signer])?;
        Ok(Drafted {
            bytes: statement.encode(),
            need: heirs.need,
            heirs: heirs.vkeys.iter().map(|h| h.name().to_owned()).collect(),
            size,
        })
    }

    /// Records a statement that enough heirs have signed. The tree must be as it was when it was drafted.
    pub fn succeed_by_heirs(
        &self,
        actor: &Actor,
        statement: &[u8],
        reason: Option<&str>,
    ) -> Result<Succeeded> {
        actor.signer()?;
        let statement = Statement::parse(statement)
            .map_err(|e| AppError::Usage(e.to_string()))?
            .to_be_signed();
        let _turn = self.key_turn()?;
        let number = self.number_of(statement.says())?;
        let solemn = SolemnAct::SucceedKeys {
            reason: given(reason),
        };
        self.record_succession(actor, &solemn, Some(number), &|group, _| {
            let says = statement.says();
            if (says.size, says.root) != (group.next_index(), group.root()) {
                return Err(AppError::Refused(format!(
                    "the statement is over {} events, and the log has {}: draft another one, and record nothing until it is signed",
                    says.size,
                    group.next_index()
                )));
            }
            Ok(statement.clone())
        })
    }

    /// Which keys of the keyring a statement names as the new ones.
    fn number_of(&self, says: &Succession) -> Result<u64> {
        let ring = self.keys.ring();
        for number in ring.secrets_of(super::LABEL)? {
            let Ok(secret) = ring.open_key(number) else {
                continue;
            };
            let signer = reigns::signer_of(&self.config.origin, &secret)?;
            if signer.keys().vkeys() == says.new {
                return Ok(number);
            }
        }
        Err(AppError::Usage(
            "the statement names new keys that are not in this centre's keyring: it was drafted elsewhere"
                .to_owned(),
        ))
    }
}

/// Adds an heir's signature to a drafted statement, on any machine. The heir has read what it says.
///
/// # Errors
/// A file that is no statement.
pub fn sign_draft(
    statement: &[u8],
    person: &str,
    key: &PersonKey,
) -> Result<(Succession, Vec<u8>)> {
    let mut statement = Statement::parse(statement)
        .map_err(|e| AppError::Usage(e.to_string()))?
        .to_be_signed();
    let vkey = heir(person, &key.public())?;
    let text = statement.says().text();
    statement.push(comity_core::note::NoteSignature {
        name: person.to_owned(),
        key_id: vkey.key_id(),
        signature: key.sign_text(&text).to_vec(),
    });
    Ok((statement.says().clone(), statement.encode()))
}
