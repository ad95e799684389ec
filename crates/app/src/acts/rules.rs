//! Which acts need two persons: configuration of the centre, itself an event.

use std::collections::BTreeSet;

use comity_core::json::Value;

use super::SolemnAct;
use super::proposal::member_of;
use crate::centre::Centre;
use crate::commit::Subject;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::sql::Session;

/// An act that can be asked to have two persons.
#[derive(Clone, Copy, Debug)]
pub struct ActKind {
    /// Its name.
    pub name: &'static str,
    /// The kinds of event that are this act.
    events: &'static [&'static str],
}

const fn kind(name: &'static str, events: &'static [&'static str]) -> ActKind {
    ActKind { name, events }
}

/// The acts that can be asked to have two persons.
pub const ACTS: [ActKind; 14] = [
    kind(ALWAYS, &["erasure_ordered"]),
    kind("release", &["hold_released"]),
    kind("hold", &["hold_placed"]),
    kind("disclose", &[DISCLOSED]),
    kind("keys_rotate", &["keys_rotated"]),
    kind("keys_share", &["keys_shared"]),
    kind("keys_lock", &["scope_locked", "scope_unlocked"]),
    kind("keys_succeed", &["log_keys_succeeded", "log_heirs_named"]),
    kind("person_add", &["person_registered"]),
    kind("person_key", &["person_key_registered"]),
    kind("witnesses", &["witnesses_set"]),
    kind(
        "stamp_authority",
        &["stamp_authority_set", "stamp_authority_removed"],
    ),
    kind("mirror", &["mirror_added", "mirror_dropped"]),
    kind(RULES, &["two_person_acts_set"]),
];
/// A disclosure; each exhibit's own chain has an event of this kind too.
const DISCLOSED: &str = "disclosed";
/// The act of saying which acts need two.
const RULES: &str = "rules";
/// The act that always has two.
const ALWAYS: &str = "erase";
/// Until something else is said, in hours.
const TERM: u32 = 72;
/// The longest term, in hours: 90 days.
const MAX_TERM: u32 = 90 * 24;

/// The act that an event is, by its kind and its place in its chain.
pub(crate) fn act_of(kind: &str, n: u64) -> Option<&'static str> {
    if kind == DISCLOSED && n > 0 {
        return None;
    }
    let act = ACTS.iter().find(|act| act.events.contains(&kind))?;
    Some(act.name)
}

/// The names of the acts, for people.
#[must_use]
pub fn act_names() -> String {
    ACTS.map(|act| act.name).join(", ")
}

/// Whether these persons are two at least, of different members where the rule asks for that.
pub(crate) fn are_two<'a>(rule: &TwoPersons, persons: impl Iterator<Item = &'a str>) -> bool {
    let persons: BTreeSet<&str> = persons.collect();
    let members: BTreeSet<_> = persons.iter().copied().map(member_of).collect();
    persons.len() >= 2 && (!rule.other_member || members.len() >= 2)
}

/// That an act needs two persons, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoPersons {
    /// The act, one of [`ACTS`].
    pub act: String,
    /// The two must be of different members.
    pub other_member: bool,
    /// A proposal lapses after so many hours.
    pub hours: u32,
}

/// What counts until it is said: `erase`, of any two persons.
pub(crate) fn first_rules() -> Vec<TwoPersons> {
    vec![TwoPersons {
        act: ALWAYS.to_owned(),
        other_member: false,
        hours: TERM,
    }]
}

/// The value of `acts`.
pub(super) fn rules_json(rules: &[TwoPersons]) -> Value {
    let acts = rules.iter().map(|r| {
        Value::from_iter([
            ("act".to_owned(), Value::from(r.act.as_str())),
            ("hours".to_owned(), r.hours.into()),
            ("other_member".to_owned(), r.other_member.into()),
        ])
    });
    Value::Array(acts.collect())
}

/// Reads the value of `acts`.
pub(crate) fn rules_of(acts: &Value) -> Option<Vec<TwoPersons>> {
    let Value::Array(acts) = acts else {
        return None;
    };
    let rule = |act: &Value| {
        Some(TwoPersons {
            act: act.get("act")?.as_str()?.to_owned(),
            other_member: act.get("other_member")?.as_bool()?,
            hours: u32::try_from(act.get("hours")?.as_u64()?).ok()?,
        })
    };
    acts.iter().map(rule).collect()
}

/// The rule by which `next` can come in the place of `now`: that for `rules`, and those of the acts that would become
/// easier. No rule for two persons is loosened by one.
pub(crate) fn rule_for_rules(now: &[TwoPersons], next: &[TwoPersons]) -> Option<TwoPersons> {
    let easier = |rule: &&TwoPersons| match next.iter().find(|r| r.act == rule.act) {
        None => true,
        Some(next) => rule.other_member && !next.other_member,
    };
    let asked: Vec<&TwoPersons> = now
        .iter()
        .filter(|rule| rule.act == RULES || easier(rule))
        .collect();
    let hours = asked.iter().map(|rule| rule.hours).min()?;
    Some(TwoPersons {
        act: RULES.to_owned(),
        other_member: asked.iter().any(|rule| rule.other_member),
        hours,
    })
}

