//! The parsers of this crate under the names of their corpora.

use std::io::{Cursor, Error, Read};

use comity_lists::{
    Digest, Kind, Line, Memory, Names, Sorted, read_file_line, read_files, read_names, sort_digests,
};

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("names", names), ("files", files), ("digests", digests)];

/// FollowTheMoney, or a table; what is found in it is looked for in itself.
pub fn names(bytes: &[u8]) {
    let mut building = Names::build();
    let _ = read_names(&mut &*bytes, Some(Kind::Person), &mut |line| {
        if let Line::Entity(entity) = line {
            building.add(&entity);
        }
        true
    });
    let names = building.finish();
    let text = String::from_utf8_lossy(bytes);
    for all_names in [false, true] {
        for found in names.find(&text, all_names, &mut Memory::default()) {
            assert!(text.get(found.start..found.end).is_some());
            let _ = (names.entity(found.entity), found.how.to_string());
        }
    }
}

/// Digests as text; sorted, with and without runs, each is found again.
pub fn files(bytes: &[u8]) {
    let mut lines = Vec::new();
    let read = read_files(&mut &*bytes, &mut |line| {
        if let comity_lists::FileLine::File { at, digests, .. } = line {
            lines.push((at, digests));
        }
        true
    });
    let (whole, runs) = (sorted(bytes, usize::MAX), sorted(bytes, 3));
    assert_eq!(whole, runs);
    let Some(index) = whole.filter(|_| read.is_ok()).and_then(opened) else {
        return;
    };
    for (at, digests) in lines {
        let strongest = digests.into_iter().max_by_key(|d| d.sum).unwrap();
        let first = index.find(&strongest).unwrap().unwrap();
        assert!(first <= at);
        let line_at = |at: u64| bytes[at as usize..].split_inclusive(|b| *b == b'\n').next();
        let head = index.head_of(first).and_then(line_at);
        let (digests, _) = read_file_line(head, line_at(first).unwrap()).unwrap();
        assert!(digests.contains(&strongest));
    }
}

/// Sorted digests, as they come out of their seal.
pub fn digests(bytes: &[u8]) {
    let Some(index) = opened(bytes.to_vec()) else {
        return;
    };
    for digits in [64, 40, 32] {
        for sign in ["0", "8", "f"] {
            let digest = Digest::parse(&sign.repeat(digits)).unwrap();
            let _ = index.find(&digest).map(|at| at.map(|at| index.head_of(at)));
        }
    }
}

pub fn sorted(list: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut spill = |run: &[u8]| Ok(Box::new(Cursor::new(run.to_vec())) as Box<dyn Read>);
    sort_digests(&mut &*list, most, &mut spill, &mut out).ok()?;
    Some(out)
}

fn opened(bytes: Vec<u8>) -> Option<Sorted> {
    let size = bytes.len() as u64;
    let read = move |at: u64, to: &mut [u8]| {
        let from = usize::try_from(at)
            .ok()
            .and_then(|at| bytes.get(at..)?.get(..to.len()));
        to.copy_from_slice(from.ok_or_else(|| Error::other("past the end"))?);
        Ok(())
    };
    Sorted::open(size, Box::new(read)).ok()
}
