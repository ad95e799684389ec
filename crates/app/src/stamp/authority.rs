//! The authorities that are asked for stamps: set and removed by events.

use comity_core::id::ChainId;
use comity_core::json::{self, Value};
use comity_core::stamp::{Certificates, HashKind, is_authority_name};
use comity_seal::Key;

use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::commit::{Committed, Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;
use crate::project::facts::open_facts;
use crate::sql::Session;

/// An authority as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The number of its chain.
    pub no: i64,
    /// Its name: 1 to 32 of `a-z 0-9 -`.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// Its certificates in PEM, a root among them.
    pub certificates: String,
    /// The hash function of imprints.
    pub hash: HashKind,
    /// Whether it is called qualified.
    pub qualified: bool,
}

impl Centre {
    /// The authorities that are asked, in the order of their names.
    pub fn stamp_authorities(&self, session: &mut Session) -> Result<Vec<Authority>> {
        let rows = session.query(
            "SELECT a.no, a.name, a.facts, c.content_key FROM stamp_authorities a JOIN chains c ON c.no = a.no WHERE a.removed = 0 ORDER BY a.no",
            &[],
        )?;
        let mut found = std::collections::BTreeMap::new();
        for row in rows {
            let name = row.text(1)?.to_owned();
            let broken = |what: &str| {
                AppError::damaged("table stamp_authorities", format!("{name}: {what}"))
            };
            let (Some(facts), Some(secret)) =
                (row.opt_blob(2)?, self.keys.item(row.int(3)? as u64)?)
            else {
                continue;
            };
            let clear = open_facts(&Key::new(secret.first), "stamp_authorities", facts)?;
            let value = json::parse(&clear).map_err(|e| broken(&e.to_string()))?;
            let text = |member: &str| {
                value
                    .get(member)
                    .and_then(Value::as_str)
                    .ok_or_else(|| broken("a member is missing"))
            };
            let authority = Authority {
                no: row.int(0)?,
                url: text("url")?.to_owned(),
                certificates: text("certificates")?.to_owned(),
                hash: HashKind::of_name(text("hash")?).ok_or_else(|| broken("its hash"))?,
                qualified: value.get("qualified").and_then(Value::as_bool) == Some(true),
                name: name.clone(),
            };
            // What is set later counts.
            found.insert(name, authority);
        }
        Ok(found.into_values().collect())
    }

    /// Sets an authority: a new one, or other facts of one that is there. `no` of `authority` is of no account.
    pub fn set_stamp_authority(&self, actor: &Actor, authority: &Authority) -> Result<Committed> {
        well_formed(authority)?;
        let act = SolemnAct::SetStampAuthority(authority.clone());
        let random = &*self.ambient.random;
        let chain = ChainId(self.ambient.bytes());
        let (own, secret) = self.own_key(CENTRE_KEY, &chain, None)?;
        let event = EventDraft::new("stamp_authority_set", &actor.person, &self.now(), random)
            .custody("authority", authority.name.as_str())
            .content("url", authority.url.as_str())
            .content("hash", authority.hash.name())
            .content("qualified", authority.qualified)
            .content("certificates", authority.certificates.as_str())
            .signed(actor, &self.config.origin)?;
        let id = event.id();
        let event = event.seal(&self.keys.scope_key(CENTRE_KEY)?, &own, random)?;
        let draft = Draft {
            subject: Subject::New(chain),
            event,
            secret: Some(secret),
            object: ObjectAt::Unknown,
        };
        self.append_act(actor, &act, id, &draft)
    }

    /// Asks an authority no longer. What it stamped stays.
    pub fn remove_stamp_authority(&self, actor: &Actor, name: &str) -> Result<Committed> {
        let mut session = self.session()?;
        let found = self
            .stamp_authorities(&mut session)?
            .into_iter()
            .find(|authority| authority.name == name)
            .ok_or_else(|| unknown(name))?;
        let random = &*self.ambient.random;
        let own = self.chain_key(&mut session, found.no)?;
        let event = EventDraft::new(
            "stamp_authority_removed",
            &actor.person,
            &self.now(),
            random,
        )
        .custody("authority", name)
        .signed(actor, &self.config.origin)?;
        let id = event.id();
        let event = event.seal(&self.keys.scope_key(CENTRE_KEY)?, &own, random)?;
        let draft = Draft {
            subject: Subject::Known(found.no),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        let act = SolemnAct::RemoveStampAuthority(name.to_owned());
        self.append_act(actor, &act, id, &draft)
    }
}

/// Whether name, address and certificates can be those of an authority.
pub(crate) fn well_formed(authority: &Authority) -> Result<()> {
    if !is_authority_name(&authority.name) {
        return Err(AppError::Usage(format!(
            "{:?} cannot be the name of an authority: 1 to 32 small letters, digits and hyphens",
            authority.name
        )));
    }
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| authority.url.starts_with(scheme));
    if !is_address || authority.url.contains(char::is_whitespace) {
        return Err(AppError::Usage(format!(
            "{:?} is no address of an authority: http://… or https://…",
            authority.url
        )));
    }
    Certificates::parse_pem(authority.certificates.as_bytes())
        .map_err(|e| AppError::Usage(format!("the certificates of the authority: {e}")))?;
    Ok(())
}

/// The error for a name that is none of an authority.
pub(super) fn unknown(name: &str) -> AppError {
    AppError::Usage(format!(
        "there is no stamp authority {name:?}: `comity stamp authority list` shows them, `comity stamp authority add` adds one"
    ))
}
