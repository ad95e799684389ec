//! Acts that one person proposes and another confirms, each with their own key.

use comity_core::digest::Digest;
use comity_core::id::{ChainId, EventId};
use comity_core::json::Value;

use super::{SolemnAct, TwoPersons, Waiting};
use crate::ambient::time_text;
use crate::centre::Centre;
use crate::commit::{Committed, Draft, Group, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;
use crate::project::acts::{CONFIRMED, OPEN, WITHDRAWN};
use crate::sql::{Row, Session};
use crate::stamp::well_formed;

const HOUR_MICROS: i64 = 3_600_000_000;

/// How a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for the second person.
    Open,
    /// The act was recorded.
    Confirmed,
    /// It was taken back.
    Withdrawn,
    /// Nobody confirmed it within its term.
    Lapsed,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Confirmed => "confirmed",
            State::Withdrawn => "withdrawn",
            State::Lapsed => "lapsed",
        }
    }
}

/// An act that was proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The number of its chain.
    pub no: i64,
    /// Its number, `P0001`.
    pub number: String,
    /// The act, one of those of [`super::ACTS`].
    pub act: String,
    /// Who proposed it.
    pub person: String,
    /// Until when it can be confirmed, microseconds since 1970.
    pub lapses: i64,
    /// How it stands now.
    pub state: State,
    /// All that the act needs.
    pub parameters: Value,
    /// The index of its leaf.
    pub index: u64,
    /// The hash of its leaf.
    pub leaf: Digest,
}

impl Centre {
    /// Whether a second person is needed still: then the act is proposed, and not done. `None` where it can be done:
    /// it takes one person, or the actor confirms what another has proposed.
    pub fn propose(&self, actor: &Actor, act: &SolemnAct) -> Result<Option<Waiting>> {
        // What cannot be done is not proposed.
        match act {
            SolemnAct::Rules(rules) => self.may_be_rules(rules)?,
            SolemnAct::SetStampAuthority(authority) => well_formed(authority)?,
            _ => {}
        }
        let rule = self.needs_two(&mut self.session()?, act)?;
        match (&actor.confirms, rule) {
            (Some(proposal), _) => {
                is_proposed(proposal, act)?;
                Ok(None)
            }
            (None, None) => Ok(None),
            (None, Some(rule)) => Ok(Some(self.record_proposal(
                actor,
                &rule,
                act.parameters(),
            )?)),
        }
    }

    /// Refuses an act that takes two persons, by an actor who confirms none.
    pub(crate) fn may_act(
        &self,
        session: &mut Session,
        actor: &Actor,
        act: &SolemnAct,
    ) -> Result<()> {
        match (&actor.confirms, self.needs_two(session, act)?) {
            (Some(proposal), _) => is_proposed(proposal, act),
            (None, None) => Ok(()),
            (None, Some(_)) => Err(AppError::Refused(format!(
                "`{}` takes two persons in this centre: propose it, and another person confirms it",
                act.name()
            ))),
        }
    }

    /// The second person of a proposal, ready to do what it proposes, and the act.
    pub fn second_person(&self, actor: &Actor, number: &str) -> Result<(Actor, SolemnAct)> {
        let mut session = self.session()?;
        let proposal = self.proposal(&mut session, number)?;
        let act = SolemnAct::of(&proposal)?;
        self.may_confirm(&mut session, actor, &proposal, &act)?;
        let second = Actor {
            confirms: Some(std::sync::Arc::new(proposal)),
            ..actor.clone()
        };
        Ok((second, act))
    }

    /// Records an act that is one event, with the confirmation where there is one.
    pub(crate) fn append_act(
        &self,
        actor: &Actor,
        act: &SolemnAct,
        id: EventId,
        draft: &Draft,
    ) -> Result<Committed> {
        self.sequencer().commit(&self.keys, |group| {
            self.confirm(group, actor, act, id)?;
            group.push(draft)
        })
    }

