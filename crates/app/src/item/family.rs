//! What lies around an item, and what lies inside of it.

use super::{Inside, Item};
use crate::centre::Centre;
use crate::error::Result;
use crate::sql::Session;

/// The chain numbers of the containers around an item, from the outermost on.
pub fn containers(session: &mut Session, item: i64) -> Result<Vec<i64>> {
    let row = session.query_one(
        "SELECT intake, number, below FROM items WHERE no = ?",
        &[item.into()],
    )?;
    let Some(row) = row else {
        return Ok(Vec::new());
    };
    let (intake, number, below) = (row.int(0)?, row.int(1)?, row.blob(2)?.to_vec());
    let mut around = Vec::new();
    for depth in 0..below.len() / 4 {
        let row = session.query_one(
            "SELECT no FROM items WHERE intake = ? AND number = ? AND below = ?",
            &[intake.into(), number.into(), below[..depth * 4].into()],
        )?;
        around.extend(row.map(|row| row.int(0)).transpose()?);
    }
    Ok(around)
}

impl Centre {
    /// What lies inside of an item at any depth and was not erased, by chain number; at most so many.
    pub(crate) fn inside_of(
        &self,
        session: &mut Session,
        item: &Item,
        limit: usize,
    ) -> Result<Vec<i64>> {
        let Inside {
            intake,
            number,
            below,
        } = self.inside(session, item)?;
        let end = [&below[..], &[0xff]].concat();
        let rows = session.query(
            &format!("SELECT no FROM items WHERE intake = ? AND number = ? AND below > ? AND below < ? AND erased IS NULL ORDER BY below LIMIT {limit}"),
            &[intake.into(), number.into(), below.into(), end.into()],
        )?;
        Ok(rows
            .iter()
            .map(|row| row.int(0))
            .collect::<std::result::Result<_, _>>()?)
    }
}
