//! Members, persons and cases.

use comity_core::id::{ChainId, MemberCode};
use comity_keyring::{Kind, Secret};
use comity_seal::Key;

use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::commit::{Committed, Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft, NumberedKey};
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;
use crate::project::facts::open_facts;
use crate::sql::{Row, Session};

/// A member, person or case as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The number of its chain.
    pub no: i64,
    /// Member code, person number or case code.
    pub code: String,
    /// Its name; `None` once it has been erased.
    pub name: Option<String>,
    /// For a person: the member's code.
    pub member: Option<String>,
}

impl Centre {
    /// A new key for a chain's own content, wrapped by a scope and durable; `data_key` becomes its second half.
    pub(crate) fn own_key(
        &self,
        scope: u64,
        chain: &ChainId,
        data_key: Option<[u8; 32]>,
    ) -> Result<(NumberedKey, Secret)> {
        let mut secret = Secret::random(&*self.ambient.random);
        secret.second = data_key.unwrap_or_default();
        let number = self.keys.add(Kind::Item, scope, chain.0, &secret)?;
        Ok((
            NumberedKey {
                number,
                key: Key::new(secret.first),
            },
            secret,
        ))
    }

    fn named(&self, table: &str, row: &Row, member: Option<String>) -> Result<Named> {
        let name = match (
            row.opt_blob(2)?,
            self.keys
                .item_unless_locked(row.int(3)? as u64)?
                .ok()
                .flatten(),
        ) {
            (Some(facts), Some(secret)) => {
                let clear = open_facts(&Key::new(secret.first), table, facts)?;
                Some(String::from_utf8(clear).map_err(|_| {
                    AppError::damaged(format!("table {table}"), "a name is not text")
                })?)
            }
            _ => None,
        };
        Ok(Named {
            no: row.int(0)?,
            code: row.text(1)?.to_owned(),
            name,
            member,
        })
    }

    /// The members, in the order of their registration.
    pub fn members(&self, session: &mut Session) -> Result<Vec<Named>> {
        let rows = session.query("SELECT t.no, t.code, t.facts, c.content_key FROM members t JOIN chains c ON c.no = t.no ORDER BY t.no", &[])?;
        rows.iter()
            .map(|r| self.named("members", r, None))
            .collect()
    }

    /// The cases, in the order of their opening.
    pub fn cases(&self, session: &mut Session) -> Result<Vec<Named>> {
        let rows = session.query("SELECT t.no, t.code, t.facts, c.content_key FROM cases t JOIN chains c ON c.no = t.no ORDER BY t.no", &[])?;
        rows.iter().map(|r| self.named("cases", r, None)).collect()
    }

    /// The registered persons, in the order of their registration.
    pub fn persons(&self, session: &mut Session) -> Result<Vec<Named>> {
        let rows = session.query(
            "SELECT t.no, t.number, t.facts, c.content_key, m.code FROM persons t JOIN chains c ON c.no = t.no JOIN members m ON m.no = t.member ORDER BY t.no",
            &[],
        )?;
        rows.iter()
            .map(|r| self.named("persons", r, Some(r.text(4)?.to_owned())))
            .collect()
    }

    /// The person that `--actor` names: by number (`UKR-P0001`), or by the exact name where it is one person's only.
    pub fn actor(&self, session: &mut Session, given: &str) -> Result<Actor> {
        let persons = self.persons(session)?;
        let found: Vec<&Named> = match persons.iter().find(|p| p.code == given) {
            Some(one) => vec![one],
            None => persons
                .iter()
                .filter(|p| p.name.as_deref() == Some(given))
                .collect(),
        };
        match found.as_slice() {
            [one] => Ok(Actor {
                person: one.code.clone(),
                no: one.no,
                member: one.member.clone().unwrap_or_default(),
                registered: self.registered_key(session, one.no)?,
                key: None,
                confirms: None,
            }),
            [] => Err(AppError::Usage(format!(
                "{given:?} is not a registered person: `comity person list` shows them, `comity person add` registers one"
            ))),
            many => {
                let codes: Vec<&str> = many.iter().map(|p| p.code.as_str()).collect();
                Err(AppError::Usage(format!(
                    "{given:?} is the name of several persons ({}): give the number",
                    codes.join(", ")
                )))
            }
        }
    }

    /// The case that `--case` names: by code or by exact name.
    pub fn case(&self, session: &mut Session, given: &str) -> Result<Named> {
        let cases = self.cases(session)?;
        let by_code = cases.iter().find(|c| c.code == given);
        match by_code.or_else(|| cases.iter().find(|c| c.name.as_deref() == Some(given))) {
            Some(case) => Ok(case.clone()),
            None => Err(AppError::Usage(format!(
                "there is no case {given:?}: `comity case list` shows them, `comity case new` opens one"
            ))),
        }
    }

