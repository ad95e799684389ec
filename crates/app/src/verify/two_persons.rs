//! Acts that need two persons, held against the rule of their moment and against what the first of the two proposed
//! (`docs/format/acts.md`, *Two persons*).

use std::collections::{HashMap, HashSet};

use comity_core::body::Field;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::json::Value;

use super::events::text;
use crate::acts::proposal::member_of;
use crate::acts::{TwoPersons, act_of, first_rules, rule_for_rules, rules_of};
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
    /// The log's keys were succeeded: the next epoch of the keyring ends that.
    succeeded: bool,
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
            succeeded: false,
            blind: false,
        }
    }
}

impl ActsOfTwo {
    /// An event could not be read.
    pub fn gap(&mut self) {
        self.blind = true;
    }

    /// Takes the next event. What is wrong with it as an act of two persons are findings.
    pub fn meet(&mut self, event: &Opened) -> Vec<Finding> {
        let fields = &event.fields;
        let Some(kind) = text(fields, "kind") else {
            return Vec::new();
        };
        let place = format!("event {} of the ledger ({kind})", event.event.index);
        let wrong = match act_of(kind, event.event.leaf.n) {
            Some(act) => self.act(act, kind, event, &place),
            None => Vec::new(),
        };
        self.take(kind, event);
        wrong
            .into_iter()
            .map(|what| Finding::new(place.clone(), what))
            .collect()
    }