impl Centre {
    /// The acts that need two persons, in the order of [`ACTS`].
    pub fn two_person_acts(&self, session: &mut Session) -> Result<Vec<TwoPersons>> {
        let rows = session.query("SELECT act, other_member, hours FROM two_person_acts", &[])?;
        let mut rules = Vec::with_capacity(rows.len());
        for row in &rows {
            rules.push(TwoPersons {
                act: row.text(0)?.to_owned(),
                other_member: row.int(1)? != 0,
                hours: u32::try_from(row.int(2)?).unwrap_or(TERM),
            });
        }
        if rules.is_empty() {
            rules = first_rules();
        }
        rules.sort_by_key(|r| ACTS.iter().position(|a| a.name == r.act));
        Ok(rules)
    }

    /// How an act needs two persons, if it does.
    pub fn needs_two(&self, session: &mut Session, act: &SolemnAct) -> Result<Option<TwoPersons>> {
        let rules = self.two_person_acts(session)?;
        Ok(match act {
            SolemnAct::Rules(next) => rule_for_rules(&rules, next),
            act => rules.into_iter().find(|r| r.act == act.name()),
        })
    }

    /// Says which acts need two persons from now on. Returns the leaf of the event.
    pub fn set_two_person_acts(&self, actor: &Actor, rules: &[TwoPersons]) -> Result<u64> {
        self.may_be_rules(rules)?;
        let act = SolemnAct::Rules(rules.to_vec());
        let event = self
            .draft("two_person_acts_set", actor)
            .custody("acts", rules_json(rules))
            .signed(actor, &self.config.origin)?;
        let id = event.id();
        let centre = self.own_chain(&mut self.session()?)?;
        let draft = self.custody_of_centre(Subject::Known(centre), event)?;
        Ok(self.append_act(actor, &act, id, &draft)?.index)
    }

    /// A rule that nobody could meet would end what it is for: there must be two persons with keys, of different
    /// members where that is asked.
    pub(super) fn may_be_rules(&self, rules: &[TwoPersons]) -> Result<()> {
        well_formed(rules)?;
        let mut asked = rules.iter().filter(|r| r.act != ALWAYS).peekable();
        if asked.peek().is_none() {
            return Ok(());
        }
        let row = self.session()?.query_one(
            "SELECT count(DISTINCT p.no), count(DISTINCT p.member) FROM persons p JOIN person_keys k ON k.person = p.no",
            &[],
        )?;
        let count = |at| row.as_ref().map(|r| r.int(at)).transpose();
        let (persons, members) = (count(0)?.unwrap_or(0), count(1)?.unwrap_or(0));
        match asked.find(|r| persons < 2 || (r.other_member && members < 2)) {
            None => Ok(()),
            Some(rule) => Err(AppError::Refused(format!(
                "`{}` could not be done by anybody: {persons} persons of {members} members have registered a key, and two{} are needed (`comity person key`)",
                rule.act,
                if rule.other_member {
                    " of different members"
                } else {
                    ""
                }
            ))),
        }
    }
}

fn well_formed(rules: &[TwoPersons]) -> Result<()> {
    for (at, rule) in rules.iter().enumerate() {
        if !ACTS.iter().any(|act| act.name == rule.act) {
            return Err(AppError::Usage(format!(
                "{:?} is no act that can be asked to have two persons: these are {}",
                rule.act,
                act_names()
            )));
        }
        if rules[..at].iter().any(|r| r.act == rule.act) {
            return Err(AppError::Usage(format!("`{}` is named twice", rule.act)));
        }
        if !(1..=MAX_TERM).contains(&rule.hours) {
            return Err(AppError::Usage(format!(
                "a proposal lapses after 1 to {MAX_TERM} hours"
            )));
        }
    }
    if !rules.iter().any(|r| r.act == ALWAYS) {
        return Err(AppError::Usage(format!(
            "`{ALWAYS}` needs two persons always: name it"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the document names each act, and the events that are it.
    #[test]
    fn the_document_has_these_acts_and_their_events() {
        let document = include_str!("../../../../docs/format/acts.md");
        let rows: Vec<(String, String)> = document
            .lines()
            .skip_while(|line| !line.starts_with("| `proposes` |"))
            .skip(2)
            .map_while(|line| line.strip_prefix("| "))
            .filter_map(|line| {
                let mut cells = line.split(" | ").map(|cell| cell.replace('`', ""));
                Some((cells.next()?, cells.next()?))
            })
            .collect();
        let ours = ACTS.map(|act| {
            let events = act.events.join(", ");
            let first = if act.name == "disclose" { ", n 0" } else { "" };
            (act.name.to_owned(), events + first)
        });
        assert_eq!(rows, ours);
    }
}
