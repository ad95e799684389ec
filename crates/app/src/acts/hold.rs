//! Holds: nothing under one is erased.

use comity_core::id::{ChainId, Ern};

use super::SolemnAct;
use crate::centre::Centre;
use crate::commit::Subject;
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::item::{Item, containers};
use crate::reading::image_files;
use crate::sql::{Session, Value as Sql};

/// Items that one hold or erasure names: they are recorded in one group.
pub(super) const MAX_ITEMS: usize = 50_000;

/// What a hold is to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// These items.
    Items(Vec<Ern>),
    /// A whole case, by code or name, with what comes into it later.
    Case(String),
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The number of its chain.
    pub no: i64,
    /// Its number, `H0001`.
    pub number: String,
    /// The code of the case that it covers whole.
    pub case: Option<String>,
    /// How many single items it covers.
    pub items: u64,
    /// It was released.
    pub released: bool,
}

impl Centre {
    /// Places a hold. Returns its number.
    pub fn hold(
        &self,
        actor: &Actor,
        covered: &Covered,
        reason: &str,
        authority: &str,
    ) -> Result<String> {
        stated(reason, authority)?;
        let mut session = self.session()?;
        let (covered, items) = self.covered(&mut session, covered)?;
        let case = match &covered {
            Covered::Case(case) => Some(case.clone()),
            Covered::Items(_) => None,
        };
        let solemn = SolemnAct::Hold {
            covered,
            reason: reason.to_owned(),
            authority: authority.to_owned(),
        };
        let chain = ChainId(self.ambient.bytes());
        let random = &*self.ambient.random;
        self.sequencer().commit(&self.keys, |group| {
            let number = self.next_act(group.session, "holds", 'H')?;
            let event = EventDraft::new("hold_placed", &actor.person, &self.now(), random);
            let id = event.id();
            let act = id.to_string();
            let event = event
                .custody("hold", number.as_str())
                .custody_opt("case", case.as_deref())
                .custody("reason", reason)
                .custody("authority", authority)
                .signed(actor, &self.config.origin)?;
            self.confirm(group, actor, &solemn, id)?;
            group.push(&self.custody_of_centre(Subject::New(chain), event)?)?;
            for item in &items {
                let event = EventDraft::new("held", &actor.person, &self.now(), random)
                    .custody("act", act.as_str())
                    .custody("ern", item.ern.to_string())
                    .custody("hold", number.as_str())
                    .custody("reason", reason)
                    .custody("authority", authority)
                    .signed(actor, &self.config.origin)?;
                group.push(&self.custody_of_item(&mut session, item, event)?)?;
            }
            Ok(number)
        })
    }

    /// The hold of these, as it is proposed: a case by its code, items in order and each once.
    pub fn hold_act(&self, covered: &Covered, reason: &str, authority: &str) -> Result<SolemnAct> {
        stated(reason, authority)?;
        let (covered, _) = self.covered(&mut self.session()?, covered)?;
        Ok(SolemnAct::Hold {
            covered,
            reason: reason.to_owned(),
            authority: authority.to_owned(),
        })
    }

    /// What is to be covered, by code and numbers, and the items where they are named singly.
    fn covered(&self, session: &mut Session, covered: &Covered) -> Result<(Covered, Vec<Item>)> {
        Ok(match covered {
            Covered::Case(case) => (Covered::Case(self.case(session, case)?.code), Vec::new()),
            Covered::Items(erns) => {
                let items = self.items_named(session, erns)?;
                (Covered::Items(items.iter().map(|i| i.ern).collect()), items)
            }
        })
    }

    /// The end of an open hold, as it is proposed.
    pub fn release_act(&self, number: &str, reason: &str, authority: &str) -> Result<SolemnAct> {
        stated(reason, authority)?;
        self.open_hold(&mut self.session()?, number)?;
        Ok(SolemnAct::Release {
            hold: number.to_owned(),
            reason: reason.to_owned(),
            authority: authority.to_owned(),
        })
    }

    fn open_hold(&self, session: &mut Session, number: &str) -> Result<Hold> {
        let hold = self
            .holds(session)?
            .into_iter()
            .find(|h| h.number == number);
        match hold {
            None => Err(AppError::Usage(format!(
                "there is no hold {number}: `comity hold --list` shows them"
            ))),
            Some(hold) if hold.released => {
                Err(AppError::Refused(format!("{number} is released already")))
            }
            Some(hold) => Ok(hold),
        }
    }

