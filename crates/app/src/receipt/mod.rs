//! The receipt of an intake (`docs/format/receipt.md`): made from the ledger alone, as often as it is wanted.

mod differences;
mod page;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use comity_core::body::{Class, OpenField};
use comity_core::checkpoint::SignedCheckpoint;
use comity_core::digest::Digest;
use comity_core::json::Value;
use comity_core::package::{ReceiptHead, event_line, manifest_line, needed_tiles};
use comity_rules::opening;

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::handover::{Handover, Written, is_zip, put_in_place, refuse_taken};
use crate::outgoing::{Kind, Outgoing, Recorded};
use crate::project::ObjectAt;
use crate::read::{OpenedEvent, open_event};
use crate::sql::Session;

use differences::DifferencesFile;

/// The name and version of this program, as heads say it.
pub const PROGRAM: &str = concat!("comity ", env!("CARGO_PKG_VERSION"));

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The head of the receipt.
    pub head: ReceiptHead,
    /// The leaf that says so.
    pub leaf: u64,
    /// Where it is: beside what was asked for, under that name or its number.
    pub place: PathBuf,
}

/// Where a receipt goes.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Here, and nowhere else: a new folder or a new zip.
    Here(&'a Path),
    /// Here, or under this name and the first number that is free.
    Numbered(&'a Path),
}

impl Place<'_> {
    fn path(&self) -> &Path {
        match self {
            Place::Here(path) | Place::Numbered(path) => path,
        }
    }
}

/// The name itself, then with `-2`, `-3` and so on.
fn numbered(place: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let (stem, ending) = match place.extension().filter(|_| is_zip(place)) {
        Some(ending) => (place.with_extension(""), Some(ending)),
        None => (place.to_owned(), None),
    };
    std::iter::once(place.to_owned()).chain((2u64..).map(move |n| {
        let mut name = stem.clone().into_os_string();
        name.push(format!("-{n}"));
        if let Some(ending) = ending {
            name.push(".");
            name.push(ending);
        }
        PathBuf::from(name)
    }))
}

fn is_taken(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok()
}

/// An intake as a receipt needs it.
struct Intake {
    no: i64,
    opened: OpenedEvent,
    closed: OpenedEvent,
    custody_key: u64,
}

impl Intake {
    /// The id by which its items' events name it.
    fn act(&self) -> &str {
        self.opened.text("event").unwrap_or_default()
    }

    /// Where its items' events stand in the log.
    fn range(&self) -> Range<u64> {
        self.opened.index + 1..self.closed.index
    }
}

/// The published checkpoint, verified, with its exact bytes.
pub(crate) fn published(centre: &Centre) -> Result<SignedCheckpoint> {
    let note = centre
        .sequencer()
        .tree
        .published()
        .map(<[u8]>::to_vec)
        .unwrap_or_default();
    SignedCheckpoint::parse(&note)
        .and_then(|c| c.verify(&centre.log_keys()))
        .map_err(|e| AppError::damaged("ledger/checkpoint", e.to_string()))
}

/// The name of the centre, from its first event.
pub(crate) fn centre_name(centre: &Centre) -> Result<String> {
    Ok(centre
        .read_event(0)?
        .text("name")
        .unwrap_or("(erased)")
        .to_owned())
}

/// Hides what is never handed over: the value and its salt.
pub(crate) fn hide_internal(fields: &mut [OpenField]) {
    for field in fields
        .iter_mut()
        .filter(|f| opening::field(&f.name).is_some())
    {
        (field.salt, field.value) = (None, None);
    }
}

impl Centre {
    /// Finds an intake by its name, `UKR-000123`.
    pub fn intake_of_name(&self, session: &mut Session, name: &str) -> Result<i64> {
        let unknown = || {
            AppError::Usage(format!(
                "there is no intake {name:?}: its name is a member's code and six digits, such as UKR-000001"
            ))
        };
        let (member, number) = name.rsplit_once('-').ok_or_else(unknown)?;
        let number: i64 = number.parse().map_err(|_| unknown())?;
        let row = session.query_one(
            "SELECT t.no FROM intakes t JOIN members m ON m.no = t.member WHERE m.code = ? AND t.number = ?",
            &[member.into(), number.into()],
        )?;
        Ok(row.ok_or_else(unknown)?.int(0)?)
    }

