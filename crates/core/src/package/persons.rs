//! Whose the keys are that signed what a package shows (`docs/format/disclosure.md`, *Persons*).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::digest::unhex;

use super::event::{CheckedEvent, EventLine, Signer};
use super::report::Findings;
use super::source::{Source, find, read_small};
use super::tiles::{LeafTiles, stands};

/// The file of a package.
pub(super) const FILE: &str = "comity/persons.jsonl";

type Key = [u8; 32];

/// The persons that a package shows, with the keys that they registered.
#[derive(Debug, Default)]
pub(super) struct Persons {
    /// The index of each registration and its key, by the person's number.
    known: BTreeMap<String, Vec<(u64, Key)>>,
    /// The signers of what was shown whose key was registered, and by which event.
    pub(super) registered: BTreeMap<Signer, u64>,
}

impl Persons {
    /// Holds a signature at an index of the log, or after all that is shown, against the person's registrations.
    ///
    /// # Errors
    /// A sentence: the person had registered another key by then, or none.
    pub(super) fn bind(&mut self, signer: &Signer, at: Option<u64>) -> Result<(), String> {
        let Some(keys) = self.known.get(&signer.person) else {
            return Ok(());
        };
        let before = |found: &&(u64, Key)| at.is_none_or(|at| found.0 < at);
        let person = &signer.person;
        match keys.iter().rev().find(before) {
            Some((index, key)) if *key == signer.key => {
                self.registered.insert(signer.clone(), *index);
                Ok(())
            }
            Some(_) => Err(format!(
                "it is signed with another key than {person} had registered"
            )),
            None => Err(format!("it is signed, and {person} had registered no key")),
        }
    }
}

/// Reads the persons of a package. Older packages show none.
pub(super) fn check(
    source: &dyn Source,
    origin: Option<&str>,
    mut tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    findings: &mut Findings,
) -> Persons {
    let mut persons = Persons::default();
    if find(source, FILE).is_none() {
        return persons;
    }
    let bytes = match read_small(source, FILE) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.add(FILE, error);
            return persons;
        }
    };
    let Some(lines) = bytes.strip_suffix(b"\n") else {
        findings.add(FILE, "its last line has no line feed");
        return persons;
    };
    let mut last: Option<Last> = None;
    // Who confirms the key of another one may stand below.
    let mut signed = Vec::new();
    for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        let wrong = |what: String, findings: &mut Findings| {
            findings.add(FILE, format!("line {number}: {what}"));
        };
        let event = match EventLine::parse(line) {
            Ok(event) => event,
            Err(error) => {
                wrong(error, findings);
                continue;
            }
        };
        let Some(checked) = stands(&event, FILE, tiles.as_deref_mut(), leaf_tiles, findings) else {
            last = None;
            continue;
        };
        match persons.take(&event, &checked, &mut last) {
            Ok(()) => {}
            Err(what) => wrong(what, findings),
        }
        match origin.map(|origin| event.signer(origin)) {
            Some(Ok(Some(signer))) => signed.push((number, checked.index, signer, key_of(&event))),
            Some(Ok(None)) if checked.leaf.n > 0 => {
                wrong("it is not signed".to_owned(), findings);
            }
            Some(Err(what)) => wrong(what, findings),
            _ => {}
        }
    }
    for (number, index, signer, own) in signed {
        let by_itself =
            own.is_some_and(|(person, key)| person == signer.person && key == signer.key);
        let at = index + u64::from(by_itself);
        if let Err(what) = persons.bind(&signer, Some(at)) {
            findings.add(FILE, format!("line {number}: {what}"));
        }
    }
    // Registrations that sign each other are no signatures of what the package is about.
    persons.registered.clear();
    persons
}

/// The event before, of the person whose chain is being read.
struct Last {
    event: CheckedEvent,
    first: u64,
    person: String,
}

impl Persons {
    /// Takes the next event of the file, which goes on with the chain of the last one or begins another.
    fn take(
        &mut self,
        event: &EventLine<'_>,
        checked: &CheckedEvent,
        last: &mut Option<Last>,
    ) -> Result<(), String> {
        let person = event
            .text("person")
            .map(Cow::into_owned)
            .ok_or("does not open whose it is")?;
        let kind = event.text("kind");
        if checked.leaf.n == 0 {
            let member = event.text("member").unwrap_or_default();
            if kind.as_deref() != Some("person_registered")
                || person.split_once("-P").map(|(of, _)| of) != Some(&*member)
            {
                return Err("is not the registration of a person of a member".to_owned());
            }
            let in_order = last.as_ref().is_none_or(|last| last.first < checked.index);
            if !in_order || self.known.contains_key(&person) {
                return Err(format!("{person} stands twice, or out of order"));
            }
            self.known.insert(person.clone(), Vec::new());
            *last = Some(Last {
                event: *checked,
                first: checked.index,
                person,
            });
            return Ok(());
        }
        let before = last
            .as_mut()
            .filter(|last| last.event.leaf.chain == checked.leaf.chain)
            .ok_or("does not follow the event before it")?;
        if checked.leaf.prev != Some(before.event.hash)
            || checked.leaf.n != before.event.leaf.n + 1
            || checked.index <= before.event.index
        {
            return Err("does not follow the event before it".to_owned());
        }
        let key = key_of(event).map(|(_, key)| key);
        match (kind.as_deref(), key) {
            (Some("person_key_registered"), Some(key)) if person == before.person => {
                let keys = self.known.entry(person).or_default();
                keys.push((checked.index, key));
            }
            _ => return Err("is no registration of a key of this person".to_owned()),
        }
        before.event = *checked;
        Ok(())
    }
}

/// Whose key an event registers, and which.
fn key_of(event: &EventLine<'_>) -> Option<(String, Key)> {
    let key = event.text("key").and_then(|key| unhex(&key))?;
    Some((event.text("person")?.into_owned(), key.try_into().ok()?))
}
