//! An intake from its first thing to its last event.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use comity_core::json::Value;
use comity_core::merkle::Frontier;

use super::Request;
use super::bag::{Bag, BagError, Limits};
use super::batch::{ENTRIES, LARGE, Read1, Work, stream};
use super::delivered::{Compared, Delivered};
use super::known::{KnownItem, known_items};
use super::open::{Opened, collected, open_or_resume, options};
use super::pipeline::{self, Batch, Waiting, read_some};
use super::progress::{Progress, Tally};
use super::record::{Common, End, Said, Sealing, hashes_of};
use super::thing::Thing;
use super::total::Total;
use super::walk::{Entry, Spill, Walk};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::project::ItemState;
use crate::sql::Session;

/// The role of a hand-over document.
const DOCUMENT: &str = "hand-over document";
/// The role of a file of a bag that is not payload.
const TAG_FILE: &str = "tag file of the bag";

/// How an intake ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The number of its chain.
    pub no: i64,
    /// Its name: member and number, `UKR-000123`.
    pub name: String,
    /// It went on with an interrupted one.
    pub resumed: bool,
    /// The counts of this run.
    pub tally: Tally,
    /// How the files fit the deliverer's own list, where one was given.
    pub compared: Option<Compared>,
    /// Rows of the provenance file that fit no file.
    pub unused_provenance: u64,
}

/// Takes in what the request names. Killed at any moment and run again, it goes on where it was.
pub fn run(
    centre: &Centre,
    actor: &Actor,
    request: &Request,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Outcome> {
    if request.source.trim().is_empty() {
        return Err(AppError::Usage(
            "an intake needs a source: --source \"where it comes from\"".to_owned(),
        ));
    }
    // A key that is missing is said before anything is read.
    actor.signer()?;
    let mut session = centre.session()?;
    // Packs that are made here are named by events only later.
    let _stay = centre.keep_packs()?;
    // All that can be refused is refused before the intake is opened.
    let bag = if request.bag {
        Some(open_bag(centre, request, progress)?)
    } else {
        None
    };
    let main = if bag.is_some() {
        None
    } else {
        Some(walk(centre, &request.roots)?)
    };
    let documents = if request.documents.is_empty() {
        None
    } else {
        Some(walk(centre, &request.documents)?)
    };
    let delivered = Delivered::read(request, main.as_ref().map_or(&[], Walk::roots))?;
    let opened = open_or_resume(
        centre,
        &mut session,
        actor,
        request,
        &options(request),
        bag.as_ref().map(bag_record),
    )?;
    let common = common(centre, &mut session, actor, request, &opened)?;
    let total = match &bag {
        Some(bag) => Total::known(bag.payload().len() as u64, bag.payload_bytes()),
        None if request.count_first => Total::counting(walk(centre, &request.roots)?),
        None => Total::unknown(),
    };
    let mut intake = Intake {
        sealing: Sealing::from(opened.next_number),
        source_is_known: true,
        tally: Tally::default(),
        items: Frontier::new(),
        centre,
        actor,
        session,
        request,
        common,
        opened,
        delivered,
        progress,
        total: &total,
    };
    if let Some(bag) = &bag {
        let name = bag_name(request);
        let thing = |file| Thing::Bagged {
            bag,
            file,
            path: [&name, b"/".as_slice(), super::bag::BagFile::path(&file)].concat(),
        };
        intake.take_in(&mut bag.payload().map(|file| Ok((thing(file), None))))?;
        intake.take_in(
            &mut bag
                .tag_files()
                .map(|file| Ok((thing(file), Some(TAG_FILE)))),
        )?;
    }
    if let Some(main) = main {
        intake.take_in(&mut main.map(|entry| walked(entry, None)))?;
    }
    if let Some(documents) = documents {
        intake.take_in(&mut documents.map(|entry| walked(entry, Some(DOCUMENT))))?;
    }
    intake.close()
}

type Met<'a> = Result<(Thing<'a>, Option<&'static str>)>;

fn walked(
    entry: std::result::Result<Entry, super::walk::WalkError>,
    role: Option<&'static str>,
) -> Met<'static> {
    entry
        .map(|e| (Thing::Walked(e), role))
        .map_err(|e| AppError::Refused(e.to_string()))
}

fn spill(centre: &Centre) -> Result<Spill> {
    let folder = centre.dir.join("tmp");
    centre.ambient.disk.create_dir_all(&folder)?;
    Ok(Spill::new(&folder, &*centre.ambient.random))
}

fn walk(centre: &Centre, roots: &[PathBuf]) -> Result<Walk> {
    Walk::new(roots, std::slice::from_ref(&centre.dir), spill(centre)?)
        .map_err(|e| AppError::Usage(e.to_string()))
}