    fn act(&mut self, act: &str, kind: &str, event: &Opened, place: &str) -> Vec<String> {
        let fields = &event.fields;
        let ends_erasure = |e: &str| self.erasures.contains(e);
        if kind == "keys_rotated" && text(fields, "erasure").is_some_and(ends_erasure) {
            return Vec::new();
        }
        if kind == "keys_rotated"
            && text(fields, "proposal").is_none()
            && std::mem::take(&mut self.succeeded)
        {
            return Vec::new();
        }
        let rule = match act {
            "rules" => rules_in(fields).and_then(|next| rule_for_rules(&self.rules, &next)),
            act => self.rules.iter().find(|r| r.act == act).cloned(),
        };
        let Some(number) = text(fields, "proposal") else {
            return match rule {
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
            "log_keys_succeeded" => self.succeeded = true,
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

/// A parameter that is text or a truth value, and a field of its name that is another.
fn differs(fields: &[Field], name: &str, value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Bool(_))
        && fields.iter().any(|f| f.name == *name && f.value != *value)
}

#[cfg(test)]
mod tests {
    use comity_core::id::ChainId;
    use comity_core::json::json;
    use comity_core::leaf::Leaf;

    use super::*;
    use crate::read::OpenedEvent;

    /// An event of this index, as the program would have read it, its fields in the order given.
    fn event(index: u64, kind: &str, fields: &[(&str, Value)]) -> Opened {
        let mut all = vec![
            Field::custody("kind", kind),
            Field::custody("event", format!("{index:032x}")),
            Field::custody("time", "2026-01-02T00:00:00.000000Z"),
        ];
        all.extend(
            fields
                .iter()
                .map(|(name, value)| Field::custody(*name, value.clone())),
        );
        let hash = Digest::of(&index.to_be_bytes());
        Opened {
            event: OpenedEvent {
                index,
                entry: Vec::new(),
                leaf: Leaf {
                    chain: ChainId([0; 16]),
                    n: 0,
                    prev: None,
                    body: hash,
                },
                hash,
                custody_key: 1,
                content_key: 0,
                fields: Vec::new(),
            },
            fields: all,
            secret: None,
            received: None,
            signature: Some(Ok([1; 32])),
        }
    }

    fn text_of(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, Value)> {
        pairs.iter().map(|(n, v)| (*n, Value::from(*v))).collect()
    }

    /// A log in which a hold is proposed and confirmed, with `changed` in the place of a part of it.
    fn found(changed: &dyn Fn(&mut Vec<Opened>)) -> Vec<String> {
        let key = |index, person: &str| {
            event(
                index,
                "person_key_registered",
                &text_of(&[("person", person), ("actor", person)]),
            )
        };
        let rule = json!([{"act": "erase", "hours": 72, "other_member": false},
            {"act": "hold", "hours": 24, "other_member": true}]);
        let leaf = Digest::of(&4u64.to_be_bytes()).to_string();
        let by_two = |index, kind: &str, more: &[(&'static str, &str)]| {
            let mut fields = text_of(&[
                ("actor", "B-P1"),
                ("proposed_by", "A-P1"),
                ("proposal", "P0001"),
                ("proposal_leaf", &leaf),
            ]);
            fields.extend(text_of(more));
            event(index, kind, &fields)
        };
        let mut proposed = text_of(&[
            ("actor", "A-P1"),
            ("proposal", "P0001"),
            ("proposes", "hold"),
            ("lapses", "2026-01-03T00:00:00.000000Z"),
        ]);
        proposed.push(("parameters", json!({"case": "C0001", "reason": "trial"})));
        let mut log = vec![
            key(1, "A-P1"),
            key(2, "B-P1"),
            event(3, "two_person_acts_set", &[("acts", rule)]),
            event(4, "proposed", &proposed),
            by_two(5, "hold_placed", &[("case", "C0001"), ("reason", "trial")]),
            by_two(6, "confirmed", &[("act", &format!("{:032x}", 5))]),
        ];
        changed(&mut log);
        let mut acts = ActsOfTwo::default();
        let mut findings: Vec<Finding> = log.iter().flat_map(|e| acts.meet(e)).collect();
        findings.extend(acts.end());
        findings.into_iter().map(|f| f.what).collect()
    }

    fn set(event: &mut Opened, name: &str, value: &str) {
        let field = event.fields.iter_mut().find(|f| f.name == name);
        field.into_iter().for_each(|f| f.value = value.into());
    }

    type Forgery<'a> = &'a dyn Fn(&mut Vec<Opened>);

    #[test]
    fn an_act_of_two_that_was_not_proposed_confirmed_or_meant_so_is_named() {
        assert_eq!(found(&|_| ()), Vec::<String>::new());
        let table: [(Forgery<'_>, &str); 12] = [
            (&|log| log[4].fields.truncate(4), "needs two persons"),
            (&|log| drop(log.remove(3)), "nobody proposed"),
            (&|log| drop(log.remove(5)), "has not confirmed"),
            (&|log| set(&mut log[5], "act", "00"), "has not confirmed"),
            (
                &|log| set(&mut log[3], "proposes", "release"),
                "another act",
            ),
            (
                &|log| set(&mut log[3], "actor", "B-P1"),
                "proposed it and confirmed it",
            ),
            (&|log| set(&mut log[3], "actor", "B-P2"), "of one member"),
            (
                &|log| set(&mut log[4], "proposal_leaf", "00"),
                "not the one in the log",
            ),
            (
                &|log| set(&mut log[4], "case", "C0002"),
                "its case is not what",
            ),
            (
                &|log| set(&mut log[3], "lapses", "2026-01-01T00:00:00.000000Z"),
                "lapsed",
            ),
            (
                &|log| {
                    let key = log.remove(1);
                    log.insert(
                        3,
                        Opened {
                            event: OpenedEvent {
                                index: 9,
                                ..key.event
                            },
                            ..key
                        },
                    );
                },
                "newer than the proposal",
            ),
            (
                &|log| {
                    let mut again = event(7, "hold_placed", &[]);
                    again
                        .fields
                        .extend(log[4].fields.drain(3..).collect::<Vec<_>>());
                    log[4].fields.extend(again.fields[3..].to_vec());
                    log.push(again);
                },
                "was done before",
            ),
        ];
        for (changed, said) in table {
            let found = found(changed);
            assert!(
                found.iter().any(|f| f.contains(said)),
                "{found:?} says nothing of {said:?}"
            );
        }
    }
}
