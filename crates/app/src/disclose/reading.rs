//! Exhibits read ahead by the block: their rows with one query, their events by the bundle, their keys in one go; then
//! each is opened and written down on any core, and its file put in the package unless that is a zip.

use std::collections::{BTreeSet, HashMap, VecDeque};

use comity_core::digest::Digest;
use comity_core::id::{Ern, ObjectId};
use comity_core::json::Value;
use comity_core::package::{ItemBytes, ItemLine, event_line, payload_path, words};
use comity_keyring::Secret;
use comity_ledger::Stored;
use comity_rules::opening::{self, Reader};
use comity_seal::Key;
use comity_vault::{PackReader, ReadScratch};

use super::caseld::Nodes;
use super::intakes::Intakes;
use super::page::{self, CustodyEvent};
use super::{Exhibit, Selected, Selection, persons, without};
use crate::centre::Centre;
use crate::cores::on_all_cores;
use crate::error::{AppError, Result};
use crate::handover::{Handover, Written};
use crate::keys::ItemKeys;
use crate::packs::Packs;
use crate::project::{ItemState, ObjectPlace};
use crate::read::{OpenedEvent, open_event_with};
use crate::receipt::hide_internal;
use crate::sql::{Row, Session};

/// Exhibits whose rows are looked up at once.
const ROWS: usize = 4096;
/// A block is full when it has so many exhibits,
const EXHIBITS: usize = 1024;
/// or so many events,
const EVENTS: u64 = 4096;
/// or so many bytes that are held in memory.
const BYTES: u64 = 16 << 20;
/// Objects below this size are read in one go; others are copied a piece at a time.
const SMALL: u64 = 1 << 20;

/// What all exhibits of a package share.
pub struct Scene<'a> {
    /// The centre.
    pub centre: &'a Centre,
    /// What is disclosed.
    pub selection: &'a Selection,
    /// The size of checkpoint A.
    pub size: u64,
    /// Where the package is made.
    pub out: &'a Handover,
    /// The packs of its vault.
    pub packs: Packs<'a>,
    /// The intakes of its case.
    pub intakes: Intakes<'a>,
}

/// An exhibit written down.
pub struct Prepared {
    /// What is recorded of it.
    pub exhibit: Exhibit,
    /// Its line of `items.jsonl`.
    pub item: String,
    /// Its lines of `events.jsonl`.
    pub events: String,
    /// The indices of these events.
    pub indices: Vec<u64>,
    /// Who signed them.
    pub signers: BTreeSet<String>,
    /// Where it stands in the trees of its intakes, each with the id of what opened it.
    pub places: Vec<(String, u64)>,
    /// Its nodes of `case.jsonld`.
    pub nodes: Nodes,
    /// What the page shows of it.
    pub page: page::Exhibit,
    /// Its file.
    pub payload: Payload,
    /// SHA-256 of its bytes as recorded.
    pub sha256: Option<String>,
}

/// The file of an exhibit.
pub enum Payload {
    /// None.
    Without,
    /// In its place.
    Put(Written),
    /// To be written from memory.
    Bytes(String, Vec<u8>),
    /// To be copied.
    Large(String, Box<Object>),
}

/// An object that can be opened.
pub struct Object {
    place: ObjectPlace,
    id: ObjectId,
    sealed_len: u64,
    secret: Secret,
}

impl Object {
    fn key(&self) -> Key {
        Key::new(self.secret.second)
    }

    /// Copies its bytes; how many there were.
    pub fn copy_to(
        &self,
        packs: &Packs<'_>,
        ern: &Ern,
        to: &mut dyn std::io::Write,
    ) -> Result<u64> {
        self.pack(packs, ern)?
            .object(self.place.offset, self.sealed_len, &self.key(), self.id)
            .and_then(|reader| reader.copy_to(to))
            .map_err(|e| AppError::of_item(ern, e))
    }

    fn pack(&self, packs: &Packs<'_>, ern: &Ern) -> Result<std::sync::Arc<PackReader>> {
        packs
            .get(self.place.pack)
            .map_err(|e| AppError::of_item(ern, e))
    }
}

