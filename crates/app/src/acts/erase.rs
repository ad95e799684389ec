//! Erasure by law: an item's content is forgotten, what was done with it and why it is gone is not.

use std::collections::{BTreeMap, HashSet};

use comity_core::id::{ChainId, Ern};

use super::hold::{MAX_ITEMS as MOST, stated};
use super::{SolemnAct, Waiting};
use crate::centre::Centre;
use crate::commit::Subject;
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::item::{Item, containers};
use crate::reading::image_files;
use crate::sql::{Session, Value as Sql};

/// Whether the items alone are meant, or all that hold the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing was said: refused when the same bytes are held elsewhere too.
    Unsaid,
    /// These items only.
    These,
    /// Every item that holds the same bytes.
    All,
}

/// What is to be erased, and why.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// The items.
    pub items: Vec<Ern>,
    /// Which of those that hold the same bytes.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// On what authority: a court's order, a provision of law.
    pub authority: String,
}

/// An erasure that was proposed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The proposal's number.
    pub proposal: String,
    /// When it lapses, as events write times.
    pub lapses: String,
    /// The items that it would erase.
    pub items: Vec<Ern>,
    /// What would be left of them.
    pub survivors: Survivors,
}

/// An erasure that is done.
#[derive(Clone, Debug)]
pub struct Erased {
    /// Its number, `E0001`.
    pub number: String,
    /// The items.
    pub items: Vec<Ern>,
    /// What is left of them elsewhere.
    pub survivors: Survivors,
}

/// What erasure does not reach, as far as the centre knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Items that hold the same bytes and stay.
    pub same_bytes: Vec<Ern>,
    /// Containers that hold one of the items, and stay.
    pub containers: Vec<Ern>,
    /// Files of the same image of a disk, which are read as one with an item or with what it lies inside of, and stay.
    pub image_files: Vec<Ern>,
    /// Packages that were handed over with one of the items in it: when, to whom and what for.
    pub packages: Vec<String>,
    /// Times at which somebody opened one of the items.
    pub openings: u64,
    /// What the mirror may still hold, where there is one.
    pub mirror: Option<String>,
    /// The epoch of the keyring until now: copies of it or an earlier one open with what opened it then.
    pub epoch: u32,
}

impl Centre {
    /// Proposes an erasure: it takes two persons always.
    pub fn erase(&self, actor: &Actor, erasure: &Erasure) -> Result<Asked> {
        stated(&erasure.reason, &erasure.authority)?;
        let mut session = self.session()?;
        let mut items = self.items_named(&mut session, &erasure.items)?;
        loop {
            items = self.with_inside(&mut session, items)?;
            let others = self.same_bytes(&mut session, &items)?;
            match erasure.scope {
                Scope::These => break,
                Scope::All if others.is_empty() => break,
                Scope::All => items.extend(others),
                Scope::Unsaid => {
                    let around = self.around(&mut session, &items)?;
                    let files = self.files_of_images(&mut session, &items)?;
                    let list = |items: &[Item]| -> Vec<String> {
                        items.iter().map(|i| i.ern.to_string()).collect()
                    };
                    let mut also = Vec::new();
                    if !others.is_empty() {
                        also.push(format!("are held by {} too", list(&others).join(", ")));
                    }
                    if !around.is_empty() {
                        also.push(format!("lie inside of {}", list(&around).join(", ")));
                    }
                    if !files.is_empty() {
                        also.push(format!(
                            "are read as one image with {}",
                            list(&files).join(", ")
                        ));
                    }
                    if also.is_empty() {
                        break;
                    }
                    return Err(AppError::Usage(format!(
                        "the same bytes {}: --these erases only what was named and what is inside of it, --all every item with the same bytes as well; a container or a file of an image that is to go with them is to be named",
                        also.join(", and ")
                    )));
                }
            }
        }
        self.may_be_erased(&mut session, &items)?;
        let survivors = self.survivors(&mut session, &items)?;
        let act = SolemnAct::Erase {
            items: items.iter().map(|i| i.ern).collect(),
            reason: erasure.reason.clone(),
            authority: erasure.authority.clone(),
        };
        let Some(Waiting { proposal, lapses }) = self.propose(actor, &act)? else {
            return Err(AppError::damaged(
                "table two_person_acts",
                "erasure needs two persons always",
            ));
        };
        Ok(Asked {
            proposal,
            lapses,
            items: items.iter().map(|i| i.ern).collect(),
            survivors,
        })
    }