    /// Records a proposal.
    pub(super) fn record_proposal(
        &self,
        actor: &Actor,
        rule: &TwoPersons,
        parameters: Value,
    ) -> Result<Waiting> {
        must_sign(actor)?;
        let random = &*self.ambient.random;
        let chain = ChainId(self.ambient.bytes());
        let lapses = self.ambient.clock.now_micros() + i64::from(rule.hours) * HOUR_MICROS;
        let lapses = time_text(lapses);
        let mut sequencer = self.sequencer();
        sequencer.commit(&self.keys, |group| {
            let number = self.next_act(group.session, "proposals", 'P')?;
            let (own, secret) = self.own_key(CENTRE_KEY, &chain, None)?;
            let event = EventDraft::new("proposed", &actor.person, &self.now(), random)
                .custody("proposal", number.as_str())
                .custody("proposes", rule.act.as_str())
                .custody("lapses", lapses.as_str())
                .content("parameters", parameters)
                .signed(actor, &self.config.origin)?
                .seal(&self.keys.scope_key(CENTRE_KEY)?, &own, random)?;
            group.push(&Draft {
                subject: Subject::New(chain),
                event,
                secret: Some(secret),
                object: ObjectAt::Unknown,
            })?;
            Ok(Waiting {
                proposal: number,
                lapses: lapses.clone(),
            })
        })
    }

    /// All proposals, the newest first.
    pub fn proposals(&self, session: &mut Session) -> Result<Vec<Proposal>> {
        let rows = session.query(&format!("{SELECT} ORDER BY p.no DESC"), &[])?;
        rows.iter().map(|r| self.proposal_of_row(r)).collect()
    }

    /// The proposal of a number.
    pub fn proposal(&self, session: &mut Session, number: &str) -> Result<Proposal> {
        let row = session.query_one(&format!("{SELECT} WHERE p.number = ?"), &[number.into()])?;
        let row = row.ok_or_else(|| {
            AppError::Usage(format!(
                "there is no proposal {number}: `comity proposal list` shows them"
            ))
        })?;
        self.proposal_of_row(&row)
    }

    fn proposal_of_row(&self, row: &Row) -> Result<Proposal> {
        let lapses = row.int(4)?;
        let state = match row.int(5)? {
            CONFIRMED => State::Confirmed,
            WITHDRAWN => State::Withdrawn,
            OPEN if self.ambient.clock.now_micros() < lapses => State::Open,
            _ => State::Lapsed,
        };
        let index = row.int(6)? as u64;
        let event = self.read_event(index)?;
        Ok(Proposal {
            no: row.int(0)?,
            number: row.text(1)?.to_owned(),
            act: row.text(2)?.to_owned(),
            person: row.text(3)?.to_owned(),
            lapses,
            state,
            parameters: event.value("parameters").cloned().unwrap_or(Value::Null),
            index,
            leaf: event.hash,
        })
    }

    /// Whether this person may confirm the proposal now: another person, of another member where that is asked, with
    /// a key of their own, within the term, and nobody whose key came after the proposal.
    fn may_confirm(
        &self,
        session: &mut Session,
        actor: &Actor,
        proposal: &Proposal,
        act: &SolemnAct,
    ) -> Result<()> {
        let number = &proposal.number;
        let refused = |what: String| Err(AppError::Refused(format!("{number} {what}")));
        must_sign(actor)?;
        match proposal.state {
            State::Open => {}
            State::Lapsed => {
                return refused(format!(
                    "lapsed at {}: it can be proposed anew",
                    time_text(proposal.lapses)
                ));
            }
            other => return refused(format!("is {} already", other.word())),
        }
        if proposal.person == actor.person {
            return refused("was proposed by the same person: another one confirms it".to_owned());
        }
        let rule = self.needs_two(session, act)?;
        if rule.is_some_and(|r| r.other_member)
            && member_of(&proposal.person) == Some(actor.member.as_str())
        {
            return refused(format!(
                "was proposed by {}: a person of another member confirms it",
                proposal.person
            ));
        }
        let newer = session.query_one(
            "SELECT p.number FROM person_keys k JOIN persons p ON p.no = k.person WHERE k.since > ? AND p.number IN (?, ?)",
            &[
                (proposal.index as i64).into(),
                actor.person.as_str().into(),
                proposal.person.as_str().into(),
            ],
        )?;
        match newer {
            None => Ok(()),
            Some(row) => refused(format!(
                "is older than the key of {}: only who had a key already when it was proposed can confirm it; it can be proposed anew",
                row.text(0)?
            )),
        }
    }

