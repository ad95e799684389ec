//! The tree over the events of an intake's items, which the event that closes it names
//! (`docs/format/events.md`, `items` of the closing event).

use std::collections::{HashMap, HashSet};

use comity_core::body::Field;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ChainId;
use comity_core::json::Value;
use comity_core::merkle::Frontier;

/// The value of `items`.
pub(crate) fn to_json(tree: &Frontier) -> Value {
    Value::from_iter([
        ("root".to_owned(), Value::from(tree.root().to_string())),
        ("size".to_owned(), tree.size().into()),
    ])
}

/// Every intake's tree as the log goes on, held against what its closing event names. Small: one edge of a tree for
/// each intake that is open.
#[derive(Default)]
pub(crate) struct IntakeTrees {
    /// By the id of the event that opened the intake.
    open: HashMap<String, Frontier>,
    /// The id of the event that opened it, by the intake's chain.
    acts: HashMap<ChainId, String>,
    /// Intakes whose closing event names their items: nothing more may come.
    sealed: HashSet<String>,
}

impl IntakeTrees {
    /// An event could not be read: it may belong to any intake that is open.
    pub fn gap(&mut self) {
        self.open.clear();
    }

    /// Takes the next event.
    pub fn meet(
        &mut self,
        index: u64,
        chain: ChainId,
        leaf: Digest,
        fields: &[Field],
    ) -> Option<Finding> {
        let value = |name: &str| fields.iter().find(|f| f.name == name).map(|f| &f.value);
        let text = |name: &str| value(name).and_then(Value::as_str);
        match text("kind")? {
            "intake_opened" => {
                let id = text("event")?;
                self.open.insert(id.to_owned(), Frontier::new());
                self.acts.insert(chain, id.to_owned());
                None
            }
            kind @ ("received" | "delivered_again") => {
                let act = text("act")?;
                if self.sealed.contains(act) {
                    let ern = text("ern").unwrap_or("an item without a number");
                    let place = format!("{ern}, event {index} of the ledger ({kind})");
                    let what = "it was added to an intake that was closed already";
                    return Some(Finding::new(place, what));
                }
                self.open.get_mut(act)?.push(leaf);
                None
            }
            "intake_closed" => {
                let act = self.acts.remove(&chain)?;
                let tree = self.open.remove(&act);
                let named = value("items")?;
                self.sealed.insert(act);
                let found = to_json(&tree?);
                (*named != found).then(|| {
                    let place = format!("event {index} of the ledger (intake_closed)");
                    let size = |v: &Value| v.get("size").and_then(Value::as_u64).unwrap_or(0);
                    let what = format!(
                        "the items of the intake are not those that were closed: it names {} events, and there are {}",
                        size(named),
                        size(&found)
                    );
                    Finding::new(place, what)
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pairs: &[(&str, &str)]) -> Vec<Field> {
        pairs.iter().map(|(n, v)| Field::custody(*n, *v)).collect()
    }

    #[test]
    fn an_item_that_was_slipped_in_left_out_or_added_later_is_named() {
        let leaves = [Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c")];
        let mut tree = Frontier::new();
        leaves[..2].iter().for_each(|leaf| tree.push(*leaf));
        let (one, other) = (ChainId([1; 16]), ChainId([2; 16]));
        let received = text(&[
            ("kind", "received"),
            ("act", "aa"),
            ("ern", "UKR-000001-0000001"),
        ]);
        let closing = |items: Option<Value>| {
            let mut fields = text(&[("kind", "intake_closed")]);
            fields.extend(items.map(|items| Field::custody("items", items)));
            fields
        };
        let run = |between: &[Digest], items: Option<Value>, after: bool| {
            let mut trees = IntakeTrees::default();
            let mut found = Vec::new();
            let opened = text(&[("kind", "intake_opened"), ("event", "aa")]);
            found.extend(trees.meet(0, one, Digest::of(b"o"), &opened));
            for leaf in between {
                found.extend(trees.meet(1, other, *leaf, &received));
            }
            found.extend(trees.meet(5, one, Digest::of(b"z"), &closing(items)));
            if after {
                found.extend(trees.meet(6, other, leaves[2], &received));
            }
            found.into_iter().map(|f| f.what).collect::<Vec<_>>()
        };
        let named = || Some(to_json(&tree));
        assert!(run(&leaves[..2], named(), false).is_empty());
        assert!(run(&leaves, named(), false)[0].contains("names 2 events, and there are 3"));
        assert!(run(&leaves[..1], named(), false)[0].contains("names 2 events, and there are 1"));
        let swapped = [leaves[1], leaves[0]];
        assert_eq!(run(&swapped, named(), false).len(), 1);
        assert!(run(&leaves[..2], named(), true)[0].contains("closed already"));
        // What an earlier program closed names no items.
        assert!(run(&leaves, None, true).is_empty());
    }
}