/// What the tables say of an exhibit.
struct Listed {
    ern: Ern,
    no: i64,
    state: ItemState,
    custody_key: u64,
    content_key: u64,
    first_index: u64,
    last_n: u64,
    object: Option<Held>,
}

struct Held {
    id: ObjectId,
    place: ObjectPlace,
    sealed_len: u64,
    len: u64,
}

impl Held {
    fn is_small(&self) -> bool {
        self.len.max(self.sealed_len) < SMALL
    }
}

impl Listed {
    fn of_row(selected: &Selected, row: &Row) -> Result<Listed> {
        let object = match (row.opt_blob(6)?, row.opt_blob(7)?) {
            (Some(_), Some(_)) => Some(Held {
                id: ObjectId(row.array(6)?),
                place: ObjectPlace {
                    pack: row.array(7)?,
                    offset: row.int(8)? as u64,
                },
                sealed_len: row.int(9)? as u64,
                len: row.int(10)? as u64,
            }),
            _ => None,
        };
        Ok(Listed {
            ern: selected.ern,
            no: selected.no,
            state: ItemState::of_number(row.int(1)?)
                .ok_or_else(|| AppError::damaged("table items", "a state is unknown".to_owned()))?,
            custody_key: row.int(2)? as u64,
            content_key: row.int(3)? as u64,
            first_index: row.int(4)? as u64,
            last_n: row.int(5)? as u64,
            object,
        })
    }

    /// How many bytes of it are held in memory while its block is.
    fn weight(&self) -> u64 {
        match &self.object {
            Some(object) if object.is_small() => object.len,
            _ => 0,
        }
    }
}

/// Reads the selected exhibits, a block at a time.
pub struct Reading<'a> {
    scene: &'a Scene<'a>,
    session: &'a mut Session,
    left: &'a [Selected],
    listed: VecDeque<Listed>,
}

impl<'a> Reading<'a> {
    /// Nothing read yet.
    pub fn new(scene: &'a Scene<'a>, session: &'a mut Session, selected: &'a [Selected]) -> Self {
        Reading {
            scene,
            session,
            left: selected,
            listed: VecDeque::new(),
        }
    }

    /// The next exhibits in order; `None` in place of one that was recorded after checkpoint A, which is not part of
    /// what is published and so not of this package.
    pub fn next(&mut self) -> Result<Option<Vec<Option<Prepared>>>> {
        let block = self.block()?;
        if block.is_empty() {
            return Ok(None);
        }
        let chains = self.chains(&block)?;
        let mut wanted: Vec<u64> = chains.iter().flatten().copied().collect();
        wanted.sort_unstable();
        let centre = self.scene.centre;
        let stored = centre.stored_events(&wanted)?;
        let of_events = stored.iter().filter_map(|s| {
            Some(
                comity_core::body::SealedBody::parse(&s.body)
                    .ok()?
                    .content_key,
            )
        });
        let of_items = block.iter().map(|listed| listed.content_key);
        let keys = centre.keys.items(of_events.chain(of_items))?;
        let tasks: Vec<_> = block.into_iter().zip(chains).collect();
        on_all_cores(
            &tasks,
            ReadScratch::default,
            |scratch, _, (listed, chain)| {
                self.scene.prepare(listed, chain, &stored, &keys, scratch)
            },
        )
        .into_iter()
        .collect::<Result<_>>()
        .map(Some)
    }

    fn block(&mut self) -> Result<Vec<Listed>> {
        let (mut block, mut events, mut bytes) = (Vec::new(), 0, 0);
        while block.len() < EXHIBITS && events < EVENTS && bytes < BYTES {
            if self.listed.is_empty() {
                self.look_up()?;
            }
            let Some(next) = self.listed.pop_front() else {
                break;
            };
            events += next.last_n + 1;
            bytes += next.weight();
            block.push(next);
        }
        Ok(block)
    }

