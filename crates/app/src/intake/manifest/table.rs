//! Digests by path, for millions of paths: one buffer for names, one for digests, and 20 bytes a
//! row.

use std::cmp::Ordering;
use std::ops::Range;

use super::algorithm::Algorithm;

/// The table is full: names or digests take more than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::intake) struct Full;

#[derive(Clone, Copy, Debug)]
struct Row {
    name: u32,
    name_len: u32,
    digest: u32,
    line: u32,
    algorithm: Algorithm,
    seen: bool,
}

/// One row as its reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::intake) struct RowView<'a> {
    pub(in crate::intake) name: &'a [u8],
    pub(in crate::intake) algorithm: Algorithm,
    pub(in crate::intake) digest: &'a [u8],
    pub(in crate::intake) line: u32,
    pub(in crate::intake) seen: bool,
}

/// A path that was listed twice by one algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::intake) struct Twice {
    pub(in crate::intake) first_line: u32,
    pub(in crate::intake) line: u32,
    pub(in crate::intake) algorithm: Algorithm,
    pub(in crate::intake) same_digest: bool,
}

/// Digests by path. Rows are pushed, then sorted once, then looked up.
#[derive(Debug, Default)]
pub(in crate::intake) struct DigestTable {
    names: Vec<u8>,
    digests: Vec<u8>,
    rows: Vec<Row>,
}

impl DigestTable {
    pub(in crate::intake) fn push(
        &mut self,
        name: &[u8],
        algorithm: Algorithm,
        digest: &[u8],
        line: u64,
    ) -> Result<(), Full> {
        // Lines with several digests repeat the name; it is kept once.
        let kept = match self.rows.last() {
            Some(last) if self.name(last) == name => (last.name, last.name_len),
            _ => {
                let start = u32::try_from(self.names.len()).map_err(|_| Full)?;
                self.names.extend_from_slice(name);
                (start, u32::try_from(name.len()).map_err(|_| Full)?)
            }
        };
        let row = Row {
            name: kept.0,
            name_len: kept.1,
            digest: u32::try_from(self.digests.len()).map_err(|_| Full)?,
            line: u32::try_from(line).map_err(|_| Full)?,
            algorithm,
            seen: false,
        };
        self.digests.extend_from_slice(digest);
        self.rows.push(row);
        Ok(())
    }

    /// Sorts by path (see [`path_order`]) and algorithm. What is listed twice by one algorithm
    /// keeps its first row; the others are handed back, in the order of lines.
    pub(in crate::intake) fn sort(&mut self) -> Vec<Twice> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| {
            path_order(self.name(a), self.name(b))
                .then(a.algorithm.cmp(&b.algorithm))
                .then(a.line.cmp(&b.line))
        });
        let mut twice = Vec::new();
        rows.dedup_by(|row, first| {
            let same = row.algorithm == first.algorithm && self.name(row) == self.name(first);
            if same {
                let same_digest = self.digest(row) == self.digest(first);
                twice.push(Twice {
                    first_line: first.line,
                    line: row.line,
                    algorithm: row.algorithm,
                    same_digest,
                });
            }
            same
        });
        rows.shrink_to_fit();
        self.names.shrink_to_fit();
        self.digests.shrink_to_fit();
        self.rows = rows;
        twice.sort_unstable_by_key(|twice| twice.line);
        twice
    }

    /// The rows of `name`; empty when it is not listed.
    pub(in crate::intake) fn find(&self, name: &[u8]) -> Range<usize> {
        let start = self
            .rows
            .partition_point(|row| path_order(self.name(row), name) == Ordering::Less);
        let count = self
            .rows
            .iter()
            .skip(start)
            .take_while(|row| self.name(row) == name)
            .count();
        start..start + count
    }

    /// The rows from `range`, or those of them that exist.
    pub(in crate::intake) fn rows(&self, range: Range<usize>) -> impl Iterator<Item = RowView<'_>> {
        self.rows
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(|row| self.view(row))
    }

    /// Notes that the rows in `range` were met.
    pub(in crate::intake) fn mark(&mut self, range: Range<usize>) {
        for row in self.rows.get_mut(range).unwrap_or_default() {
            row.seen = true;
        }
    }

    /// Each path once, in order, with its rows.
    pub(in crate::intake) fn paths(&self) -> impl Iterator<Item = (&[u8], Range<usize>)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let name = self.name(self.rows.get(next)?);
            let count = self
                .rows
                .iter()
                .skip(next)
                .take_while(|row| self.name(row) == name)
                .count();
            let range = next..next + count;
            next = range.end;
            Some((name, range))
        })
    }

    /// The algorithms that occur, weakest first.
    pub(in crate::intake) fn algorithms(&self) -> Vec<Algorithm> {
        let mut found = [false; Algorithm::ALL.len()];
        for row in &self.rows {
            if let Some(found) = found.get_mut(row.algorithm as usize) {
                *found = true;
            }
        }
        Algorithm::ALL
            .into_iter()
            .zip(found)
            .filter_map(|(a, found)| found.then_some(a))
            .collect()
    }

    pub(in crate::intake) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Memory that the table holds.
    #[cfg(test)]
    pub(in crate::intake) fn allocated_bytes(&self) -> usize {
        self.names.capacity() + self.digests.capacity() + self.rows.capacity() * size_of::<Row>()
    }

    fn view(&self, row: &Row) -> RowView<'_> {
        RowView {
            name: self.name(row),
            algorithm: row.algorithm,
            digest: self.digest(row),
            line: row.line,
            seen: row.seen,
        }
    }

    fn name(&self, row: &Row) -> &[u8] {
        let start = row.name as usize;
        self.names
            .get(start..start + row.name_len as usize)
            .unwrap_or_default()
    }

    fn digest(&self, row: &Row) -> &[u8] {
        let start = row.digest as usize;
        self.digests
            .get(start..start + row.algorithm.len_bytes())
            .unwrap_or_default()
    }
}