/// Opens a bag and reads its whole payload against its manifests: an invalid one is refused, all findings named.
fn open_bag(
    centre: &Centre,
    request: &Request,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Bag> {
    let [path] = request.roots.as_slice() else {
        return Err(AppError::Usage(
            "--bag takes one bag: a folder or a zip".to_owned(),
        ));
    };
    let refused = |e: BagError| match e {
        BagError::Invalid { findings } => AppError::Findings {
            what: format!(
                "the bag {} is not valid, and nothing of it was taken in",
                path.display()
            ),
            findings,
        },
        other => AppError::Refused(other.to_string()),
    };
    let bag = Bag::open(path, &Limits::default(), spill(centre)?).map_err(refused)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let all = (bag.payload().len() as u64, bag.payload_bytes());
    let findings = bag.check_payload(threads, &|_, bytes| {
        progress(&Progress {
            checking: Some((bytes, all.1)),
            ..Progress::default()
        })
    });
    if findings.is_empty() {
        Ok(bag)
    } else {
        Err(refused(BagError::Invalid { findings }))
    }
}

/// The bag's own words, kept as provenance: version, `bag-info.txt` in its order, what a person may want to know.
fn bag_record(bag: &Bag) -> Value {
    let info: Vec<Value> = bag
        .info()
        .iter()
        .map(|(label, value)| Value::Array(vec![label.as_str().into(), value.as_str().into()]))
        .collect();
    let remarks: Vec<Value> = bag.remarks().iter().map(|r| r.to_string().into()).collect();
    Value::from_iter([
        ("version".to_owned(), Value::from(bag.version().to_string())),
        ("info".to_owned(), Value::Array(info)),
        ("remarks".to_owned(), Value::Array(remarks)),
        (
            "algorithms".to_owned(),
            bag.algorithms()
                .iter()
                .map(|a| Value::from(a.name()))
                .collect(),
        ),
    ])
}

/// The name of the bag: its folder's, or its archive's without the ending.
fn bag_name(request: &Request) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    let path = request
        .roots
        .first()
        .and_then(|p| std::fs::canonicalize(p).ok())
        .unwrap_or_default();
    let name = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    name.map(|n| n.as_bytes().to_vec())
        .unwrap_or_else(|| b"bag".to_vec())
}

fn common(
    centre: &Centre,
    session: &mut Session,
    actor: &Actor,
    request: &Request,
    opened: &Opened,
) -> Result<Common> {
    let member = session
        .query_one(
            "SELECT no, scope_key FROM members WHERE code = ?",
            &[request.member.as_str().into()],
        )?
        .ok_or_else(|| AppError::Usage(format!("{} is not a member", request.member)))?;
    let member_key = member.int(1)? as u64;
    Ok(Common {
        member: request.member,
        member_no: member.int(0)?,
        case: centre.case(session, &request.case)?.code,
        intake: opened.number,
        act: opened.act.clone(),
        actor: actor.person.clone(),
        handling: request.handling.clone(),
        source: request.source.clone(),
        collected: collected(request),
        scope: centre.keys.scope_key(opened.scope)?,
        member_index: centre.keys.scope(member_key)?.second,
    })
}

/// An intake that is under way.
pub(super) struct Intake<'a> {
    pub(super) centre: &'a Centre,
    pub(super) actor: &'a Actor,
    pub(super) session: Session,
    pub(super) request: &'a Request,
    pub(super) common: Common,
    pub(super) opened: Opened,
    pub(super) delivered: Delivered,
    pub(super) progress: &'a (dyn Fn(&Progress) + Sync),
    pub(super) total: &'a Total,
    /// Something of this source was taken in before: paths must be looked up.
    pub(super) source_is_known: bool,
    pub(super) sealing: Sealing,
    pub(super) tally: Tally,
    /// The tree over the events of the items that this run recorded.
    pub(super) items: Frontier,
}