    /// Makes the receipt of a closed intake, and records that it was made.
    pub fn make_receipt(
        &self,
        actor: &Actor,
        intake_no: i64,
        place: Place<'_>,
        watch: &dyn Fn(u64, u64),
    ) -> Result<Made> {
        let wanted =
            std::path::absolute(place.path()).map_err(|e| AppError::io(place.path(), e))?;
        let is_numbered = matches!(place, Place::Numbered(_));
        let free = numbered(&wanted).find(|p| !is_numbered || !is_taken(p));
        let first = free.unwrap_or_else(|| wanted.clone());
        refuse_taken(&first)?;
        let mut session = self.session()?;
        let intake = self.intake(&mut session, intake_no)?;
        let mut work = Outgoing::begin(self, &mut session, Kind::Receipt, &first)?;
        let made = self.write_receipt(&mut session, actor, &intake, &work, watch);
        let (head, sums) = match made {
            Ok(made) => made,
            Err(e) => {
                work.abandon(self, &mut session);
                return Err(e);
            }
        };
        // The record first: what leaves without one would leave unseen.
        let leaf = self.record_receipt(&mut session, actor, &intake, &head, &sums, &work)?;
        self.place_receipt(&mut session, &mut work, is_numbered)?;
        Ok(Made {
            head,
            leaf,
            place: match work.place.file_name() {
                Some(name) => place.path().with_file_name(name),
                None => work.place,
            },
        })
    }

    /// Gives a recorded receipt its name. When something came there in the meantime, such as the receipt of another
    /// centre's intake, the next number that is free does, if one may.
    pub(crate) fn place_receipt(
        &self,
        session: &mut Session,
        work: &mut Outgoing,
        is_numbered: bool,
    ) -> Result<()> {
        let wanted = work.place.clone();
        for place in numbered(&wanted) {
            if place != work.place {
                if is_taken(&place) {
                    continue;
                }
                work.go_to(session, &place)?;
            }
            if put_in_place(&self.ambient.disk, &work.made, &place)? {
                return work.end(self, session);
            }
            if !is_numbered {
                break;
            }
        }
        Err(AppError::Refused(format!(
            "something else is at {} by now: the receipt is recorded, and the next command of comity puts it beside",
            wanted.display()
        )))
    }

    fn intake(&self, session: &mut Session, no: i64) -> Result<Intake> {
        let indices = self.chain_indices(session, no)?;
        let mut events = indices.iter().map(|i| self.read_event(*i));
        let opened = events
            .next()
            .transpose()?
            .ok_or_else(|| AppError::damaged("state", "an intake has no events"))?;
        let closed = events
            .find_map(|e| match e {
                Ok(e) if e.text("kind") == Some("intake_closed") => Some(Ok(e)),
                Ok(_) => None,
                Err(e) => Some(Err(e)),
            })
            .transpose()?
            .ok_or_else(|| AppError::Usage("this intake is still open: give the same `comity intake` command again to finish it".to_owned()))?;
        Ok(Intake {
            no,
            custody_key: opened.custody_key,
            opened,
            closed,
        })
    }