    /// Ends a hold.
    pub fn release(
        &self,
        actor: &Actor,
        number: &str,
        reason: &str,
        authority: &str,
    ) -> Result<()> {
        let solemn = self.release_act(number, reason, authority)?;
        let mut session = self.session()?;
        let hold = self.open_hold(&mut session, number)?;
        let random = &*self.ambient.random;
        let rows = session.query(
            "SELECT item FROM held WHERE hold = ? ORDER BY item",
            &[hold.no.into()],
        )?;
        let held: Vec<i64> = rows
            .iter()
            .map(|r| r.int(0))
            .collect::<std::result::Result<_, _>>()?;
        let event = EventDraft::new("hold_released", &actor.person, &self.now(), random);
        let id = event.id();
        let act = id.to_string();
        let event = event
            .custody("hold", number)
            .custody("reason", reason)
            .custody("authority", authority)
            .signed(actor, &self.config.origin)?;
        let mut drafts = vec![self.custody_of_centre(Subject::Known(hold.no), event)?];
        for item in held {
            let item = self.item_by_no(&mut session, item)?;
            let event = EventDraft::new("released", &actor.person, &self.now(), random)
                .custody("act", act.as_str())
                .custody("ern", item.ern.to_string())
                .custody("hold", number)
                .custody("reason", reason)
                .custody("authority", authority)
                .signed(actor, &self.config.origin)?;
            drafts.push(self.custody_of_item(&mut session, &item, event)?);
        }
        self.sequencer().commit(&self.keys, |group| {
            self.confirm(group, actor, &solemn, id)?;
            drafts.iter().try_for_each(|d| group.push(d).map(drop))
        })
    }

    /// All holds, in the order of their numbers.
    pub fn holds(&self, session: &mut Session) -> Result<Vec<Hold>> {
        let rows = session.query(
            "SELECT h.no, h.number, k.code, h.released, (SELECT count(*) FROM held d WHERE d.hold = h.no) FROM holds h LEFT JOIN cases k ON k.no = h.case_no ORDER BY h.no",
            &[],
        )?;
        let mut holds = Vec::with_capacity(rows.len());
        for row in &rows {
            holds.push(Hold {
                no: row.int(0)?,
                number: row.text(1)?.to_owned(),
                case: row.opt_text(2)?.map(str::to_owned),
                released: row.int(3)? != 0,
                items: row.int(4)? as u64,
            });
        }
        Ok(holds)
    }

    /// The numbers of the holds that cover an item (chain number) now. A hold on a container covers what is inside, and
    /// one on a file of an image in several files the whole image.
    pub fn holds_of(&self, session: &mut Session, item: i64) -> Result<Vec<String>> {
        let mut line: Vec<Sql> = vec![item.into()];
        line.extend(containers(session, item)?.into_iter().map(Sql::Int));
        let outermost = line.get(1).unwrap_or(&line[0]).clone();
        if let Sql::Int(outermost) = outermost {
            line.extend(image_files(session, outermost)?.into_iter().map(Sql::Int));
        }
        let places = vec!["?"; line.len()].join(",");
        line.push(item.into());
        let rows = session.query(
            &format!("SELECT h.number FROM holds h WHERE h.released = 0 AND (EXISTS (SELECT 1 FROM held d WHERE d.hold = h.no AND d.item IN ({places})) OR h.case_no = (SELECT i.case_no FROM items i WHERE i.no = ?)) ORDER BY h.no"),
            &line,
        )?;
        Ok(rows
            .iter()
            .map(|r| r.text(0).map(str::to_owned))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// The items of these numbers, each once, in order.
    pub(super) fn items_named(&self, session: &mut Session, erns: &[Ern]) -> Result<Vec<Item>> {
        let mut erns = erns.to_vec();
        erns.sort_unstable();
        erns.dedup();
        if erns.is_empty() {
            return Err(AppError::Usage("which items? name at least one".to_owned()));
        }
        if erns.len() > MAX_ITEMS {
            return Err(AppError::Usage(format!(
                "name at most {MAX_ITEMS} items at a time"
            )));
        }
        erns.iter().map(|ern| self.item(session, ern)).collect()
    }
}

/// A solemn act says why, and on what authority.
pub(super) fn stated(reason: &str, authority: &str) -> Result<()> {
    let missing = match (reason.trim().is_empty(), authority.trim().is_empty()) {
        (false, false) => return Ok(()),
        (true, _) => "a reason: --reason \"why\"",
        (false, true) => "an authority: --authority \"court order or legal basis\"",
    };
    Err(AppError::Usage(format!("this act needs {missing}")))
}
