//! Images of disks in several files (`docs/format/reading.md`, *Images in several files*): which items may be read with
//! the first one, and when the turn of the others has come. Why: `docs/adr/0018-images-in-several-files.md`.

mod name;
mod source;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use comity_core::id::{Ern, ObjectId};
use comity_core::json::Value as Json;
use comity_core::shown::shown;
use comity_keyring::Secret;
use comity_vault::{PackId, Place};

use super::job::Job;
use super::pass::Pass;
use super::record::CENTRE;
use super::taking::Finding;
use crate::centre::Centre;
use crate::error::Result;
use crate::event::EventDraft;
use crate::item::Item;
use crate::project::{ItemState, path_tags};
use crate::read::OpenedEvent;
use crate::sql::{Session, Value};

pub use name::{FILES_MAX, SegmentName};
pub use source::Joined;

/// Names that are looked up at a time.
const NAMES: usize = 100;

/// A file that may follow the first one of an image.
pub struct Segment {
    /// The item.
    pub item: Item,
    /// The number of its own key.
    pub content_key: u64,
    /// Its own key and the data key of its object.
    pub secret: Secret,
    /// Its object.
    pub object: ObjectId,
    /// Where it lies.
    pub place: Place,
}

/// What may be read with an item.
#[derive(Default)]
pub struct Offered {
    /// In the order of their numbers, without a gap.
    pub segments: Vec<Arc<Segment>>,
    /// The file after them, and why it is not offered; `None` for an item whose name is not that of a first file.
    pub stopped: Option<String>,
    /// That file, where it is there and its bytes cannot be had.
    pub refused: Option<Ern>,
}

