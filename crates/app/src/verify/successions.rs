//! The succession statements of the events, held against each other and against their copy under `ledger/`
//! (`docs/format/succession.md`).

use comity_core::finding::Finding;
use comity_core::succession::{Chain, Statement, statements_of};

use super::Scene;
use super::events::text;
use crate::error::Result;
use crate::rebuild::Opened;
use crate::succession::FILE;

/// The kinds of event whose field `statement` is one.
const KINDS: [&str; 2] = ["log_keys_succeeded", "log_heirs_named"];

/// The statements as the log goes on.
#[derive(Default)]
pub(super) struct Successions {
    chain: Chain,
    /// The index of each event, and its statement.
    told: Vec<(u64, String)>,
    /// Not every event could be read: what is not known may be there.
    blind: bool,
}

impl Successions {
    /// An event could not be read.
    pub fn gap(&mut self) {
        self.blind = true;
    }

    /// The statements that hold so far.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Takes the next event. What is wrong with its statement is a finding.
    pub fn meet(&mut self, event: &Opened) -> Option<Finding> {
        let kind = text(&event.fields, "kind").filter(|kind| KINDS.contains(kind))?;
        let index = event.event.index;
        let statement = text(&event.fields, "statement").unwrap_or_default();
        self.told.push((index, statement.to_owned()));
        let wrong = self.push(kind, index, statement)?;
        // After an event that could not be read, a statement may follow one that is not known.
        (!self.blind).then(|| Finding::new(format!("event {index} of the ledger ({kind})"), wrong))
    }

    fn push(&mut self, kind: &str, index: u64, statement: &str) -> Option<String> {
        let parsed = match Statement::parse(statement.as_bytes()) {
            Ok(parsed) => parsed,
            Err(e) => return Some(e.to_string()),
        };
        match self.chain.push(parsed) {
            Err(e) => Some(e.to_string()),
            Ok(held) if held.says.only_names_heirs() != (kind == KINDS[1]) => {
                Some("its statement is of the other kind".to_owned())
            }
            Ok(held) if held.says.size > index => Some(format!(
                "its statement is over {} events, and stands before them",
                held.says.size
            )),
            Ok(_) => None,
        }
    }

    /// At the end of a tree of `size`: the copy has these statements, in this order, and no other. One over a tree that
    /// is not smaller may be of an event that is being recorded.
    pub fn end(&self, scene: &Scene<'_>, size: u64) -> Result<Vec<Finding>> {
        if self.blind {
            return Ok(Vec::new());
        }
        let file = scene.objects.get(FILE)?.unwrap_or_default();
        let kept = String::from_utf8_lossy(&file);
        let kept: Vec<&str> = statements_of(&kept).collect();
        Ok(self
            .differences(&kept, size)
            .into_iter()
            .map(|what| Finding::new(FILE, what))
            .collect())
    }

    /// What the copy has otherwise than the events, in words.
    fn differences(&self, kept: &[&str], size: u64) -> Vec<String> {
        let told: Vec<&str> = self.told.iter().map(|(_, s)| s.as_str()).collect();
        let (mut wrong, mut altered) = (Vec::new(), Vec::new());
        for (index, statement) in &self.told {
            let same_size = |k: &&&str| size_of(k) == size_of(statement) && !told.contains(*k);
            if kept.contains(&statement.as_str()) {
                continue;
            }
            match kept.iter().find(same_size) {
                Some(other) => {
                    altered.push(*other);
                    wrong.push(format!(
                        "its statement {} is another than the one of event {index}: it was altered",
                        named(other)
                    ));
                }
                None => wrong.push(format!(
                    "it lacks the statement {} of event {index}: it is missing",
                    named(statement)
                )),
            }
        }
        let of_no_event = |k: &&&str| {
            !told.contains(*k) && !altered.contains(*k) && size_of(k).is_none_or(|s| s < size)
        };
        wrong.extend(kept.iter().filter(of_no_event).map(|k| {
            format!(
                "it has a statement {} that no event tells of: it is extra",
                named(k)
            )
        }));
        let held: Vec<&str> = kept.iter().copied().filter(|k| told.contains(k)).collect();
        if wrong.is_empty() && held != told {
            wrong.push("its statements are not those of the events in their order".to_owned());
        }
        wrong
    }
}

/// The size that a statement speaks of, whatever else is wrong with it.
fn size_of(statement: &str) -> Option<u64> {
    let line = statement.lines().nth(2)?;
    line.strip_prefix("size ")?.parse().ok()
}

/// Which statement it is, for people.
fn named(statement: &str) -> String {
    match size_of(statement) {
        Some(size) => format!("over {size} events"),
        None => "that cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_is_missing_extra_altered_or_out_of_place_is_named() {
        let said =
            |size: u64, mark: &str| format!("comity-succession-1\norigin a\nsize {size}\n{mark}\n");
        let (first, second) = (said(3, "first"), said(7, "second"));
        let successions = Successions {
            told: vec![(3, first.clone()), (8, second.clone())],
            ..Successions::default()
        };
        let (altered, extra, later) = (said(7, "other"), said(9, "third"), said(12, "under way"));
        let table: [(&[&str], &[&str]); 8] = [
            (&[&first, &second], &[]),
            (&[&first, &second, &later], &[]),
            (&[&first], &["of event 8: it is missing"]),
            (
                &[],
                &["of event 3: it is missing", "of event 8: it is missing"],
            ),
            (
                &[&first, &altered],
                &["than the one of event 8: it was altered"],
            ),
            (
                &[&first, &second, &extra],
                &["no event tells of: it is extra"],
            ),
            (
                &["noise", &first, &second],
                &["no event tells of: it is extra"],
            ),
            (&[&second, &first], &["in their order"]),
        ];
        for (kept, expected) in table {
            let found = successions.differences(kept, 12);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.contains(expected), "{found:?} is not {expected:?}");
            }
        }
    }
}
