//! Succession of the log's keys (`docs/format/succession.md`, ADR 0009).
//!
//! The event is the point of no return: whoever takes the lock after it signs with the keys that it names. The new
//! secret is durable before it. What follows it, the end of the old secret and a new epoch of the keyring, the next
//! opening finishes.

mod lost;
mod reigns;

use comity_core::checkpoint::{LogKeys, LogSigner};
use comity_core::succession::{Chain, Heirs, Statement, Succession, Vouched};
use comity_core::vkey::Vkey;
use comity_keyring::{Kind, NewKey, Secret};

use crate::acts::{SolemnAct, are_two};
use crate::centre::{Centre, KEYS_FILE};
use crate::commit::Group;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::sql::Session;

pub use lost::{Drafted, sign_draft};
pub(crate) use reigns::{Current, FILE, Reigns, kept, known, size_of};

/// The subject of a log key's slot.
pub(crate) const LABEL: &str = "log";

/// New keys of the log, or new heirs, that stand in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succeeded {
    /// The size of the last tree of the keys before.
    pub size: u64,
    /// The index of the event.
    pub leaf: u64,
    /// What happened, in words.
    pub what: String,
}

/// Keys of the log that nothing names yet, durable in the keyring.
struct Fresh {
    number: u64,
    signer: LogSigner,
}

impl Centre {
    /// Gives the log new keys, signed by the old ones. Its heirs stay.
    pub fn succeed_log_keys(&self, actor: &Actor, reason: Option<&str>) -> Result<Succeeded> {
        // Said before the keyring is changed.
        actor.signer()?;
        let solemn = SolemnAct::SucceedKeys {
            reason: given(reason),
        };
        self.may_act(&mut self.session()?, actor, &solemn)?;
        let _turn = self.key_turn()?;
        let fresh = self.fresh_log_keys()?;
        self.record_succession(actor, &solemn, Some(fresh.number), &|group, chain| {
            let old = self.reigns().signer(group.session, group.next_index())?;
            let says = Succession {
                origin: self.config.origin.clone(),
                size: group.next_index(),
                root: group.root(),
                old: old.keys().vkeys().to_vec(),
                new: fresh.signer.keys().vkeys().to_vec(),
                heirs: chain.heirs().cloned().unwrap_or_default(),
            };
            signed(says, &[&old, &fresh.signer])
        })
    }

    /// The act of naming the persons of whom any `need` may name the log's next keys when the present ones are lost or
    /// stolen; none takes the former ones away. Each has a registered key.
    pub fn heirs_act(&self, need: usize, persons: &[String]) -> Result<SolemnAct> {
        let mut heirs = Vec::new();
        for person in persons {
            let found = self.actor(&mut self.session()?, person)?;
            let key = found.registered.ok_or_else(|| {
                AppError::Usage(format!(
                    "{person} has registered no key, and without one cannot sign as an heir: `comity person key` registers one"
                ))
            })?;
            heirs.push(heir(&found.person, &key)?.to_string());
        }
        Ok(SolemnAct::NameHeirs { need, heirs })
    }

    /// Names the heirs as [`Centre::heirs_act`] made the act. Keys that were replaced meanwhile are refused.
    pub fn name_heirs(&self, actor: &Actor, act: &SolemnAct) -> Result<Succeeded> {
        actor.signer()?;
        let SolemnAct::NameHeirs { need, heirs } = act else {
            return Err(AppError::Usage(format!("`{}` names no heirs", act.name())));
        };
        let _turn = self.key_turn()?;
        let vkeys: std::result::Result<Vec<Vkey>, _> = heirs.iter().map(|h| h.parse()).collect();
        let heirs = Heirs {
            need: *need,
            vkeys: vkeys.map_err(|e| AppError::Usage(e.to_string()))?,
        };
        let names: Vec<String> = heirs.vkeys.iter().map(|h| h.name().to_owned()).collect();
        if self.heirs_act(*need, &names)?.parameters() != act.parameters() {
            return Err(AppError::Refused(
                "an heir has registered another key meanwhile: name the heirs anew".to_owned(),
            ));
        }
        self.record_succession(actor, act, None, &|group, _| {
            let signer = self.reigns().signer(group.session, group.next_index())?;
            let keys = signer.keys().vkeys().to_vec();
            let says = Succession {
                origin: self.config.origin.clone(),
                size: group.next_index(),
                root: group.root(),
                old: keys.clone(),
                new: keys,
                heirs: heirs.clone(),
            };
            signed(says, &[&signer])
        })
    }

