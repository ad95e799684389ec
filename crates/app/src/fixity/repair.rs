//! Mending the vault from a backup, or one of two stores from the other: only bytes that the ledger names are put in
//! place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use comity_core::digest::unhex;
use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_core::json::Value as Json;
use comity_store::Objects;
use comity_vault::{PackId, Vault};

use super::packs_of_tables;
use crate::backup::{CENTRE, Mark};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::item::{COLUMNS, Item, TABLES};
use crate::sql::Session;

/// What was mended.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Items that are out of quarantine.
    pub items: u64,
    /// Packs that were put in place.
    pub packs: u64,
    /// Packs that were put in place in the mirror.
    pub mirror_packs: u64,
    /// Files of the ledger that were put in place, in either store.
    pub ledger_files: u64,
    /// What could not be mended, and why.
    pub findings: Vec<Finding>,
    /// The index of the leaf that records it; `None` where nothing was mended.
    pub leaf: Option<u64>,
}

/// Items in quarantine by the packs that their objects lie in.
pub(super) type Apart = BTreeMap<PackId, Vec<(Item, ObjectId)>>;

impl Centre {
    /// Mends the packs of the items in quarantine from the backup in `from`.
    ///
    /// # Errors
    /// [`AppError::Usage`] where there is no backup, [`AppError::Refused`] while the vault is in use.
    pub fn repair(&self, actor: &Actor, from: &Path) -> Result<Repaired> {
        let place = from.join(CENTRE);
        let mark = Mark::read(from, &self.ambient.disk)?;
        if mark.is_none_or(|mark| mark.origin != self.config.origin) {
            return Err(AppError::Usage(format!(
                "{} holds no whole backup of this centre",
                from.display()
            )));
        }
        let Some(_alone) = self.take_packs()? else {
            return Err(AppError::Refused(
                "the vault is in use: give the command again when an intake, a backup or a reader is done".to_owned(),
            ));
        };
        let source = Vault::new(Objects::local(place.clone(), self.ambient.disk.clone())?);
        let mut session = self.session()?;
        let waiting = self.apart(&mut session)?;
        let known = packs_of_tables(&mut session)?;
        let mut done = Repaired::default();
        let mut mended: Vec<(Item, PackId)> = Vec::new();
        for (pack, items) in waiting {
            match self.mend(&source, &self.vault, pack, &items, &known) {
                Ok(()) => {
                    done.packs += 1;
                    mended.extend(items.into_iter().map(|(item, _)| (item, pack)));
                }
                Err(e) => done.findings.push(Finding::new(pack.name(), e.to_string())),
            }
        }
        let _ = std::fs::remove_dir(place.join("tmp"));
        if !mended.is_empty() {
            done.items = mended.len() as u64;
            let place = from.display().to_string();
            done.leaf = Some(self.record_repair(actor, &place, None, &mended)?);
        }
        Ok(done)
    }

    pub(super) fn apart(&self, session: &mut Session) -> Result<Apart> {
        let rows = session.query(
            &format!("SELECT {COLUMNS}, o.id, o.pack FROM {TABLES} JOIN objects o ON o.no = i.object JOIN quarantine q ON q.item = i.no ORDER BY i.no"),
            &[],
        )?;
        let mut waiting = Apart::new();
        for row in &rows {
            let [.., id, pack] = row.0.as_slice() else {
                continue;
            };
            let ids = crate::sql::Row(vec![id.clone(), pack.clone()]);
            let item = (self.item_of_row(row)?, ObjectId(ids.array(0)?));
            waiting.entry(PackId(ids.array(1)?)).or_default().push(item);
        }
        Ok(waiting)
    }

    /// Puts the pack of `source` in place, if all that the ledger says of its objects is true of it.
    pub(super) fn mend(
        &self,
        source: &Vault,
        target: &Vault,
        pack: PackId,
        items: &[(Item, ObjectId)],
        known: &std::collections::HashMap<PackId, super::Rows>,
    ) -> Result<()> {
        let index = source.read_pack_index(&pack.name())?;
        let held: BTreeMap<ObjectId, _> =
            index.objects.iter().map(|o| (o.object, o.sha256)).collect();
        let unlike =
            |what: String| AppError::damaged(format!("the other copy of {}", pack.name()), what);
        // Of the items in quarantine the event itself is asked, of the others the rows that were made of theirs.
        for (item, id) in items {
            let event = self.received_event(item)?;
            let said = event.value("object").and_then(|o| o.get("sealed_sha256"));
            let said = said.and_then(Json::as_str).and_then(unhex);
            if said.as_deref() != held.get(id).map(|d| d.0.as_slice()) {
                return Err(unlike(format!(
                    "it does not hold the sealed bytes that the event of {} names",
                    item.ern
                )));
            }
        }
        for (id, (_, recorded)) in known.get(&pack).into_iter().flatten() {
            if held.get(id) != Some(recorded) {
                return Err(unlike(format!("it does not hold object {id} as recorded")));
            }
        }
        let copied = source.copy_pack(&pack.name(), target, &mut |_| ())?;
        target.commit(vec![copied.pack])?;
        match target.check_pack(&pack.name())?.into_iter().next() {
            None => Ok(()),
            Some(found) => Err(AppError::damaged(
                pack.name(),
                format!("it is damaged again after it was mended: {}", found.what),
            )),
        }
    }

    /// The event, and one for each item that is out of quarantine. `by_mirror` is what else was mended where one of two
    /// stores was mended from the other.
    pub(super) fn record_repair(
        &self,
        actor: &Actor,
        from: &str,
        by_mirror: Option<&BothWays>,
        mended: &[(Item, PackId)],
    ) -> Result<u64> {
        let mut session = self.session()?;
        let names = |packs: &BTreeSet<PackId>| {
            Json::Array(packs.iter().map(|p| p.to_string().into()).collect())
        };
        let mut packs: BTreeSet<PackId> = mended.iter().map(|(_, pack)| *pack).collect();
        packs.extend(by_mirror.iter().flat_map(|both| &both.first));
        let mut act = self
            .draft("vault_repaired", actor)
            .custody("items", mended.len() as u64)
            .content("place", from)
            .content("packs", names(&packs));
        if let Some(both) = by_mirror {
            act = act.content("mirror_packs", names(&both.mirror)).content(
                "ledger_files",
                Json::Array(both.ledger.iter().map(|f| f.as_str().into()).collect()),
            );
        }
        let id = act.id().to_string();
        let mut drafts = vec![self.seal_own(&mut session, act)?];
        for (item, _) in mended {
            let event = self
                .draft("repaired", actor)
                .custody("act", id.as_str())
                .custody("ern", item.ern.to_string());
            drafts.push(self.seal_of_item(&mut session, item, event)?);
        }
        self.append_all(&drafts)
    }
}

/// What was mended of two stores, each from the other.
#[derive(Default)]
pub(super) struct BothWays {
    /// Packs of the first store.
    pub(super) first: BTreeSet<PackId>,
    /// Packs of the mirror.
    pub(super) mirror: BTreeSet<PackId>,
    /// Files of the ledger, with the store that they were put into.
    pub(super) ledger: Vec<String>,
}
