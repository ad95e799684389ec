//! What the tables forget when an item is erased: all that came from its content. Tables built before an erasure and
//! tables made anew after it, when the content cannot be read any more, are the same.

use comity_core::id::ObjectId;
use comity_seal::Key;

use super::Projector;
use super::apply::Event;
use super::facts::{ItemFacts, open_facts};
use super::received::{digest_tag, path_tags};
use super::runs::{Filter, run_of, tags_of_run};
use crate::error::{AppError, Result};
use crate::keys::ScopeKeys;
use crate::sql::{Session, Value};

/// What was read of an item goes with it.
const FORGOTTEN: [&str; 6] = [
    "DELETE FROM objects WHERE no IN (SELECT -leaf FROM derivatives WHERE item = ?)",
    "DELETE FROM derivatives WHERE item = ?",
    "DELETE FROM readings WHERE item = ?",
    "DELETE FROM further WHERE item = ?",
    "DELETE FROM segments WHERE item = ?",
    "DELETE FROM segments WHERE first = ?",
];

impl Projector {
    /// Applies the `erased` event of the item whose chain has the number `no`.
    pub(super) fn erase(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
        no: i64,
    ) -> Result<()> {
        // Rows that wait may be those of the item, or of another that holds the same bytes.
        self.rows.flush(session)?;
        let erasure = self.act_no(session, "erasures", event.text("erasure")?)?;
        let row = session.query_one(
            "SELECT i.source, i.object, i.facts, c.content_key, m.scope_key, i.member FROM items i JOIN chains c ON c.no = i.no JOIN members m ON m.no = i.member WHERE i.no = ?",
            &[no.into()],
        )?;
        let row = row.ok_or_else(|| {
            AppError::damaged(
                format!("event {} of the ledger", event.index),
                "it erases what is no item",
            )
        })?;
        let facts = match (row.opt_blob(2)?, keys.item_secret(row.int(3)? as u64)?) {
            (Some(sealed), Some(secret)) => {
                ItemFacts::decode(&open_facts(&Key::new(secret.first), "items", sealed)?)
            }
            _ => None,
        };
        if let Some(facts) = &facts {
            let (folder, name) = path_tags(&keys.index_key(event.custody_key)?, &facts.path);
            session.execute(
                "DELETE FROM paths WHERE source = ? AND folder = ? AND name = ? AND item = ?",
                &[row.int(0)?.into(), folder.into(), name.into(), no.into()],
            )?;
        }
        for sql in FORGOTTEN {
            session.execute(sql, &[no.into()])?;
        }
        let object = row.opt_int(1)?;
        session.execute(
            "UPDATE items SET erased = ?, size = 0, object = NULL, former = NULL, facts = NULL WHERE no = ?",
            &[erasure.into(), no.into()],
        )?;
        if let Some(object) = object.filter(|object| *object == no) {
            let index_key = keys.index_key(row.int(4)? as u64)?;
            let sha256 = facts.and_then(|f| f.sha256);
            self.let_go(
                session,
                row.int(5)?,
                object,
                sha256.map(|d| digest_tag(&index_key, &d)),
            )?;
        }
        Ok(())
    }

    /// An object loses the item whose number it bears: the next item that holds the same bytes inherits it, or
    /// nothing is left of it.
    fn let_go(
        &mut self,
        session: &mut Session,
        member: i64,
        object: i64,
        tag: Option<[u8; 16]>,
    ) -> Result<()> {
        let heir = session.query_one(
            "SELECT i.no, c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.object <> i.no AND i.object = ? ORDER BY i.no LIMIT 1",
            &[object.into()],
        )?;
        let id = session.query_one("SELECT id FROM objects WHERE no = ?", &[object.into()])?;
        let id = id.map(|r| r.array(0)).transpose()?.map(ObjectId);
        let mut runs = vec![run_of(object)];
        if let Some(tag) = tag {
            session.execute(
                "DELETE FROM digests WHERE run = ? AND member = ? AND tag = ? AND object = ?",
                &[
                    run_of(object).into(),
                    member.into(),
                    tag.into(),
                    object.into(),
                ],
            )?;
        }
        match &heir {
            None => {
                session.execute("DELETE FROM objects WHERE no = ?", &[object.into()])?;
            }
            Some(heir) => {
                let no = heir.int(0)?;
                session.execute(
                    "UPDATE objects SET no = ? WHERE no = ?",
                    &[no.into(), object.into()],
                )?;
                session.execute(
                    "UPDATE items SET object = ? WHERE object <> no AND object = ?",
                    &[no.into(), object.into()],
                )?;
                if let Some(tag) = tag {
                    let values: [Value; 5] = [
                        run_of(no).into(),
                        member.into(),
                        tag.into(),
                        no.into(),
                        heir.int(1)?.into(),
                    ];
                    session.insert(
                        "digests",
                        &["run", "member", "tag", "object", "holder"],
                        &values,
                    )?;
                }
                runs.push(run_of(no));
            }
        }
        let heir = heir.map(|h| h.int(0)).transpose()?;
        for objects in [&mut self.objects, &mut self.former_objects] {
            match (id, heir) {
                (Some(id), Some(heir)) => {
                    objects.entry(id).and_modify(|no| *no = heir);
                }
                (Some(id), None) => {
                    objects.remove(&id);
                }
                (None, _) => {}
            }
        }
        if let Some(brought) = &mut self.brought {
            brought.let_go.insert(object, heir);
        }
        self.filter_anew(session, &runs)
    }

    /// Full runs have a filter of exactly the tags that they hold; the newest run has none.
    fn filter_anew(&mut self, session: &mut Session, runs: &[i64]) -> Result<()> {
        self.open_run = None;
        let newest = session.query_one("SELECT max(run) FROM digests", &[])?;
        let newest = newest
            .map(|r| r.opt_int(0))
            .transpose()?
            .flatten()
            .unwrap_or(0);
        session.execute(
            "DELETE FROM digest_filters WHERE run >= ?",
            &[newest.into()],
        )?;
        for run in runs.iter().filter(|run| **run < newest) {
            session.execute("DELETE FROM digest_filters WHERE run = ?", &[(*run).into()])?;
            let tags = tags_of_run(session, *run)?;
            if !tags.is_empty() {
                let bits = Filter::of(&tags).into_bytes();
                session.insert(
                    "digest_filters",
                    &["run", "bits"],
                    &[(*run).into(), bits.into()],
                )?;
            }
        }
        Ok(())
    }
}