    /// The member of a code.
    pub fn member(&self, session: &mut Session, code: &MemberCode) -> Result<Named> {
        self.members(session)?
            .into_iter()
            .find(|m| m.code == code.as_str())
            .ok_or_else(|| {
                AppError::Usage(format!(
                    "{code} is not a member of this centre: `comity member list` shows them"
                ))
            })
    }

    /// Registers a person of a member. Returns the person's number. It is signed where the actor has brought a key.
    pub fn add_person(
        &self,
        actor: &Actor,
        member: &MemberCode,
        name: &str,
    ) -> Result<(String, Committed)> {
        if name.trim().is_empty() {
            return Err(AppError::Usage("a person needs a name".to_owned()));
        }
        let act = SolemnAct::AddPerson {
            member: *member,
            name: name.to_owned(),
        };
        let random = &*self.ambient.random;
        let chain = ChainId(self.ambient.bytes());
        let row = self.member(&mut self.session()?, member)?;
        let mut sequencer = self.sequencer();
        sequencer.commit(&self.keys, |group| {
            let scope = group
                .projector()
                .0
                .member(member.as_str())
                .map_or(0, |m| m.scope_key);
            let count = group.session.query_one(
                "SELECT count(*) FROM persons WHERE member = ?",
                &[row.no.into()],
            )?;
            let number = format!(
                "{member}-P{:04}",
                count.map(|r| r.int(0)).transpose()?.unwrap_or(0) + 1
            );
            let (own, secret) = self.own_key(scope, &chain, None)?;
            let mut event = self
                .draft("person_registered", actor)
                .custody("member", member.as_str())
                .custody("person", number.as_str())
                .content("name", name);
            if actor.key.is_some() {
                event = event.signed(actor, &self.config.origin)?;
            }
            let id = event.id();
            let event = event.seal(&self.keys.scope_key(scope)?, &own, random)?;
            self.confirm(group, actor, &act, id)?;
            let at = group.push(&Draft {
                subject: Subject::New(chain),
                event,
                secret: Some(secret),
                object: ObjectAt::Unknown,
            })?;
            Ok((number, at))
        })
    }

    /// Opens a case. Returns its code.
    pub fn open_case(&self, actor: &Actor, name: &str) -> Result<(String, Committed)> {
        if name.trim().is_empty() {
            return Err(AppError::Usage("a case needs a name".to_owned()));
        }
        if let Some(same) = self
            .cases(&mut self.session()?)?
            .iter()
            .find(|c| c.name.as_deref() == Some(name))
        {
            return Err(AppError::Usage(format!(
                "the case {} has that name already",
                same.code
            )));
        }
        let random = &*self.ambient.random;
        let chain = ChainId(self.ambient.bytes());
        let mut sequencer = self.sequencer();
        sequencer.commit(&self.keys, |group| {
            let count = group.session.query_one("SELECT count(*) FROM cases", &[])?;
            let code = format!(
                "C{:04}",
                count.map(|r| r.int(0)).transpose()?.unwrap_or(0) + 1
            );
            let (own, secret) = self.own_key(CENTRE_KEY, &chain, None)?;
            let event = EventDraft::new("case_opened", &actor.person, &self.now(), random)
                .custody("case", code.as_str())
                .content("name", name)
                .seal(&self.keys.scope_key(CENTRE_KEY)?, &own, random)?;
            let at = group.push(&Draft {
                subject: Subject::New(chain),
                event,
                secret: Some(secret),
                object: ObjectAt::Unknown,
            })?;
            Ok((code, at))
        })
    }
}

impl Centre {
    /// The key of a chain's own content, for a further event on it.
    pub(crate) fn chain_key(&self, session: &mut Session, no: i64) -> Result<NumberedKey> {
        let row = session
            .query_one("SELECT content_key FROM chains WHERE no = ?", &[no.into()])?
            .ok_or_else(|| {
                AppError::damaged(
                    "state",
                    format!("chain {no} is missing; run `comity rebuild`"),
                )
            })?;
        let number = row.int(0)? as u64;
        match self.keys.item(number)? {
            Some(secret) => Ok(NumberedKey {
                number,
                key: Key::new(secret.first),
            }),
            None => Err(AppError::Refused(
                "what this speaks of has been erased".to_owned(),
            )),
        }
    }
}