    /// Records, in the group of the act and before it, that the actor confirmed the proposal of it; nothing where the act
    /// takes one person. Refuses a proposal that was answered meanwhile, and an act that takes two persons by now.
    pub(crate) fn confirm(
        &self,
        group: &mut Group<'_>,
        actor: &Actor,
        act: &SolemnAct,
        id: EventId,
    ) -> Result<()> {
        self.may_act(group.session, actor, act)?;
        let Some(proposal) = &actor.confirms else {
            return Ok(());
        };
        let row = group.session.query_one(
            "SELECT state FROM proposals WHERE no = ?",
            &[proposal.no.into()],
        )?;
        if row.map(|r| r.int(0)).transpose()? != Some(OPEN) {
            return Err(AppError::Refused(format!(
                "{} was answered at this moment",
                proposal.number
            )));
        }
        let event = self
            .draft("confirmed", actor)
            .custody("act", id.to_string())
            .signed(actor, &self.config.origin)?;
        group.push(&self.custody_of_centre(Subject::Known(proposal.no), event)?)?;
        Ok(())
    }

    /// Takes a proposal back. Whoever proposed it may, and whoever may confirm it: a refusal is a withdrawal with its
    /// reason.
    pub fn withdraw(&self, actor: &Actor, number: &str, reason: &str) -> Result<u64> {
        if reason.trim().is_empty() {
            return Err(AppError::Usage(
                "a proposal is withdrawn for a reason: --reason \"why\"".to_owned(),
            ));
        }
        let proposal = self.proposal(&mut self.session()?, number)?;
        if proposal.state != State::Open {
            return Err(AppError::Refused(format!(
                "{number} is {} already",
                proposal.state.word()
            )));
        }
        let event = EventDraft::new(
            "withdrawn",
            &actor.person,
            &self.now(),
            &*self.ambient.random,
        )
        .custody("proposal", number)
        .custody("reason", reason)
        .signed(actor, &self.config.origin)?;
        let draft = self.custody_of_centre(Subject::Known(proposal.no), event)?;
        self.sequencer().commit(&self.keys, |group| {
            let row = group.session.query_one(
                "SELECT state FROM proposals WHERE no = ?",
                &[proposal.no.into()],
            )?;
            if row.map(|r| r.int(0)).transpose()? != Some(OPEN) {
                return Err(AppError::Refused(format!(
                    "{number} was answered at this moment"
                )));
            }
            Ok(group.push(&draft)?.index)
        })
    }
}

const SELECT: &str = "SELECT p.no, p.number, p.act, p.person, p.lapses, p.state, c.first_index FROM proposals p JOIN chains c ON c.no = p.no";

/// The member of a person's number.
pub(crate) fn member_of(person: &str) -> Option<&str> {
    person.split_once("-P").map(|(member, _)| member)
}

/// What is confirmed is done as it was proposed.
fn is_proposed(proposal: &Proposal, act: &SolemnAct) -> Result<()> {
    if proposal.act == act.name() && proposal.parameters == act.parameters() {
        return Ok(());
    }
    Err(AppError::Refused(format!(
        "{} proposes something else than this: `comity proposal list` shows it",
        proposal.number
    )))
}

/// Two names are not two persons: each of the two has a key of their own.
fn must_sign(actor: &Actor) -> Result<()> {
    match actor.signer()? {
        Some(_) => Ok(()),
        None => Err(AppError::Usage(format!(
            "{} has registered no key, and an act of two persons is signed by both: `comity person key` registers one",
            actor.person
        ))),
    }
}