    /// Calls `each` for every event on an item that belongs to this act and stands in `range`, in log order. What waits
    /// for another member's desk belongs to other acts.
    pub(crate) fn each_event_of(
        &self,
        act: &str,
        range: Range<u64>,
        each: &mut dyn FnMut(OpenedEvent) -> Result<()>,
    ) -> Result<()> {
        let mut next = range.start;
        while next < range.end {
            // A bundle at a time, so that others come to the sequencer between.
            let batch = self
                .sequencer()
                .tree
                .batches(next..range.end)
                .next()
                .transpose()?;
            let Some(batch) = batch else { break };
            next = batch.first() + batch.len() as u64;
            let stored: Vec<_> = batch.iter().collect();
            let opened = crate::cores::on_all_cores(
                &stored,
                || (),
                |(), _, s| open_event(&self.keys, s.index, s.entry, s.body),
            );
            for event in opened {
                match event {
                    Ok(event) if event.text("act") == Some(act) => each(event)?,
                    Ok(_) | Err(AppError::Locked { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    fn write_receipt(
        &self,
        session: &mut Session,
        actor: &Actor,
        intake: &Intake,
        work: &Outgoing,
        watch: &dyn Fn(u64, u64),
    ) -> Result<(ReceiptHead, Digest)> {
        let checkpoint = self.checkpoint_for_paper(intake.closed.index + 1)?;
        let out = Handover::begin(&self.ambient.disk, &work.place, &work.made, None)?;
        let mut lines = Lines {
            out: out.growing("manifest.jsonl")?,
            indices: Vec::new(),
            count: 0,
            states: BTreeMap::new(),
            received: 0,
            again: 0,
            bytes: 0,
        };
        // What was delivered again was received earlier: those lines come first, in log order.
        for index in self.earlier(session, intake)? {
            lines.add(self.read_event(index)?, false)?;
        }
        let (first, last) = (intake.opened.index, intake.closed.index);
        let mut differences = DifferencesFile::begin(intake, &out)?;
        self.each_event_of(intake.act(), intake.range(), &mut |event| {
            watch(event.index - first, last - first);
            if let Some(differences) = &mut differences {
                differences.item(self, session, &event)?;
            }
            lines.add(event, true)
        })?;
        if let Some(differences) = &mut differences {
            differences.missing(self, session, intake)?;
        }
        let manifest = lines.out.end()?;
        let acts = intake_lines(intake)?;
        if acts.is_some() {
            lines.indices.extend([first, last]);
        }
        let differences = differences.map(DifferencesFile::end).transpose()?;
        let mut files: Vec<Written> = Vec::new();
        let head = ReceiptHead {
            centre: centre_name(self)?,
            origin: self.config.origin.clone(),
            member: intake.opened.text("member").unwrap_or_default().to_owned(),
            case: intake.opened.text("case").unwrap_or_default().to_owned(),
            case_name: self
                .case(session, intake.opened.text("case").unwrap_or_default())?
                .name
                .unwrap_or_else(|| "(erased)".to_owned()),
            source: intake
                .opened
                .text("source")
                .unwrap_or("(erased)")
                .to_owned(),
            intake: intake
                .opened
                .value("intake")
                .and_then(Value::as_u64)
                .unwrap_or(0),
            lines: lines.count,
            received: lines.received,
            again: lines.again,
            states: lines.states,
            bytes: lines.bytes,
            manifest_sha256: manifest.sha256,
            differences: differences.as_ref().map(|(d, _)| *d),
            size: checkpoint.size(),
            root: *checkpoint.root(),
            made_at: self.now(),
            made_by: actor.person.clone(),
            program: PROGRAM.to_owned(),
        };
        files.push(manifest);
        if let Some(acts) = &acts {
            files.push(out.add("intake.jsonl", acts.as_bytes())?);
        }
        files.extend(differences.map(|(_, w)| w));
        files.push(out.add("receipt.json", &head.to_bytes())?);
        files.push(out.add("keys", self.key_file()?.as_bytes())?);
        files.push(out.add("log/checkpoint", checkpoint.as_bytes())?);
        self.write_tiles(&out, "log/", &lines.indices, checkpoint.size(), &mut files)?;
        let stamps = self.write_stamps(&out, "stamps/", &checkpoint, &mut files)?;
        files.push(out.add(
            "index.html",
            page::index(&head, &self.vouching(&checkpoint, stamps)?).as_bytes(),
        )?);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let sums: String = files
            .iter()
            .map(|f| format!("{}  {}\n", f.sha256, f.path))
            .collect();
        let sums = out.add("SHA256SUMS", sums.as_bytes())?;
        let digest = sums.sha256;
        files.push(sums);
        let names: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
        out.finish(&names)?;
        Ok((head, digest))
    }

    /// The tiles that show the leaves in the tree of `size`, under `folder`.
    pub(crate) fn write_tiles(
        &self,
        out: &Handover,
        folder: &str,
        indices: &[u64],
        size: u64,
        files: &mut Vec<Written>,
    ) -> Result<()> {
        let mut sorted = indices.to_vec();
        sorted.sort_unstable();
        for tile in needed_tiles(&sorted, size) {
            let bytes = self.sequencer().tree.tile(tile)?;
            files.push(out.add(&format!("{folder}{}", tile.path()), &bytes)?);
        }
        Ok(())
    }

    /// The first events of the items that this intake delivered again, in log order.
    fn earlier(&self, session: &mut Session, intake: &Intake) -> Result<Vec<u64>> {
        let mut erns = Vec::new();
        self.each_event_of(intake.act(), intake.range(), &mut |event| {
            if event.text("kind") == Some("delivered_again")
                && let Some(ern) = event.text("ern").and_then(|e| e.parse().ok())
            {
                erns.push(ern);
            }
            Ok(())
        })?;
        let mut indices = Vec::with_capacity(erns.len());
        for ern in &erns {
            indices.push(self.item(session, ern)?.first_index);
        }
        indices.sort_unstable();
        indices.dedup();
        // An item of this very intake has its line already.
        indices.retain(|i| *i < intake.opened.index);
        Ok(indices)
    }

    fn record_receipt(
        &self,
        session: &mut Session,
        actor: &Actor,
        intake: &Intake,
        head: &ReceiptHead,
        sums: &Digest,
        work: &Outgoing,
    ) -> Result<u64> {
        let random = &*self.ambient.random;
        let own = self.chain_key(session, intake.no)?;
        let event = EventDraft::new("receipt_made", &actor.person, &self.now(), random)
            .custody("member", head.member.as_str())
            .custody("intake", head.intake)
            .content("manifest_sha256", head.manifest_sha256.to_string())
            .seal(&self.keys.scope_key(intake.custody_key)?, &own, random)?;
        let draft = Draft {
            subject: Subject::Known(intake.no),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        Ok(self
            .sequencer()
            .commit(&self.keys, |group| {
                work.recorded(group.session, intake.no, Recorded::Yes, sums)?;
                group.push(&draft)
            })?
            .index)
    }
}

/// The events that opened and closed the intake, their custody fields opened: what was handed over how, the deliverer
/// reads in the manifest. `None` for an intake whose closing event names no items.
fn intake_lines(intake: &Intake) -> Result<Option<String>> {
    if intake.closed.value("items").is_none() {
        return Ok(None);
    }
    custody_lines([&intake.opened, &intake.closed]).map(Some)
}

/// Events as lines, their custody fields opened and their content withheld.
pub(crate) fn custody_lines<'a>(
    events: impl IntoIterator<Item = &'a OpenedEvent>,
) -> Result<String> {
    let mut lines = String::new();
    for event in events {
        let mut fields = event.fields.clone();
        for field in fields.iter_mut().filter(|f| f.class == Class::Content) {
            (field.salt, field.value) = (None, None);
        }
        let leaf = String::from_utf8_lossy(&event.entry);
        let line = event_line(event.index, &leaf, &fields, None)
            .map_err(|e| AppError::damaged(format!("event {}", event.index), e.to_string()))?;
        lines.push_str(&line);
    }
    Ok(lines)
}

/// The lines of the manifest, and what the head counts.
struct Lines {
    out: crate::handover::Growing,
    indices: Vec<u64>,
    count: u64,
    states: BTreeMap<String, u64>,
    received: u64,
    again: u64,
    bytes: u64,
}

impl Lines {
    fn add(&mut self, mut event: OpenedEvent, counted: bool) -> Result<()> {
        hide_internal(&mut event.fields);
        if counted {
            match event.text("kind") {
                Some("received") => {
                    self.received += 1;
                    self.bytes += event.value("size").and_then(Value::as_u64).unwrap_or(0);
                    *self
                        .states
                        .entry(event.text("state").unwrap_or_default().to_owned())
                        .or_default() += 1;
                }
                _ => self.again += 1,
            }
        }
        let leaf = String::from_utf8_lossy(&event.entry);
        let line = manifest_line(event.index, &leaf, &event.fields)
            .map_err(|e| AppError::damaged(format!("event {}", event.index), e.to_string()))?;
        self.indices.push(event.index);
        self.count += 1;
        self.out.write(line.as_bytes())
    }
}