    /// The rows of the next exhibits.
    fn look_up(&mut self) -> Result<()> {
        let (now, left) = self.left.split_at(self.left.len().min(ROWS));
        self.left = left;
        let numbers: Vec<i64> = now.iter().map(|s| s.no).collect();
        let rows = self.session.query_in(
            "SELECT i.no, i.state, s.scope_key, c.content_key, c.first_index, c.last_n, o.id, o.pack, o.at, o.sealed_size, o.size FROM items i JOIN chains c ON c.no = i.no JOIN scopes s ON s.member = i.member AND s.case_no = i.case_no LEFT JOIN objects o ON o.no = i.object WHERE i.no IN ()",
            &numbers,
        )?;
        let mut by_number = HashMap::with_capacity(rows.len());
        for row in &rows {
            by_number.insert(row.int(0)?, row);
        }
        for selected in now {
            let row = by_number.get(&selected.no).ok_or_else(|| {
                AppError::damaged("state", "an item has no chain; run `comity rebuild`")
            })?;
            self.listed.push_back(Listed::of_row(selected, row)?);
        }
        Ok(())
    }

    /// For each exhibit the indices of its events in checkpoint A, in order. A gap is damage and is said.
    fn chains(&mut self, block: &[Listed]) -> Result<Vec<Vec<u64>>> {
        let longer: Vec<i64> = block
            .iter()
            .filter(|l| l.last_n > 0)
            .map(|l| l.no)
            .collect();
        let mut followers: HashMap<i64, Vec<u64>> = HashMap::new();
        for row in self.session.query_in(
            "SELECT chain, n, leaf FROM events WHERE chain IN () ORDER BY chain, n",
            &longer,
        )? {
            let no = row.int(0)?;
            let chain = followers.entry(no).or_default();
            if row.int(1)? != chain.len() as i64 + 1 {
                return Err(missing_event(no, chain.len() + 1));
            }
            chain.push(row.int(2)? as u64);
        }
        block
            .iter()
            .map(|listed| {
                let mut chain = vec![listed.first_index];
                chain.extend(followers.remove(&listed.no).unwrap_or_default());
                if (chain.len() as u64) <= listed.last_n {
                    return Err(missing_event(listed.no, chain.len()));
                }
                chain.retain(|index| *index < self.scene.size);
                Ok(chain)
            })
            .collect()
    }
}

fn missing_event(chain: i64, n: usize) -> AppError {
    AppError::damaged(
        "table events",
        format!("event {n} of chain {chain} is missing; run `comity rebuild`"),
    )
}

