//! Indexes of a member, and whoever may see one case of it.

use std::path::Path;
use std::sync::Arc;

use comity_core::random::TestRandom;
use comity_index::{Clause, Document, Index, Mark, Position, Scope};
use comity_seal::Key;
use comity_store::Disk;

/// An index of these, a segment for each so many.
pub fn filled(dir: &Path, documents: &[Document], at_once: usize) -> Index {
    let random = Arc::new(TestRandom::new([9; 32]));
    let mut index = Index::open(dir, "UKR", &Disk::real(), &Key::new([7; 32]), random).unwrap();
    for part in documents.chunks(at_once) {
        let mut change = index.write().unwrap();
        for document in part {
            change.put(document).unwrap();
        }
        let at = Position {
            size: 1,
            leaf: "ab".to_owned(),
            lists: Vec::new(),
        };
        change.commit(at).unwrap();
    }
    index
}

/// Whoever may see this case alone.
pub fn of_case(case: &str) -> Scope {
    Scope {
        clauses: vec![Clause {
            mark: Mark::Case,
            values: vec![case.to_owned()],
            among: true,
        }],
    }
}
