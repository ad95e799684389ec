//! Acts that need two persons, held against the rule of their moment and against what the first of the two proposed
//! (`docs/format/acts.md`, *Two persons*).

use std::collections::{HashMap, HashSet};

use comity_core::body::Field;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::json::Value;
use comity_core::succession::{Chain, Heirs, Vouched};

use super::events::text;
use crate::acts::proposal::member_of;
use crate::acts::{TwoPersons, act_of, are_two, first_rules, rule_for_rules, rules_of};
use crate::ambient::time_micros;
use crate::rebuild::Opened;

/// A proposal that the log holds.
struct Proposed {
    act: String,
    person: String,
    lapses: i64,
    index: u64,
    leaf: Digest,
    key: Option<[u8; 32]>,
    parameters: Value,
}

/// An act that names a proposal.
struct Done {
    event: String,
    actor: String,
    place: String,
}

/// Rules, proposals and keys, as the log goes on.
pub(super) struct ActsOfTwo {
    rules: Vec<TwoPersons>,
    proposals: HashMap<String, Proposed>,
    /// The act and the person of each confirmation, by the proposal's number.
    confirmed: HashMap<String, (String, String)>,
    done: HashMap<String, Done>,
    /// The leaf at which a person registered the present key.
    keys: HashMap<String, u64>,
    /// Erasures that were ordered: their epoch of the keyring belongs to them.
    erasures: HashSet<String>,
    /// Who gave the log new keys: the next epoch of the keyring, of the same person, ends that.
    succeeded: Option<String>,
    /// Not every event could be read: what is not known may be there.
    blind: bool,
}

impl Default for ActsOfTwo {
    fn default() -> ActsOfTwo {
        ActsOfTwo {
            rules: first_rules(),
            proposals: HashMap::new(),
            confirmed: HashMap::new(),
            done: HashMap::new(),
            keys: HashMap::new(),
            erasures: HashSet::new(),
            succeeded: None,
            blind: false,
        }
    }
}

impl ActsOfTwo {
    /// An event could not be read.
    pub fn gap(&mut self) {
        self.blind = true;
    }

    /// Takes the next event, and the succession statements up to it. What is wrong with it as an act of two persons are
    /// findings.
    pub fn meet(&mut self, event: &Opened, statements: &Chain) -> Vec<Finding> {
        let fields = &event.fields;
        let Some(kind) = text(fields, "kind") else {
            return Vec::new();
        };
        let place = format!("event {} of the ledger ({kind})", event.event.index);
        let wrong = match act_of(kind, event.event.leaf.n) {
            Some(act) => self.act(act, kind, event, &place, statements),
            None => Vec::new(),
        };
        self.take(kind, event);
        wrong
            .into_iter()
            .map(|what| Finding::new(place.clone(), what))
            .collect()
    }

    fn act(
        &mut self,
        act: &str,
        kind: &str,
        event: &Opened,
        place: &str,
        statements: &Chain,
    ) -> Vec<String> {
        let fields = &event.fields;
        let ends_erasure = |e: &str| self.erasures.contains(e);
        if kind == "keys_rotated" && text(fields, "erasure").is_some_and(ends_erasure) {
            return Vec::new();
        }
        if kind == "keys_rotated" && text(fields, "proposal").is_none() {
            let ended = self.succeeded.take();
            if ended.is_some_and(|by| text(fields, "actor") == Some(by.as_str()))
                && text(fields, "member").is_none()
            {
                return Vec::new();
            }
        }
        let rule = match act {
            "rules" => rules_in(fields).and_then(|next| rule_for_rules(&self.rules, &next)),
            act => self.rules.iter().find(|r| r.act == act).cloned(),
        };
        let Some(number) = text(fields, "proposal") else {
            return match rule {
                Some(rule) if by_enough_heirs(&rule, kind, event, statements) => Vec::new(),
                // What the statement says can hang on an event that nobody could read.
                Some(_) if self.blind && act == "keys_succeed" => Vec::new(),
                Some(_) => vec![format!("`{act}` needs two persons, and one did it")],
                None => Vec::new(),
            };
        };
        let actor = text(fields, "actor").unwrap_or_default();
        let Some(proposal) = self.proposals.get(number) else {
            return match self.blind {
                true => Vec::new(),
                false => vec![format!(
                    "it names {number}, which nobody proposed before it"
                )],
            };
        };
        let mut wrong = self.against(proposal, act, kind, event);
        if act == "keys_succeed" && !self.blind {
            wrong.extend(other_statement(&proposal.parameters, kind, statements));
        }
        if rule.is_some_and(|r| r.other_member) && member_of(actor) == member_of(&proposal.person) {
            wrong.push(format!(
                "{actor} and {} are of one member, and two are asked for",
                proposal.person
            ));
        }
        let done = Done {
            event: text(fields, "event").unwrap_or_default().to_owned(),
            actor: actor.to_owned(),
            place: place.to_owned(),
        };
        if self.done.insert(number.to_owned(), done).is_some() {
            wrong.push(format!("{number} was done before"));
        }
        wrong
    }