    /// The statement that `make` makes over the tree as it stands, in an event; then what must follow it.
    fn record_succession(
        &self,
        actor: &Actor,
        act: &SolemnAct,
        key: Option<u64>,
        make: &dyn Fn(&mut Group<'_>, &Chain) -> Result<Statement>,
    ) -> Result<Succeeded> {
        let reason = match act {
            SolemnAct::SucceedKeys { reason } => reason.as_deref(),
            _ => None,
        };
        let mut session = self.session()?;
        let (succeeded, _) = self.sequencer().commit(&self.keys, |group| {
            let mut chain = reigns::chain_in(group.session)?;
            let statement = make(group, &chain)?;
            let text = String::from_utf8_lossy(&statement.encode()).into_owned();
            let refused = |e: &dyn std::fmt::Display| AppError::Refused(e.to_string());
            let parsed = Statement::parse(text.as_bytes()).map_err(|e| refused(&e))?;
            let held = chain.push(parsed).map_err(|e| refused(&e))?;
            let (size, what) = (held.says.size, held.in_words());
            let kind = match held.says.only_names_heirs() {
                true => "log_heirs_named",
                false => "log_keys_succeeded",
            };
            let event = self
                .draft(kind, actor)
                .custody("statement", text)
                .custody_opt("key", key)
                .custody_opt("reason", reason)
                .signed(actor, &self.config.origin)?;
            match &held.by {
                Vouched::OldKeys => self.confirm(group, actor, act, event.id())?,
                // Where keys are lost nothing can be proposed: it is the heirs who are several.
                Vouched::Heirs(names) => self.enough_heirs(group.session, actor, act, names)?,
            }
            let leaf = group.push(&self.seal_own(&mut session, event)?)?.index;
            Ok((Succeeded { size, leaf, what }, ()))
        })?;
        self.finish_succession()?;
        Ok(succeeded)
    }

    /// Refuses an act that takes two persons where the heirs who signed and the one who records it are not two.
    fn enough_heirs(
        &self,
        session: &mut Session,
        actor: &Actor,
        act: &SolemnAct,
        heirs: &[String],
    ) -> Result<()> {
        let persons = heirs.iter().map(String::as_str);
        // Who has no key could be anybody.
        let recorder = actor.registered.is_some().then_some(actor.person.as_str());
        match self.needs_two(session, act)? {
            Some(rule) if !are_two(&rule, persons.chain(recorder)) => {
                Err(AppError::Refused(format!(
                    "`{}` takes two persons in this centre{}: let another heir sign, or another person with a registered key record it",
                    act.name(),
                    if rule.other_member {
                        ", of different members"
                    } else {
                        ""
                    }
                )))
            }
            _ => Ok(()),
        }
    }

    /// New keys, durable in the keyring before anything names them.
    fn fresh_log_keys(&self) -> Result<Fresh> {
        let secret = Secret::random(&*self.ambient.random);
        let mut subject = [0; 16];
        subject[..LABEL.len()].copy_from_slice(LABEL.as_bytes());
        let number = self
            .keys
            .add_many(&[NewKey {
                kind: Kind::Secret,
                parent: 0,
                subject,
                secret: secret.clone(),
            }])?
            .start;
        let signer = reigns::signer_of(&self.config.origin, &secret)?;
        Ok(Fresh { number, signer })
    }

    /// What follows the event: the key file for outsiders; and, once no tree of the old keys' is left to be signed,
    /// their end in the keyring, with a new epoch, so that a copy of the keyring's head does not bring them back.
    /// Nothing is done twice: what is done shows in the file, the slots and the events. Whether there was anything.
    fn finish_succession(&self) -> Result<bool> {
        let disk = &self.ambient.disk;
        let file = self.dir.join(KEYS_FILE);
        let ours = self.log_keys();
        let told = disk.read(&file)?.map(|bytes| LogKeys::parse(&bytes));
        // Another file than one of ours from before is damage, which `comity verify` names.
        if let Some(Ok(told)) = told
            && told.chain().statements().len() < ours.chain().statements().len()
            && told.joined(&ours).is_some()
        {
            disk.write_atomic(&file, ours.to_file().as_bytes())?;
        }
        let mut session = self.session()?;
        let rows = reigns::rows(&mut session)?;
        let Some(last) = rows.iter().rposition(|row| row.is_succession) else {
            return Ok(false);
        };
        let newest = "SELECT coalesce(max(leaf), -1) FROM epochs";
        let epoch = session.query_one(newest, &[])?;
        if epoch.map(|row| row.int(0)).transpose()? > Some(rows[last].leaf) {
            return Ok(false);
        }
        let now = rows[last].key;
        let mut former = vec![crate::keys::LOG_KEY];
        former.extend(rows[..last].iter().map(|row| row.key));
        former.retain(|number| *number != now);
        former.dedup();
        self.keys.ring().destroy(&former)?;
        self.epoch_after_succession(&rows[last].actor)?;
        Ok(true)
    }

    /// Finishes a succession that no living process is at.
    pub(crate) fn recover_succession(&self) -> Result<Option<String>> {
        self.reigns().settle_copy(&self.log_keys())?;
        let Some(_turn) = self.try_key_turn()? else {
            return Ok(None);
        };
        let is_open = self.finish_succession()?;
        Ok(is_open.then(|| {
            "A succession of the log's keys was interrupted; the old keys are destroyed now."
                .to_owned()
        }))
    }
}

/// A reason as it is recorded.
fn given(reason: Option<&str>) -> Option<String> {
    let reason = reason.map(str::trim).filter(|r| !r.is_empty());
    reason.map(str::to_owned)
}

/// The key of an heir: the one that the person has registered, under its number.
fn heir(person: &str, key: &[u8; 32]) -> Result<Vkey> {
    Vkey::new_ed25519(person, key).map_err(|e| AppError::Refused(e.to_string()))
}

/// A statement with the signatures of these keys of the log.
fn signed(says: Succession, signers: &[&LogSigner]) -> Result<Statement> {
    let refused = |e: &dyn std::fmt::Display| AppError::Usage(e.to_string());
    let text = says.text();
    let mut statement = Statement::new(says).map_err(|e| refused(&e))?;
    for signer in signers {
        let lines = signer.sign_statement(&text).map_err(|e| refused(&e))?;
        lines.into_iter().for_each(|line| statement.push(line));
    }
    Ok(statement)
}
