//! Where the tags of contents lie: in runs of 65,536 objects, each with a filter once it is full.
//!
//! Tags are hashes. In one index over all of them every new row would fall on a page of its own, and an intake into a
//! large centre would read and write a page of the whole table for each file. New rows fall on the pages of the last
//! run only; who looks for a tag asks the filters in memory first, and then the few runs that may hold it.

use crate::error::{AppError, Result};
use crate::sql::Session;

/// Objects of one run: object `no` is in run `no / RUN`.
const RUN: i64 = 65_536;
/// Bits of a filter: twelve for each object, so that one in 300 tags that are not there seems to be.
const BITS: u64 = 12 * RUN as u64;
/// Bits that a tag sets.
const SET: u64 = 8;

/// The run of an object.
pub fn run_of(object: i64) -> i64 {
    object / RUN
}

/// Which tags a run may hold (a Bloom filter).
pub struct Filter(Vec<u8>);

impl Filter {
    /// The filter of these tags.
    pub fn of<'a>(tags: impl IntoIterator<Item = &'a [u8; 16]>) -> Filter {
        let mut bits = vec![0; (BITS / 8) as usize];
        for tag in tags {
            for bit in places(tag) {
                bits[(bit / 8) as usize] |= 1 << (bit % 8);
            }
        }
        Filter(bits)
    }

    /// Whether the run may hold the tag: never no when it does.
    pub fn may_hold(&self, tag: &[u8; 16]) -> bool {
        let is_set = |bit: u64| {
            let byte = self.0.get((bit / 8) as usize).copied();
            byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        places(tag).all(is_set)
    }

    /// Its bytes, as the table keeps them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The bits of a tag. It is a keyed hash itself, so its two halves serve as two hashes.
fn places(tag: &[u8; 16]) -> impl Iterator<Item = u64> {
    let tag = u128::from_le_bytes(*tag);
    let (first, step) = (tag as u64, (tag >> 64) as u64 | 1);
    (0..SET).map(move |i| first.wrapping_add(i.wrapping_mul(step)) % BITS)
}

/// The tags of one run as they are in the table.
pub fn tags_of_run(session: &mut Session, run: i64) -> Result<Vec<[u8; 16]>> {
    let rows = session.query("SELECT tag FROM digests WHERE run = ?", &[run.into()])?;
    Ok(rows
        .iter()
        .map(|r| r.array(0))
        .collect::<std::result::Result<_, _>>()?)
}

/// A run, and the tags that it may hold.
pub type MayHold<'a> = (i64, Vec<&'a [u8; 16]>);

/// The filters of all full runs, read as they come.
#[derive(Default)]
pub struct Filters {
    full: Vec<(i64, Filter)>,
}

impl Filters {
    /// For each run that may hold any of the tags, the newest first: its number and those tags.
    pub fn narrow<'a>(
        &mut self,
        session: &mut Session,
        tags: &[&'a [u8; 16]],
    ) -> Result<Vec<MayHold<'a>>> {
        let next = self.full.last().map_or(0, |(run, _)| run + 1);
        let rows = session.query(
            "SELECT run, bits FROM digest_filters WHERE run >= ? ORDER BY run",
            &[next.into()],
        )?;
        for row in rows {
            let bits = row.blob(1)?;
            if bits.len() as u64 != BITS / 8 {
                return Err(AppError::damaged(
                    "table digest_filters",
                    "a filter of another length; run `comity rebuild`",
                ));
            }
            self.full.push((row.int(0)?, Filter(bits.to_vec())));
        }
        let newest = session.query_one("SELECT max(run) FROM digests", &[])?;
        let newest = newest.map(|r| r.opt_int(0)).transpose()?.flatten();
        let open = self.full.last().map_or(0, |(run, _)| run + 1)..newest.map_or(0, |run| run + 1);
        let open = open.rev().map(|run| (run, tags.to_vec()));
        let full = self.full.iter().rev().map(|(run, filter)| {
            let may = tags.iter().filter(|tag| filter.may_hold(tag));
            (*run, may.copied().collect::<Vec<_>>())
        });
        Ok(open
            .chain(full)
            .filter(|(_, tags)| !tags.is_empty())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_holds_all_of_its_tags_and_few_others() {
        let tag = |i: u64| comity_seal::tag(&[7; 32], &[&i.to_be_bytes()]);
        let inside: Vec<_> = (0..RUN as u64).map(tag).collect();
        let filter = Filter::of(&inside);
        assert!(inside.iter().all(|t| filter.may_hold(t)));
        let outside = (0..30_000).map(|i| tag(1 << 40 | i));
        let mistaken = outside.filter(|t| filter.may_hold(t)).count();
        assert!(mistaken < 300, "{mistaken} of 30,000");
    }

    #[test]
    fn a_full_run_gets_its_filter_and_only_the_runs_that_may_hold_a_tag_are_asked() -> Result<()> {
        use crate::project::Projector;
        use crate::sql::{Access, Database, schema};

        let folder = tempfile::tempdir().map_err(|e| AppError::Refused(e.to_string()))?;
        let mut session = Session::open(&Database::Sqlite {
            path: folder.path().join("state.db"),
            key: [1; 32],
            access: Access::Live,
        })?;
        schema::create(&mut session)?;
        let tag = |i: i64| comity_seal::tag(&[7; 32], &[&i.to_be_bytes()]);
        session.begin()?;
        let mut projector = Projector::load(&mut session)?;
        for no in [RUN - 2, RUN - 1, RUN, RUN + 1] {
            projector.run_tag(&mut session, no, Some(tag(no)))?;
            let row = [
                run_of(no).into(),
                1i64.into(),
                tag(no).into(),
                no.into(),
                1i64.into(),
            ];
            projector.rows.insert("digests", row);
            if no == RUN - 2 {
                // The next process goes on from the tables.
                projector.rows.flush(&mut session)?;
                projector = Projector::load(&mut session)?;
            }
        }
        projector.rows.flush(&mut session)?;
        session.commit()?;

        let mut filters = Filters::default();
        let (old, older, new, never) = (tag(RUN - 1), tag(RUN - 2), tag(RUN), tag(9));
        let asked = filters.narrow(&mut session, &[&old, &older, &new, &never])?;
        assert_eq!(
            asked,
            [
                (1, vec![&old, &older, &new, &never]),
                (0, vec![&old, &older])
            ]
        );
        // They are read once.
        assert_eq!(
            filters.narrow(&mut session, &[&never])?,
            [(1, vec![&never])]
        );
        Ok(())
    }
}
