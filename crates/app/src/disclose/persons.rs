//! Whose the keys are that signed what a package shows (`docs/format/disclosure.md`, *Persons*).

use std::collections::{BTreeMap, BTreeSet};

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::read::OpenedEvent;
use crate::receipt::custody_lines;
use crate::sql::Session;

/// The file, and the indices of its events.
pub struct Persons {
    /// Its lines.
    pub lines: String,
    /// The leaves that these stand on.
    pub indices: Vec<u64>,
}

/// The chains of these persons up to the size of checkpoint A, and of those who signed the registrations of their keys.
/// Who signed nothing of the package is not in it.
pub fn of(
    centre: &Centre,
    session: &mut Session,
    signers: BTreeSet<String>,
    size: u64,
) -> Result<Persons> {
    let mut left = signers;
    let (mut done, mut chains) = (BTreeSet::new(), BTreeMap::new());
    while let Some(person) = left.pop_first() {
        let Some(events) = chain_of(centre, session, &person, size)? else {
            continue;
        };
        done.insert(person);
        let signed = events.iter().filter_map(signer).map(str::to_owned);
        left.extend(signed.filter(|person| !done.contains(person)));
        if let Some(first) = events.first() {
            chains.insert(first.index, events);
        }
    }
    let mut persons = Persons {
        lines: String::new(),
        indices: Vec::new(),
    };
    // By their first events, as they stand in the log.
    for events in chains.values() {
        persons.lines.push_str(&custody_lines(events)?);
        persons.indices.extend(events.iter().map(|e| e.index));
    }
    Ok(persons)
}

/// Who signed an event.
pub fn signer(event: &OpenedEvent) -> Option<&str> {
    event.value(comity_core::signature::FIELD)?;
    event.text("actor")
}

/// The events of a person's chain; `None` where its member's desk has locked them.
fn chain_of(
    centre: &Centre,
    session: &mut Session,
    person: &str,
    size: u64,
) -> Result<Option<Vec<OpenedEvent>>> {
    let row = session.query_one("SELECT no FROM persons WHERE number = ?", &[person.into()])?;
    let Some(no) = row.map(|r| r.int(0)).transpose()? else {
        return Ok(None);
    };
    let mut indices = centre.chain_indices(session, no)?;
    indices.retain(|index| *index < size);
    let events: Result<Vec<_>> = indices.iter().map(|i| centre.read_event(*i)).collect();
    match events {
        Ok(events) => Ok(Some(events)),
        Err(AppError::Locked { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}