impl Intake<'_> {
    fn take_in<'t>(&mut self, things: &mut dyn Iterator<Item = Met<'t>>) -> Result<()> {
        let any = self.session.query_one(
            "SELECT item FROM paths WHERE source = ? LIMIT 1",
            &[self.opened.source.into()],
        )?;
        self.source_is_known = any.is_some();
        let (centre, common) = (self.centre, self.common.clone());
        let sealing = std::mem::take(&mut self.sealing);
        let mut items = std::mem::take(&mut self.items);
        let mut ends = None;
        self.sealing = pipeline::run(centre, &common, sealing, &mut items, |read, ended| {
            let done = self.read_all(things, &read, &ended);
            ends = Some(ended);
            done
        })?;
        self.items = items;
        self.count(ends.iter().flat_map(mpsc::Receiver::try_iter));
        Ok(())
    }

    /// Reads everything in batches and hands them on, until there is no more or nobody takes them.
    fn read_all<'t>(
        &mut self,
        things: &mut dyn Iterator<Item = Met<'t>>,
        read: &mpsc::SyncSender<Batch<'t>>,
        ends: &mpsc::Receiver<Vec<End>>,
    ) -> Result<()> {
        let also = self.delivered.also(self.request.legacy_hashes);
        let mut waiting: Vec<Waiting<'t>> = Vec::new();
        loop {
            let room = ENTRIES - waiting.len();
            let met: Vec<_> = things.take(room).collect::<Result<_>>()?;
            waiting.extend(self.look_up(met)?.into_iter().map(|work| (work, None)));
            if waiting.is_empty() {
                return Ok(());
            }
            let (works, mut reads) = read_some(&mut waiting, also);
            self.stream_large(&mut reads)?;
            let said = works
                .iter()
                .zip(&reads)
                .map(|(w, r)| match w.done {
                    true => Said::default(),
                    false => self.delivered.say(&w.thing, hashes_of(r)),
                })
                .collect();
            if read.send(Batch { works, said, reads }).is_err() {
                return Ok(());
            }
            self.count(ends.try_iter());
        }
    }

    fn look_up<'t>(
        &mut self,
        met: Vec<(Thing<'t>, Option<&'static str>)>,
    ) -> Result<Vec<Work<'t>>> {
        let (things, roles): (Vec<_>, Vec<_>) = met.into_iter().unzip();
        let known = if self.source_is_known {
            let index_key = self.centre.keys.scope(self.opened.scope)?.second;
            known_items(
                self.centre,
                &mut self.session,
                self.opened.source,
                &index_key,
                &things,
            )?
        } else {
            vec![None; things.len()]
        };
        let mut works = Vec::with_capacity(things.len());
        for ((thing, role), known) in things.into_iter().zip(roles).zip(known) {
            let done = match &known {
                Some(known) if self.opened.resumed => self.is_done(&thing, known)?,
                _ => false,
            };
            works.push(Work {
                thing,
                known,
                done,
                role,
            });
        }
        Ok(works)
    }

    /// Whether an interrupted run of this intake has dealt with the thing, and it is as it was then.
    fn is_done(&mut self, thing: &Thing<'_>, known: &KnownItem) -> Result<bool> {
        let said = if known.intake_no == self.opened.no {
            Some(known.first)
        } else {
            self.delivered_again_here(known)?
        };
        let Some(said) = said else {
            return Ok(false);
        };
        let same = known.state != ItemState::Sealed
            || thing
                .size_and_time()
                .is_some_and(|(size, modified)| size == known.size && modified == known.modified);
        if same && self.delivered.has_manifest() {
            let event = self.centre.read_event(said)?;
            self.delivered.remember(thing, event.value("listed"));
        }
        Ok(same)
    }

    /// The event by which this intake said already that the item was delivered again. Others may have recorded events
    /// of the item since, such as an opening.
    fn delivered_again_here(&mut self, known: &KnownItem) -> Result<Option<u64>> {
        if known.last.is_none_or(|last| last < self.opened.index) {
            return Ok(None);
        }
        let indices = self.centre.chain_indices(&mut self.session, known.no)?;
        for index in indices.into_iter().rev() {
            if index < self.opened.index {
                break;
            }
            if self.centre.read_event(index)?.text("act") == Some(&self.opened.act) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn show(&self, tally: Tally) {
        (self.progress)(&Progress {
            tally,
            total: self.total.get(),
            checking: None,
        });
    }

    fn stream_large(&mut self, reads: &mut [Read1]) -> Result<()> {
        let also = self.delivered.also(self.request.legacy_hashes);
        for read in reads {
            if let Read1::Stream(_) = read
                && let Read1::Stream(streamed) = std::mem::replace(read, Read1::Done)
            {
                let (bytes, before) = (AtomicU64::new(0), self.tally);
                *read = stream(
                    self.centre,
                    self.common.scope.number,
                    *streamed,
                    also,
                    &|n| {
                        let sum = bytes.fetch_add(n, Ordering::Relaxed) + n;
                        self.show(Tally {
                            bytes: before.bytes + sum,
                            ..before
                        });
                    },
                )?;
                self.tally.bytes += bytes.into_inner();
            }
        }
        Ok(())
    }

    fn count(&mut self, ends: impl Iterator<Item = Vec<End>>) {
        for end in ends.flatten() {
            match end {
                End::New(state, size) => {
                    self.tally.new[state as usize] += 1;
                    self.tally.bytes += if size < LARGE { size } else { 0 };
                }
                End::Again(size) => {
                    self.tally.again += 1;
                    self.tally.bytes += if size < LARGE { size } else { 0 };
                }
                End::Resumed => self.tally.resumed += 1,
            }
        }
        self.show(self.tally);
    }
}
