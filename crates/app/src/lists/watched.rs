//! What lists of files that are looked for say of items that have just come: told where somebody waits for it, without
//! the search index.

use std::collections::BTreeMap;

use comity_core::digest::hex;
use comity_index::Class;
use comity_lists::{Digest, Sum};

use super::digests::OpenList;
use crate::centre::Centre;
use crate::error::Result;
use crate::item::{COLUMNS, Item, TABLES};
use crate::sql::Session;

/// Items read from SQL at a time.
const PAGE: usize = 1000;

/// A list on which items were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its number.
    pub list: String,
    /// What it is called.
    pub name: String,
    /// How many of the items are on it.
    pub items: u64,
}

impl Centre {
    /// How many of the items that were recorded or read from the leaf `since` on are on each list of files that are
    /// looked for, of those lists that a person of this member may see; nobody in particular sees what is shared.
    pub fn watched_since(&self, member: Option<&str>, since: u64) -> Result<Vec<Watched>> {
        let mut session = self.session()?;
        let mut seen = self.lists_seen(&mut session, member)?;
        seen.retain(|list| list.class == Class::Watch);
        if seen.is_empty() {
            return Ok(Vec::new());
        }
        let (mut lists, mut said) = (Vec::new(), Vec::new());
        for list in &seen {
            lists.push(self.open_list(&mut session, list, &mut said)?);
        }
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        let since = since as i64;
        // What came, and then what came before and was read now.
        let new = "i.no > ? AND c.first_index >= ? AND i.erased IS NULL ORDER BY i.no";
        let read = "r.leaf > ? AND c.first_index < ? AND i.erased IS NULL ORDER BY r.leaf";
        let first = first_chain(&mut session, since)?;
        for (which, begin, is_new) in [(new, first, true), (read, since, false)] {
            let mut after = begin.saturating_sub(1);
            loop {
                let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE {which} LIMIT {PAGE}");
                let rows = session.query(&sql, &[after.into(), since.into()])?;
                for row in &rows {
                    let item = self.item_of_row(row)?;
                    after = match item.reading.filter(|_| !is_new) {
                        Some(reading) => reading.leaf as i64,
                        None => item.no,
                    };
                    for at in self.lists_with(&mut lists, &item)? {
                        *counts.entry(at).or_default() += 1;
                    }
                }
                if rows.len() < PAGE {
                    break;
                }
            }
        }
        let told = seen.into_iter().enumerate().filter_map(|(at, list)| {
            Some(Watched {
                items: *counts.get(&at)?,
                list: list.number,
                name: list.facts?.name,
            })
        });
        Ok(told.collect())
    }

    /// The places of those lists that an item is on.
    fn lists_with(&self, lists: &mut [OpenList], item: &Item) -> Result<Vec<usize>> {
        let Some(sha256) = item.facts.as_ref().and_then(|facts| facts.sha256) else {
            return Ok(Vec::new());
        };
        let mut digests: Vec<Digest> = Digest::parse(&hex(&sha256)).into_iter().collect();
        if lists.iter().any(|l| l.has(Sum::Md5) || l.has(Sum::Sha1)) {
            let received = self.received_event(item)?;
            let reading = item.reading.map(|r| self.read_event(r.leaf)).transpose()?;
            let read = |name: &str| reading.as_ref().and_then(|event| event.text(name));
            for (first, later) in [("sha1", "item_sha1"), ("md5", "item_md5")] {
                let digest = received.text(first).or_else(|| read(later));
                digests.extend(digest.and_then(Digest::parse));
            }
        }
        let mut found = Vec::new();
        for (at, list) in lists.iter_mut().enumerate() {
            for digest in &digests {
                if list.find(digest)?.is_some() {
                    found.push(at);
                    break;
                }
            }
        }
        Ok(found)
    }
}

/// The number of the first chain that began at this leaf or later.
fn first_chain(session: &mut Session, since: i64) -> Result<i64> {
    let sql = "SELECT min(no) FROM chains WHERE first_index >= ?";
    let row = session.query_one(sql, &[since.into()])?;
    let first = row.map(|row| row.opt_int(0)).transpose()?.flatten();
    Ok(first.unwrap_or(i64::MAX))
}