/// The order in which a walk meets paths: component by component, each by its bytes.
///
/// That is the order of bytes with the separator below every other: no name holds a zero byte.
pub(in crate::intake) fn path_order(a: &[u8], b: &[u8]) -> Ordering {
    const STEP: usize = 16;
    let steps = a
        .chunks_exact(STEP)
        .zip(b.chunks_exact(STEP))
        .take_while(|(x, y)| x == y)
        .count();
    let (a, b) = (
        a.get(steps * STEP..).unwrap_or_default(),
        b.get(steps * STEP..).unwrap_or_default(),
    );
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let key = |path: &[u8]| {
        path.get(common)
            .map(|byte| if *byte == b'/' { 0 } else { *byte })
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_has_all_its_digests_and_repeats_are_told() -> Result<(), Full> {
        let mut table = DigestTable::default();
        table.push(b"b", Algorithm::Sha256, &[1; 32], 1)?;
        table.push(b"b", Algorithm::Md5, &[2; 16], 1)?;
        table.push(b"a/z", Algorithm::Md5, &[3; 16], 2)?;
        table.push(b"a.txt", Algorithm::Md5, &[4; 16], 3)?;
        table.push(b"b", Algorithm::Md5, &[9; 16], 4)?;
        table.push(b"a/z", Algorithm::Md5, &[3; 16], 5)?;
        assert_eq!(
            table.sort(),
            [
                Twice {
                    first_line: 1,
                    line: 4,
                    algorithm: Algorithm::Md5,
                    same_digest: false
                },
                Twice {
                    first_line: 2,
                    line: 5,
                    algorithm: Algorithm::Md5,
                    same_digest: true
                },
            ]
        );
        let paths: Vec<_> = table
            .paths()
            .map(|(name, rows)| (name, rows.len()))
            .collect();
        assert_eq!(paths, [(&b"a/z"[..], 1), (b"a.txt", 1), (b"b", 2)]);
        let rows = table.find(b"b");
        let found: Vec<_> = table
            .rows(rows.clone())
            .map(|row| (row.algorithm, row.line))
            .collect();
        assert_eq!(found, [(Algorithm::Md5, 1), (Algorithm::Sha256, 1)]);
        table.mark(rows);
        assert!(
            table
                .rows(0..9)
                .filter(|row| row.seen)
                .all(|row| row.name == b"b")
        );
        assert!(table.find(b"a").is_empty());
        assert_eq!(table.algorithms(), [Algorithm::Md5, Algorithm::Sha256]);
        Ok(())
    }

    proptest! {
        /// The order of whole paths is the order in which a depth-first walk would meet them.
        #[test]
        fn paths_are_ordered_component_by_component(
            a in prop::collection::vec("[a-c.!\u{e9}]{1,3}", 1..4),
            b in prop::collection::vec("[a-c.!\u{e9}]{1,3}", 1..4),
        ) {
            let whole = path_order(a.join("/").as_bytes(), b.join("/").as_bytes());
            prop_assert_eq!(whole, a.cmp(&b));
        }
    }
}