    /// Erases what another person proposed to erase. On return the keys are destroyed and the keyring has a new epoch.
    pub fn confirm_erasure(&self, actor: &Actor, number: &str) -> Result<Erased> {
        let (actor, act) = self.second_person(actor, number)?;
        let SolemnAct::Erase { items, .. } = &act else {
            return Err(AppError::Usage(format!(
                "{number} proposes another act ({})",
                act.name()
            )));
        };
        let mut session = self.session()?;
        let items = self.items_named(&mut session, items)?;
        self.may_be_erased(&mut session, &items)?;
        let survivors = self.survivors(&mut session, &items)?;
        let (no, number) = self.order(&actor, &act, &items)?;
        self.complete(no, &number, &actor.person, Some(&actor))?;
        Ok(Erased {
            number,
            items: items.iter().map(|i| i.ern).collect(),
            survivors,
        })
    }

    /// Records the order and each item's own event, in one group with the confirmation.
    fn order(&self, actor: &Actor, act: &SolemnAct, items: &[Item]) -> Result<(i64, String)> {
        let SolemnAct::Erase {
            reason, authority, ..
        } = act
        else {
            return Err(AppError::Usage("this is no erasure".to_owned()));
        };
        let random = &*self.ambient.random;
        let chain = ChainId(self.ambient.bytes());
        let mut session = self.session()?;
        self.sequencer().commit(&self.keys, |group| {
            // A hold may have come in the meantime.
            self.may_be_erased(group.session, items)?;
            let number = self.next_act(group.session, "erasures", 'E')?;
            let event = EventDraft::new("erasure_ordered", &actor.person, &self.now(), random);
            let id = event.id();
            let said = |event: EventDraft| {
                event
                    .custody("erasure", number.as_str())
                    .custody("reason", reason.as_str())
                    .custody("authority", authority.as_str())
                    .signed(actor, &self.config.origin)
            };
            let event = said(event.custody("items", items.len() as u64))?;
            self.confirm(group, actor, act, id)?;
            let at = group.push(&self.custody_of_centre(Subject::New(chain), event)?)?;
            for item in items {
                let event = EventDraft::new("erased", &actor.person, &self.now(), random)
                    .custody("act", id.to_string())
                    .custody("ern", item.ern.to_string());
                group.push(&self.custody_of_item(&mut session, item, said(event)?)?)?;
            }
            Ok((at.chain_no, number))
        })
    }

    /// What follows the order: the keys are destroyed, the keyring gets a new epoch, and the log says so. May be
    /// repeated.
    fn complete(&self, no: i64, number: &str, person: &str, actor: Option<&Actor>) -> Result<()> {
        let keys = self.keys_of_erasure(&mut self.session()?, no)?;
        self.keys.ring().destroy(&keys)?;
        self.purge_indexes(&self.members_of_erasure(&mut self.session()?, no)?)?;
        let changed = self.epoch_after_erasure(person, actor, number)?;
        let event = EventDraft::new(
            "erasure_completed",
            person,
            &self.now(),
            &*self.ambient.random,
        )
        .custody("erasure", number)
        .custody("epoch", changed.epoch)
        .custody("keys", keys.len() as u64);
        self.append(self.custody_of_centre(Subject::Known(no), event)?)?;
        Ok(())
    }