impl Offered {
    /// Bytes of all of them.
    pub fn size(&self) -> u64 {
        let sizes = self.segments.iter().map(|segment| segment.item.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// One of them could not be read: it is not offered, nor what comes after it.
    pub fn lose(&mut self, at: usize, why: &str) {
        let Some(lost) = self.segments.get(at) else {
            return;
        };
        let item = &lost.item;
        let name = named(item).and_then(|(_, name)| name.bytes());
        self.stopped = Some(format!(
            "“{}”: its bytes could not be read from the vault: {why} ({})",
            shown(&name.unwrap_or_default()),
            item.ern
        ));
        self.refused = Some(item.ern);
        self.segments.truncate(at);
    }

    /// Says in what was found which of them were read, and which one was not: the first so many, by what the reader
    /// says. Gives how many that are.
    pub fn say(&self, finding: &mut Finding) -> usize {
        let read = finding.files.saturating_sub(1).min(self.segments.len());
        let (read, not) = self.segments.split_at(read);
        let refused = not.first().map(|segment| segment.item.ern).or(self.refused);
        if finding.goes_on {
            finding.more.push(("goes_on", true.into()));
            let refused = refused.map(|ern| ern.to_string());
            let refused = refused.map(|ern| ("refused", ern.into()));
            finding.more.extend(refused);
        }
        read.len()
    }
}

/// Whether it is an item's turn.
pub enum Turn {
    /// It is. What is to be said of it, where it should have been read with another.
    Now(Option<String>),
    /// It may be read with another item, whose own turn comes first.
    After,
    /// It is to be read with this item, which was read without it.
    With(Box<Item>),
}

/// What the event of a reading says of the files that it had.
#[derive(Debug, Default)]
struct ReadWith {
    files: Vec<Ern>,
    goes_on: bool,
    refused: Option<Ern>,
}

impl ReadWith {
    fn of(event: &OpenedEvent) -> ReadWith {
        let ern = |value: &Json| value.as_str().and_then(|text| text.parse().ok());
        ReadWith {
            files: read_with(event),
            goes_on: event.value("goes_on").is_some(),
            refused: event.value("refused").and_then(ern),
        }
    }
}

/// The items that an event `read` says its item was read with, in order.
pub fn read_with(event: &OpenedEvent) -> Vec<Ern> {
    let files = event.value("files").and_then(Json::as_array);
    let erns = files.into_iter().flatten().filter_map(Json::as_str);
    erns.filter_map(|ern| ern.parse().ok()).collect()
}

/// Path of the folder, with its last stroke, and the place of the name, of an item that was handed over as a file. What
/// lies inside of another item may bear any path, and is no neighbour of anything.
fn named(item: &Item) -> Option<(Vec<u8>, SegmentName)> {
    let path = &item.facts.as_ref().filter(|_| item.ern.depth() == 0)?.path;
    let name = path.iter().rposition(|byte| *byte == b'/');
    let (folder, name) = path.split_at(name.map_or(0, |at| at + 1));
    Some((folder.to_vec(), SegmentName::of(name)?))
}

fn path(folder: &[u8], name: &SegmentName) -> Option<Vec<u8>> {
    Some([folder, &name.bytes()?].concat())
}

/// The newest item of each path in a source, which is of one member and case.
fn newest(
    centre: &Centre,
    session: &mut Session,
    (source, scope_key): (i64, u64),
    paths: &[Vec<u8>],
) -> Result<Vec<Option<i64>>> {
    let index_key = centre.keys.scope(scope_key)?.second;
    let tags: Vec<(i64, i64)> = paths.iter().map(|p| path_tags(&index_key, p)).collect();
    let mut newest = HashMap::new();
    for part in tags.chunks(NAMES) {
        let wanted = vec!["(?,?)"; part.len()].join(",");
        // As an intake looks up what it knows: from the paths that are asked for into the table.
        let sql = format!(
            "SELECT p.folder, p.name, max(p.item) FROM (VALUES {wanted}) AS w CROSS JOIN paths p WHERE p.folder = w.column1 AND p.name = w.column2 AND p.source = ? GROUP BY p.folder, p.name"
        );
        let mut values: Vec<Value> = part
            .iter()
            .flat_map(|(folder, name)| [Value::Int(*folder), Value::Int(*name)])
            .collect();
        values.push(source.into());
        for row in session.query(&sql, &values)? {
            newest.insert((row.int(0)?, row.int(1)?), row.int(2)?);
        }
    }
    Ok(tags.iter().map(|tag| newest.get(tag).copied()).collect())
}

fn place(job: &Job) -> (i64, u64) {
    (job.source, job.scope.key.number)
}

/// Why two items are not read as one, whatever their bytes say: nobody may come by one of them through the other.
fn kept_apart(centre: &Centre, first: &Item, other: &Item) -> Result<Option<String>> {
    let why = match other {
        _ if other.ern.member() != first.ern.member() || other.case != first.case => {
            "it is of another member or case"
        }
        Item {
            erased: Some(_), ..
        } => "it has been erased",
        _ if other.state != ItemState::Sealed => "its bytes were not had",
        _ if other.quarantined => {
            "it is in quarantine; `comity vault repair --from BACKUP` mends it"
        }
        _ if handling(centre, first)? != handling(centre, other)? => {
            "it has another handling code, and what is inside would have that of the first file"
        }
        _ => return Ok(None),
    };
    Ok(Some(why.to_owned()))
}

fn handling(centre: &Centre, item: &Item) -> Result<Option<String>> {
    let event = centre.read_event(item.first_index)?;
    Ok(event.text("handling").map(str::to_owned))
}

/// What may be read with the item of a job: the files whose names follow, of the same member, case, source and folder.
pub fn offered(centre: &Centre, session: &mut Session, job: &Job) -> Result<Offered> {
    let mut offered = Offered::default();
    let Some((folder, name)) = named(&job.item).filter(|(_, name)| name.may_be_first()) else {
        return Ok(offered);
    };
    let own = [path(&folder, &name).unwrap_or_default()];
    if newest(centre, session, place(job), &own)?.as_slice() != [Some(job.item.no)] {
        offered.stopped = Some(
            "a newer file of its name was taken in, and files that follow belong to that one"
                .to_owned(),
        );
        return Ok(offered);
    }
    let mut next = name.number + 1;
    loop {
        let mut paths = Vec::with_capacity(NAMES);
        while paths.len() < NAMES && next + (paths.len() as u32) <= FILES_MAX {
            let Some(path) = path(&folder, &name.at(next + paths.len() as u32)) else {
                break;
            };
            paths.push(path);
        }
        if paths.is_empty() {
            offered.stopped = Some("an image of more files is not read as one".to_owned());
            return Ok(offered);
        }
        let found = newest(centre, session, place(job), &paths)?;
        for (path, no) in paths.iter().zip(found) {
            let segment = match no {
                Some(no) => segment(centre, session, job, no)?,
                None => Err(Unfit {
                    why: "no such file was taken in from this source".to_owned(),
                    lost: None,
                }),
            };
            match segment {
                Ok(segment) => offered.segments.push(Arc::new(segment)),
                Err(unfit) => {
                    let name = shown(&path[folder.len()..]);
                    offered.stopped = Some(format!("“{name}”: {}", unfit.why));
                    offered.refused = unfit.lost;
                    return Ok(offered);
                }
            }
            next += 1;
        }
    }
}

/// Why a file is not offered.
struct Unfit {
    why: String,
    /// It is there, and its bytes are not.
    lost: Option<Ern>,
}

/// A file that may follow, or why it may not.
fn segment(
    centre: &Centre,
    session: &mut Session,
    job: &Job,
    no: i64,
) -> Result<std::result::Result<Segment, Unfit>> {
    let item = centre.item_by_no(session, no)?;
    let unfit = |why: &str, lost| {
        let why = format!("{why} ({})", item.ern);
        Ok(Err(Unfit { why, lost }))
    };
    if let Some(why) = kept_apart(centre, &job.item, &item)? {
        return unfit(&why, None);
    }
    let row = session.query_one(
        "SELECT o.id, o.pack, o.at, o.sealed_size, c.content_key FROM items i JOIN objects o ON o.no = i.object JOIN chains c ON c.no = i.no WHERE i.no = ?",
        &[no.into()],
    )?;
    let Some(row) = row else {
        return unfit("the vault holds nothing of it", Some(item.ern));
    };
    let content_key = row.int(4)? as u64;
    let secret = match centre.keys.item_unless_locked(content_key)? {
        Ok(Some(secret)) => secret,
        Ok(None) => return unfit("it has been erased", Some(item.ern)),
        Err(_) => return unfit("it waits for the key of its member's desk", None),
    };
    Ok(Ok(Segment {
        content_key,
        secret,
        object: ObjectId(row.array(0)?),
        place: Place {
            pack: PackId(row.array(1)?),
            offset: row.int(2)? as u64,
            len: row.int(3)? as u64,
        },
        item,
    }))
}

/// Whether the turn of these has come. Those in `aside` cannot be read now, and nothing waits for them.
pub fn turns(
    centre: &Centre,
    session: &mut Session,
    jobs: &[Job],
    aside: &HashSet<i64>,
) -> Result<Vec<Turn>> {
    let mut turns: Vec<Turn> = jobs.iter().map(|_| Turn::Now(None)).collect();
    // Most names could be those of an image's later files, and hardly one is: all are looked up in a few questions.
    let mut wanted: HashMap<(i64, u64), Vec<(usize, Later)>> = HashMap::new();
    for (at, job) in jobs
        .iter()
        .enumerate()
        .filter(|(_, j)| j.pass == Pass::Read)
    {
        if let Some(later) = Later::of(&job.item) {
            wanted.entry(place(job)).or_default().push((at, later));
        }
    }
    for (place, all) in wanted {
        let paths: Vec<Vec<u8>> = all
            .iter()
            .flat_map(|(_, later)| later.firsts.iter().map(|(_, path)| path.clone()))
            .collect();
        let mut found = newest(centre, session, place, &paths)?.into_iter();
        for (at, later) in all {
            let firsts: Vec<(u32, i64)> = later
                .firsts
                .iter()
                .zip(found.by_ref())
                .filter_map(|((number, _), no)| Some((*number, no?)))
                .collect();
            if !firsts.is_empty() {
                turns[at] = later.turn(centre, session, &jobs[at], &firsts, aside)?;
            }
        }
    }
    Ok(turns)
}

/// An item whose name is that of a later file, and the paths with which its image may begin.
struct Later {
    path: Vec<u8>,
    number: u32,
    firsts: Vec<(u32, Vec<u8>)>,
}

impl Later {
    fn of(item: &Item) -> Option<Later> {
        let (folder, name) = named(item)?;
        let firsts = name.firsts().into_iter();
        let firsts: Vec<(u32, Vec<u8>)> = firsts
            .filter_map(|first| Some((first.number, path(&folder, &first)?)))
            .collect();
        (!firsts.is_empty()).then_some(Later {
            path: path(&folder, &name)?,
            number: name.number,
            firsts,
        })
    }

    fn turn(
        &self,
        centre: &Centre,
        session: &mut Session,
        job: &Job,
        firsts: &[(u32, i64)],
        aside: &HashSet<i64>,
    ) -> Result<Turn> {
        let own = newest(
            centre,
            session,
            place(job),
            std::slice::from_ref(&self.path),
        )?;
        if own != [Some(job.item.no)] {
            return Ok(Turn::Now(None));
        }
        let mut said = None;
        for (number, no) in firsts {
            let first = centre.item_by_no(session, *no)?;
            let apart = kept_apart(centre, &first, &job.item)?;
            if apart.is_none() && first.is_unread() && !aside.contains(no) {
                return Ok(Turn::After);
            }
            let Some(reading) = first.reading.filter(|reading| !reading.again) else {
                continue;
            };
            let with = ReadWith::of(&centre.read_event(reading.leaf)?);
            let was = with.files.contains(&job.item.ern);
            let is_refused = with.refused == Some(job.item.ern);
            let is_next =
                with.goes_on && !is_refused && with.files.len() as u32 + 1 == self.number - number;
            if apart.is_none() && (was || is_next) {
                return Ok(Turn::With(Box::new(first)));
            }
            if with.goes_on {
                let why = match apart {
                    Some(why) => why,
                    None if is_refused => {
                        "when that was read, this was not its next file, or could not be had"
                            .to_owned()
                    }
                    None => "a file before it is not there, or was not read with it".to_owned(),
                };
                said = Some(format!(
                    "by its name it is a file of the image of {}, and was not read with it: {why}",
                    first.ern
                ));
            }
        }
        Ok(Turn::Now(said))
    }
}

/// Has the first file of an image read again, since one has come that it was read without. No person asks for it: the
/// centre does, as it reads. Nothing is recorded where it waits already.
pub fn ask_again(
    centre: &Centre,
    session: &mut Session,
    first: &Item,
    because: &Ern,
) -> Result<()> {
    let event = EventDraft::new(
        "reading_asked",
        CENTRE,
        &centre.now(),
        &*centre.ambient.random,
    )
    .custody("ern", first.ern.to_string())
    .custody("because", because.to_string());
    let draft = centre.custody_of_item(session, first, event)?;
    centre.sequencer().commit(&centre.keys, |group| {
        let row = group.session.query_one(
            "SELECT i.no FROM items i JOIN readings r ON r.item = i.no WHERE i.no = ? AND i.erased IS NULL AND r.waits = 0",
            &[first.no.into()],
        )?;
        match row {
            Some(_) => group.push(&draft).map(drop),
            None => Ok(()),
        }
    })
}

/// The other files of the image that an item is a file of, by chain number: those that were read as one with it.
pub fn image_files(session: &mut Session, item: i64) -> Result<Vec<i64>> {
    let rows = session.query(
        "SELECT s.item FROM segments s WHERE s.first = ? UNION SELECT s.first FROM segments s WHERE s.item = ? UNION SELECT o.item FROM segments s JOIN segments o ON o.first = s.first WHERE s.item = ? AND o.item <> s.item ORDER BY 1",
        &[item.into(), item.into(), item.into()],
    )?;
    Ok(rows
        .iter()
        .map(|row| row.int(0))
        .collect::<std::result::Result<_, _>>()?)
}