    /// What is wrong with an act as one that was proposed so.
    fn against(&self, proposal: &Proposed, act: &str, kind: &str, event: &Opened) -> Vec<String> {
        let fields = &event.fields;
        let actor = text(fields, "actor").unwrap_or_default();
        let first = proposal.person.as_str();
        let mut wrong = Vec::new();
        // A lock that an interruption left without its desk is finished as a new epoch alone.
        let fits = proposal.act == act || (proposal.act == "keys_lock" && kind == "keys_rotated");
        if !fits {
            wrong.push(format!("{first} proposed another act ({})", proposal.act));
        }
        if actor == first {
            wrong.push(format!("{first} proposed it and confirmed it"));
        }
        if text(fields, "proposed_by") != Some(first) {
            wrong.push(format!(
                "{first} proposed it, and it says somebody else did"
            ));
        }
        let named = text(fields, "proposal_leaf");
        if named.is_some_and(|leaf| leaf != proposal.leaf.to_string()) {
            wrong.push("the proposal that it names is not the one in the log".to_owned());
        }
        for person in [actor, first] {
            let newer = self.keys.get(person).is_some_and(|at| *at > proposal.index);
            if newer && !(act == "person_key" && person == first) {
                wrong.push(format!("the key of {person} is newer than the proposal"));
            }
        }
        if act == "person_key" && proposal.key != key_in(fields) {
            wrong.push("the key was not signed with when it was proposed".to_owned());
        }
        let at = text(fields, "time").and_then(time_micros);
        if at.is_some_and(|at| at >= proposal.lapses) && event.signature.is_some() {
            wrong.push("the proposal had lapsed".to_owned());
        }
        if let Value::Object(parameters) = &proposal.parameters {
            wrong.extend(
                parameters
                    .iter()
                    .filter(|(name, value)| differs(fields, name, value))
                    .map(|(name, _)| format!("its {name} is not what {first} proposed")),
            );
        }
        wrong
    }

    fn take(&mut self, kind: &str, event: &Opened) {
        let fields = &event.fields;
        let own = |name: &str| text(fields, name).unwrap_or_default().to_owned();
        match kind {
            "proposed" => {
                let parameters = fields.iter().find(|f| f.name == "parameters");
                let proposed = Proposed {
                    act: own("proposes"),
                    person: own("actor"),
                    lapses: text(fields, "lapses").and_then(time_micros).unwrap_or(0),
                    index: event.event.index,
                    leaf: event.event.hash,
                    key: event
                        .signature
                        .as_ref()
                        .and_then(|s| s.as_ref().ok())
                        .copied(),
                    parameters: parameters.map_or(Value::Null, |f| f.value.clone()),
                };
                self.proposals.insert(own("proposal"), proposed);
            }
            "confirmed" => {
                self.confirmed
                    .insert(own("proposal"), (own("act"), own("actor")));
            }
            "person_key_registered" => {
                self.keys.insert(own("person"), event.event.index);
            }
            "log_keys_succeeded" => self.succeeded = Some(own("actor")),
            "erasure_ordered" => {
                self.erasures.insert(own("erasure"));
            }
            "erasure_completed" => {
                self.erasures.remove(&own("erasure"));
            }
            "two_person_acts_set" => {
                if let Some(rules) = rules_in(fields) {
                    self.rules = rules;
                }
            }
            _ => {}
        }
    }

    /// At the end of the log: what was done as proposed was confirmed, by whoever did it.
    pub fn end(&self) -> Vec<Finding> {
        if self.blind {
            return Vec::new();
        }
        let unconfirmed = |(number, done): &(&String, &Done)| {
            self.confirmed
                .get(*number)
                .is_none_or(|(act, person)| *act != done.event || *person != done.actor)
        };
        self.done
            .iter()
            .filter(unconfirmed)
            .map(|(number, done)| {
                let what = format!("{} has not confirmed {number} with it", done.actor);
                Finding::new(done.place.clone(), what)
            })
            .collect()
    }
}

fn rules_in(fields: &[Field]) -> Option<Vec<TwoPersons>> {
    rules_of(&fields.iter().find(|f| f.name == "acts")?.value)
}

fn key_in(fields: &[Field]) -> Option<[u8; 32]> {
    let key = text(fields, "key").and_then(comity_core::digest::unhex)?;
    key.try_into().ok()
}

/// A succession that heirs vouch for cannot be proposed, since the keys that would sign the proposal are lost: the heirs
/// who signed it, and the one who signed its event, are two persons.
fn by_enough_heirs(rule: &TwoPersons, kind: &str, event: &Opened, statements: &Chain) -> bool {
    let last = statements.statements().last();
    let Some(Vouched::Heirs(names)) = last.map(|s| &s.by) else {
        return false;
    };
    let heirs = names.iter().map(String::as_str);
    let recorder = text(&event.fields, "actor").filter(|_| matches!(event.signature, Some(Ok(_))));
    kind == "log_keys_succeeded" && are_two(rule, heirs.chain(recorder))
}

/// What a statement says that was proposed otherwise: other heirs than these, or than those of before.
fn other_statement(parameters: &Value, kind: &str, statements: &Chain) -> Option<String> {
    let heirs_of = |heirs: &Heirs| {
        let heirs = heirs.vkeys.iter().map(|h| Value::from(h.to_string()));
        Value::Array(heirs.collect())
    };
    let [before @ .., last] = statements.statements() else {
        return None;
    };
    let names_heirs = parameters.get("heirs").is_some();
    let same = match parameters.get("heirs") {
        Some(heirs) => {
            *heirs == heirs_of(&last.says.heirs)
                && parameters.get("need").and_then(Value::as_u64)
                    == Some(last.says.heirs.need as u64)
        }
        None => {
            before
                .last()
                .map_or_else(Heirs::default, |s| s.says.heirs.clone())
                == last.says.heirs
        }
    };
    if names_heirs != (kind == "log_heirs_named") {
        return Some(
            "new keys and new heirs are two acts, and the other one was proposed".to_owned(),
        );
    }
    (!same).then(|| "it names other heirs than was proposed".to_owned())
}

/// A parameter that is text or a truth value, and a field of its name that is another.
fn differs(fields: &[Field], name: &str, value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Bool(_))
        && fields.iter().any(|f| f.name == *name && f.value != *value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