    fn keys_of_erasure(&self, session: &mut Session, no: i64) -> Result<Vec<u64>> {
        let rows = session.query(
            "SELECT c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.erased = ? AND c.content_key > 0 ORDER BY c.content_key",
            &[no.into()],
        )?;
        Ok(rows
            .iter()
            .map(|r| r.int(0).map(|n| n as u64))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// Whose items it erases: their indexes are forgotten whole, and made anew from what is left.
    fn members_of_erasure(&self, session: &mut Session, no: i64) -> Result<Vec<String>> {
        let rows = session.query(
            "SELECT DISTINCT m.code FROM items i JOIN members m ON m.no = i.member WHERE i.erased = ? ORDER BY m.code",
            &[no.into()],
        )?;
        Ok(rows
            .iter()
            .map(|r| r.text(0).map(str::to_owned))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// Finishes erasures that were ordered and not completed. Says what it did, a sentence each.
    pub(crate) fn recover_erasures(&self) -> Result<Vec<String>> {
        let mut session = self.session()?;
        let rows = session.query(
            "SELECT e.no, e.number, c.first_index FROM erasures e JOIN chains c ON c.no = e.no WHERE e.completed = 0 ORDER BY e.no",
            &[],
        )?;
        let mut said = Vec::new();
        for row in &rows {
            let number = row.text(1)?;
            let ordered = self.read_event(row.int(2)? as u64)?;
            self.complete(
                row.int(0)?,
                number,
                ordered.text("actor").unwrap_or_default(),
                None,
            )?;
            said.push(format!(
                "The erasure {number} was interrupted; it is complete now."
            ));
        }
        Ok(said)
    }

    /// What is under a hold, or erased already, is refused: each item is named.
    fn may_be_erased(&self, session: &mut Session, items: &[Item]) -> Result<()> {
        let mut wrong = Vec::new();
        let named: HashSet<i64> = items.iter().map(|item| item.no).collect();
        for item in items {
            let row =
                session.query_one("SELECT erased FROM items WHERE no = ?", &[item.no.into()])?;
            if row.map(|r| r.opt_int(0)).transpose()?.flatten().is_some() {
                wrong.push(format!("{} is erased already", item.ern));
                continue;
            }
            let inside = self.inside_of(session, item, MOST)?;
            if inside.iter().any(|no| !named.contains(no)) {
                wrong.push(format!(
                    "more was found inside of {} since it was proposed; propose it again",
                    item.ern
                ));
                continue;
            }
            let holds = self.holds_of(session, item.no)?;
            if !holds.is_empty() {
                wrong.push(format!(
                    "{} is under a hold ({})",
                    item.ern,
                    holds.join(", ")
                ));
            }
        }
        match wrong.as_slice() {
            [] => Ok(()),
            wrong => Err(AppError::Refused(format!(
                "nothing was erased: {}; `comity release` ends a hold",
                wrong.join("; ")
            ))),
        }
    }

    /// These items and all that is inside of them, each once.
    fn with_inside(&self, session: &mut Session, items: Vec<Item>) -> Result<Vec<Item>> {
        let mut all: BTreeMap<Ern, Item> = BTreeMap::new();
        for item in items {
            for no in self.inside_of(session, &item, MOST + 1)? {
                let inside = self.item_by_no(session, no)?;
                all.insert(inside.ern, inside);
            }
            if all.len() > MOST {
                return Err(AppError::Usage(format!(
                    "more than {MOST} items are inside of {}: erase what is inside first, in parts",
                    item.ern
                )));
            }
            all.insert(item.ern, item);
        }
        Ok(all.into_values().collect())
    }

    /// The containers that hold one of these items and are not among them.
    fn around(&self, session: &mut Session, items: &[Item]) -> Result<Vec<Item>> {
        let mut around = BTreeMap::new();
        for item in items {
            for no in containers(session, item.no)? {
                if !items.iter().any(|i| i.no == no) {
                    let container = self.item_by_no(session, no)?;
                    around.insert(container.ern, container);
                }
            }
        }
        around.retain(|_, container| container.erased.is_none());
        Ok(around.into_values().collect())
    }

    /// Files of images in several files that were read as one with these items, or with the outermost items around them,
    /// and are not among them: a part of their bytes is there, or what was made of them.
    fn files_of_images(&self, session: &mut Session, items: &[Item]) -> Result<Vec<Item>> {
        let named: HashSet<i64> = items.iter().map(|item| item.no).collect();
        let around = self.around(session, items)?;
        let around: HashSet<i64> = around.iter().map(|item| item.no).collect();
        let (mut met, mut files) = (HashSet::new(), BTreeMap::new());
        for item in items {
            let outermost = containers(session, item.no)?.first().copied();
            let outermost = outermost.unwrap_or(item.no);
            if !met.insert(outermost) {
                continue;
            }
            for no in image_files(session, outermost)? {
                if !named.contains(&no) && !around.contains(&no) {
                    let file = self.item_by_no(session, no)?;
                    files.insert(file.ern, file);
                }
            }
        }
        files.retain(|_, file| file.erased.is_none());
        Ok(files.into_values().collect())
    }

    /// Other items that hold the same bytes as one of these, within each originator.
    fn same_bytes(&self, session: &mut Session, items: &[Item]) -> Result<Vec<Item>> {
        let mut others = Vec::new();
        for object in objects(items) {
            let rows = session.query(
                "SELECT no FROM items WHERE no = ? UNION SELECT no FROM items WHERE object <> no AND object = ? ORDER BY 1",
                &[object.into(), object.into()],
            )?;
            for row in &rows {
                let no = row.int(0)?;
                if !items.iter().any(|i| i.no == no) {
                    others.push(self.item_by_no(session, no)?);
                }
            }
        }
        Ok(others)
    }

    fn survivors(&self, session: &mut Session, items: &[Item]) -> Result<Survivors> {
        let others = self.same_bytes(session, items)?;
        let mut survivors = Survivors {
            same_bytes: others.iter().map(|i| i.ern).collect(),
            containers: self.around(session, items)?.iter().map(|i| i.ern).collect(),
            image_files: self
                .files_of_images(session, items)?
                .iter()
                .map(|i| i.ern)
                .collect(),
            epoch: self.keys.ring().epoch(),
            ..Survivors::default()
        };
        for item in items {
            for index in self.chain_indices(session, item.no)?.into_iter().skip(1) {
                let event = self.read_event(index)?;
                match event.text("kind") {
                    Some("opened") => survivors.openings += 1,
                    Some("disclosed") => survivors.packages.push(package(&event)),
                    _ => {}
                }
            }
        }
        survivors.packages.sort();
        survivors.packages.dedup();
        survivors.mirror = self.left_in_mirror();
        Ok(survivors)
    }

    /// The mirror never has a key. Until it has the events of an erasure, whoever opens it with an older copy of the
    /// keyring is not told of it; and it keeps the sealed bytes for as long as the first store does.
    fn left_in_mirror(&self) -> Option<String> {
        let mirror = self.mirror.as_ref()?;
        let place = mirror.place();
        Some(match mirror.absence() {
            None => format!(
                "the mirror {place}: the sealed bytes, which no key opens any more, until `comity vault compact` removes them there too"
            ),
            Some(why) => format!(
                "the mirror {place}, which is away ({why}): THE ERASURE IS INCOMPLETE THERE until it is reached; it keeps the sealed bytes and does not know that they are erased; the next command that reaches it completes this"
            ),
        })
    }

    /// By whom, when, why and on what authority an item was erased; `None` for one that was not.
    pub fn erased_words(&self, session: &mut Session, item: &Item) -> Result<Option<String>> {
        let Some(erasure) = item.erased else {
            return Ok(None);
        };
        let row = session.query_one(
            "SELECT first_index FROM chains WHERE no = ?",
            &[Sql::Int(erasure)],
        )?;
        let index = row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64;
        let event = self.read_event(index)?;
        let text = |name: &str| event.text(name).unwrap_or("?").to_owned();
        Ok(Some(format!(
            "{} was erased by {} at {} (proposed by {}): {}; on the authority of {}",
            item.ern,
            text("actor"),
            text("time"),
            text("proposed_by"),
            text("reason"),
            text("authority")
        )))
    }
}

fn package(event: &crate::read::OpenedEvent) -> String {
    let text = |name: &str| event.text(name).unwrap_or("(not said)").to_owned();
    format!(
        "{}, to {}, for “{}”",
        text("time"),
        text("recipient"),
        text("purpose")
    )
}

fn objects(items: &[Item]) -> Vec<i64> {
    let mut objects: Vec<i64> = items.iter().filter_map(|i| i.object).collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}
