//! The events that opened and closed an intake; and a receipt's items held against what the closing names
//! (`docs/format/receipt.md`, *Intake*).

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::Value;
use crate::merkle::Frontier;

use super::event::{EventLine, Signer};
use super::report::{Bound, Findings};
use super::source::{Source, read_small};
use super::tiles::{LeafTiles, stands};

/// What the two events are held against.
pub(super) struct Expected<'a> {
    /// The origin of the log.
    pub origin: Option<&'a str>,
    /// The tree over the events of the intake that the manifest shows.
    pub items: &'a Frontier,
    /// The id of the opening event, as these name it; `None` where there are none.
    pub act: Option<&'a str>,
    /// The index of the last of them.
    pub last: Option<u64>,
}

/// The events that opened and closed an intake, as far as they hold.
pub(super) struct Closed {
    /// The id of the opening event, as the events of its items name it.
    pub act: Option<String>,
    /// The member's code and the intake's number, as they are written.
    pub name: Option<String>,
    /// The index of the leaf of the opening.
    pub opened: u64,
    /// The index of the leaf of the closing.
    pub closed: u64,
    /// The field `items` of the closing.
    pub items: Option<Value>,
    /// Whose keys have signed the one and the other.
    pub signers: [Option<Signer>; 2],
}

/// Reads and checks the opening and the closing event of one intake.
pub(super) fn read_closed(
    source: &dyn Source,
    name: &str,
    origin: Option<&str>,
    mut tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    findings: &mut Findings,
) -> Option<Closed> {
    let bytes = read_small(source, name)
        .map_err(|error| findings.add(name, error))
        .ok()?;
    let mut lines = bytes
        .strip_suffix(b"\n")
        .unwrap_or(&bytes)
        .split(|byte| *byte == b'\n');
    let (Some(opened), Some(closed), None) = (lines.next(), lines.next(), lines.next()) else {
        findings.add(name, "does not have the two lines of opening and closing");
        return None;
    };
    let (opened, closed) = match (EventLine::parse(opened), EventLine::parse(closed)) {
        (Ok(opened), Ok(closed)) => (opened, closed),
        (Err(error), _) | (_, Err(error)) => {
            findings.add(name, error);
            return None;
        }
    };
    let first = stands(&opened, name, tiles.as_deref_mut(), leaf_tiles, findings);
    let end = stands(&closed, name, tiles, leaf_tiles, findings)?;
    let first = first?;
    let kinds = (opened.text("kind"), closed.text("kind"));
    if (kinds.0.as_deref(), kinds.1.as_deref()) != (Some("intake_opened"), Some("intake_closed")) {
        findings.add(
            name,
            "its events are not the opening and the closing of an intake",
        );
    }
    if first.leaf.chain != end.leaf.chain || first.leaf.n != 0 || first.index >= end.index {
        findings.add(name, "its events are not of one intake");
    }
    let mut signer = |event: &EventLine<'_>| match origin.map(|origin| event.signer(origin)) {
        Some(Ok(signer)) => signer,
        Some(Err(problem)) => {
            findings.add(name, problem);
            None
        }
        None => None,
    };
    let number = opened.integer("intake");
    Some(Closed {
        act: opened.text("event").map(Cow::into_owned),
        name: opened
            .text("member")
            .zip(number)
            .map(|(member, number)| format!("{member}-{number:06}")),
        opened: first.index,
        closed: end.index,
        items: closed.value("items"),
        signers: [signer(&opened), signer(&closed)],
    })
}

/// Checks the opening and the closing event against the items. `None` when the items are not shown to be those that
/// were closed.
pub(super) fn check(
    source: &dyn Source,
    name: &str,
    expected: &Expected<'_>,
    tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    findings: &mut Findings,
) -> Option<Bound> {
    let before = findings.list().len();
    let closed = read_closed(source, name, expected.origin, tiles, leaf_tiles, findings)?;
    let mut wrong = |what: &str| findings.add(name, what);
    if expected.act.is_some() && closed.act.as_deref() != expected.act {
        wrong("the manifest is of another intake");
    }
    if expected.last.is_some_and(|last| last >= closed.closed) {
        wrong("the intake was closed before its last item");
    }
    let named = Value::from_iter([
        (
            "root".to_owned(),
            Value::from(expected.items.root().to_string()),
        ),
        ("size".to_owned(), expected.items.size().into()),
    ]);
    if closed.items != Some(named) {
        wrong("the items of the manifest are not those with which the intake was closed");
    }
    let [_, signer] = closed.signers;
    (findings.list().len() == before).then_some(Bound {
        events: expected.items.size(),
        index: closed.closed,
        signer,
    })
}
