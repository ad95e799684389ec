//! A receipt's items held against what the event that closed the intake names (`docs/format/receipt.md`, *Intake*).

use std::collections::BTreeSet;

use crate::json::Value;
use crate::merkle::Frontier;
use crate::tile::FULL_WIDTH;

use super::event::{CheckedEvent, EventLine};
use super::report::{Bound, Findings};
use super::source::{Source, read_small};
use super::tiles::LeafTiles;

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

/// Checks the opening and the closing event. `None` when the items are not shown to be those that were closed.
pub(super) fn check(
    source: &dyn Source,
    name: &str,
    expected: &Expected<'_>,
    mut tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    findings: &mut Findings,
) -> Option<Bound> {
    let before = findings.list().len();
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
    let mut place = |event: &EventLine<'_>, findings: &mut Findings| -> Option<CheckedEvent> {
        let checked = event
            .check()
            .map_err(|error| findings.add(name, error))
            .ok()?;
        leaf_tiles.insert(checked.index / u64::from(FULL_WIDTH));
        let held = tiles
            .as_deref_mut()
            .map(|tiles| tiles.contains(checked.index, &checked.hash));
        match held {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => findings.add(
                name,
                format!(
                    "its leaf is not the one that the log has at index {}",
                    checked.index
                ),
            ),
            Some(Err(error)) => findings.add(
                name,
                format!("its place in the log cannot be shown: {error}"),
            ),
        }
        Some(checked)
    };
    let first = place(&opened, findings);
    let end = place(&closed, findings)?;
    let first = first?;
    let mut wrong = |what: &str| findings.add(name, what);
    let kinds = (opened.text("kind"), closed.text("kind"));
    if (kinds.0.as_deref(), kinds.1.as_deref()) != (Some("intake_opened"), Some("intake_closed")) {
        wrong("its events are not the opening and the closing of an intake");
    }
    if first.leaf.chain != end.leaf.chain || first.leaf.n != 0 || first.index >= end.index {
        wrong("its events are not of one intake");
    }
    if expected
        .act
        .is_some_and(|act| opened.text("event").as_deref() != Some(act))
    {
        wrong("the manifest is of another intake");
    }
    if expected.last.is_some_and(|last| last >= end.index) {
        wrong("the intake was closed before its last item");
    }
    let named = Value::from_iter([
        (
            "root".to_owned(),
            Value::from(expected.items.root().to_string()),
        ),
        ("size".to_owned(), expected.items.size().into()),
    ]);
    if closed.value("items") != Some(named) {
        wrong("the items of the manifest are not those with which the intake was closed");
    }
    let signer = match expected.origin.map(|origin| closed.signer(origin)) {
        Some(Ok(signer)) => signer,
        Some(Err(problem)) => {
            findings.add(name, problem);
            None
        }
        None => None,
    };
    (findings.list().len() == before).then(|| Bound {
        events: expected.items.size(),
        index: end.index,
        signer,
    })
}