impl Scene<'_> {
    fn prepare(
        &self,
        listed: &Listed,
        chain: &[u64],
        stored: &[Stored],
        keys: &ItemKeys,
        scratch: &mut ReadScratch,
    ) -> Result<Option<Prepared>> {
        let mut custody = Vec::with_capacity(chain.len());
        let mut lines = String::new();
        let mut first: Option<OpenedEvent> = None;
        let mut last: Option<(u64, Digest)> = None;
        let (mut signers, mut entries) = (BTreeSet::new(), Vec::new());
        for index in chain {
            let found = stored.binary_search_by_key(index, |s| s.index);
            let stored = found.ok().and_then(|at| stored.get(at)).ok_or_else(|| {
                AppError::damaged(format!("event {index}"), "it was not read".to_owned())
            })?;
            let (mut event, _) = open_event_with(&self.centre.keys, keys, &stored.as_ref())?;
            hide_internal(&mut event.fields);
            last = Some((event.leaf.n, event.hash));
            if let Some("received" | "delivered_again") = event.text("kind") {
                let act = event.text("act").unwrap_or_default();
                let intake = self.intakes.get(act)?;
                let place = intake.and_then(|intake| intake.place(*index));
                entries.push((act.to_owned(), place));
            }
            custody.push(self.event(&mut event, &mut lines)?);
            signers.extend(persons::signer(&event).map(str::to_owned));
            first.get_or_insert(event);
        }
        let (Some(first), Some((last_n, last))) = (first, last) else {
            return Ok(None);
        };
        let (payload, bytes) = self.payload(listed, &first, keys, scratch)?;
        let sha256_text = first.text("sha256").map(str::to_owned);
        let line = ItemLine {
            ern: listed.ern,
            chain: first.leaf.chain,
            events: last_n + 1,
            last,
            bytes,
            intakes: Some(entries.iter().map(|(_, place)| *place).collect()),
            path: first.text("path").map(str::to_owned),
            size_bytes: first.value("size").and_then(Value::as_u64),
            sha256: sha256_text.as_deref().and_then(|d| d.parse().ok()),
        };
        let item = line.to_line();
        let nodes = Nodes::of(&self.centre.config.origin, &first, &line);
        Ok(Some(Prepared {
            exhibit: Exhibit {
                ern: listed.ern,
                no: listed.no,
                custody_key: listed.custody_key,
                content_key: listed.content_key,
                last_n,
                last,
            },
            item,
            events: lines,
            indices: chain.to_vec(),
            signers,
            places: entries
                .into_iter()
                .filter_map(|(act, place)| Some((act, place?)))
                .collect(),
            nodes,
            page: page::Exhibit {
                ern: line.ern.to_string(),
                path: line.path,
                file: match line.bytes {
                    ItemBytes::File(file) => Ok(file),
                    ItemBytes::Without(why) => Err(why),
                },
                size_bytes: line.size_bytes,
                sha256: line.sha256.map(|d| d.to_string()),
                custody,
            },
            payload,
            sha256: sha256_text,
        }))
    }

    /// One line of `events.jsonl`. A viewing by a person is named and not opened, unless asked for.
    fn event(&self, event: &mut OpenedEvent, lines: &mut String) -> Result<CustodyEvent> {
        let reader = Reader::Recipient {
            viewings: self.selection.viewings,
        };
        let why = opening::event(event.text("kind").unwrap_or_default(), reader)
            .map(|withheld| withheld.to_string());
        if why.is_some() {
            for field in &mut event.fields {
                (field.salt, field.value) = (None, None);
            }
        }
        let leaf = String::from_utf8_lossy(&event.entry);
        let line = event_line(event.index, &leaf, &event.fields, why.as_deref())
            .map_err(|e| AppError::damaged(format!("event {}", event.index), e.to_string()))?;
        lines.push_str(&line);
        let said = match why {
            Some(why) => format!("An event that is withheld ({why})"),
            None => words(&|name: &str| event.value(name).cloned()),
        };
        Ok(CustodyEvent {
            index: event.index,
            leaf: event.hash.to_string(),
            time: event.text("time").map(str::to_owned),
            words: said,
        })
    }

    /// The exhibit's file, put in the package if it is small and the package a folder.
    fn payload(
        &self,
        listed: &Listed,
        first: &OpenedEvent,
        keys: &ItemKeys,
        scratch: &mut ReadScratch,
    ) -> Result<(Payload, ItemBytes)> {
        let is_sealed = listed.state == ItemState::Sealed;
        if !is_sealed || first.is_erased() && first.text("sha256").is_none() {
            let why = without(listed.state, is_sealed);
            return Ok((Payload::Without, ItemBytes::Without(why)));
        }
        let ern = &listed.ern;
        let path = payload_path(*ern, first.text("path").unwrap_or_default());
        let held = listed.object.as_ref().ok_or_else(|| {
            AppError::damaged(
                ern.to_string(),
                "the vault holds no object for it; `comity verify` says more",
            )
        })?;
        let object = Object {
            place: held.place,
            id: held.id,
            sealed_len: held.sealed_len,
            secret: keys
                .get(&self.centre.keys, listed.content_key)?
                .ok_or_else(|| AppError::Refused(format!("{ern} has been erased")))?,
        };
        let bytes = ItemBytes::File(path.clone());
        if !held.is_small() {
            return Ok((Payload::Large(path, Box::new(object)), bytes));
        }
        let clear = object
            .pack(&self.packs, ern)?
            .read_small(
                object.place.offset,
                object.sealed_len,
                &object.key(),
                object.id,
                scratch,
            )
            .map_err(|e| AppError::of_item(ern, e))?
            .ok_or_else(|| {
                AppError::Refused(format!(
                    "{ern} is longer than its event says: run `comity verify --full`"
                ))
            })?;
        let payload = if self.out.is_zip() {
            Payload::Bytes(path, clear.to_vec())
        } else {
            Payload::Put(self.out.put(&path, clear)?)
        };
        Ok((payload, bytes))
    }
}
