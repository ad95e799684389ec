//! An intake from its first thing to its last event.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use comity_core::json::Value;
use comity_vault::Also;

use super::Request;
use super::bag::{Bag, BagError, Limits};
use super::batch::{BYTES, ENTRIES, LARGE, Read1, Work, read_entry, stream};
use super::delivered::{Compared, Delivered};
use super::known::{KnownItem, known_items};
use super::open::{Opened, collected, open_or_resume, options};
use super::progress::{Progress, Tally};
use super::record::{Common, End, Prepared, Said, Sealing, hashes_of, prepare};
use super::thing::Thing;
use super::total::Total;
use super::walk::{Entry, Spill, Walk};
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::cores::on_all_cores;
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft, NumberedKey};
use crate::project::{ItemState, ObjectAt};
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
    let mut session = centre.session()?;
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
        centre,
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

struct Intake<'a> {
    centre: &'a Centre,
    session: Session,
    request: &'a Request,
    common: Common,
    opened: Opened,
    delivered: Delivered,
    progress: &'a (dyn Fn(&Progress) + Sync),
    total: &'a Total,
    /// Something of this source was taken in before: paths must be looked up.
    source_is_known: bool,
    sealing: Sealing,
    tally: Tally,
}

/// A batch that has been read.
struct Batch<'t> {
    works: Vec<Work<'t>>,
    said: Vec<Said>,
    reads: Vec<Read1>,
}

impl Intake<'_> {
    /// Three batches are under way at once: one is read, one is sealed, one is committed.
    fn take_in<'t>(&mut self, things: &mut dyn Iterator<Item = Met<'t>>) -> Result<()> {
        let any = self.session.query_one(
            "SELECT item FROM paths WHERE source = ? LIMIT 1",
            &[self.opened.source.into()],
        )?;
        self.source_is_known = any.is_some();
        let (centre, common) = (self.centre, self.common.clone());
        let mut sealing = std::mem::take(&mut self.sealing);
        let (ended, ends) = mpsc::channel();
        std::thread::scope(|scope| -> Result<()> {
            let (read, to_seal) = mpsc::sync_channel::<Batch<'t>>(1);
            let (sealed, to_commit) = mpsc::sync_channel::<Prepared>(0);
            let committer = scope.spawn(move || -> Result<()> {
                for prepared in to_commit {
                    let _ = ended.send(commit(centre, prepared)?);
                }
                Ok(())
            });
            let sealer = scope.spawn(move || -> Result<Sealing> {
                let mut session = centre.session()?;
                for batch in to_seal {
                    let Batch { works, said, reads } = batch;
                    let prepared = prepare(
                        centre,
                        &mut session,
                        &common,
                        &works,
                        &said,
                        reads,
                        &mut sealing,
                    )?;
                    // The committer says itself what went wrong there.
                    if sealed.send(prepared).is_err() {
                        break;
                    }
                }
                Ok(sealing)
            });
            let done = self.read_all(things, &read, &ends);
            drop(read);
            let (sealing, committed) = (joined(sealer), joined(committer));
            done?;
            committed?;
            self.sealing = sealing?;
            Ok(())
        })?;
        self.count(ends.try_iter());
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

    fn close(mut self) -> Result<Outcome> {
        let (centre, random) = (self.centre, &*self.centre.ambient.random);
        let key: NumberedKey = centre.chain_key(&mut self.session, self.opened.no)?;
        self.record_missing(&key)?;
        let (compared, unused) = self.delivered.summary();
        let unused_provenance = unused
            .as_ref()
            .and_then(|u| u.get("unused"))
            .and_then(Value::as_array)
            .map_or(0, |l| l.len() as u64);
        let counts: Value = ItemState::ALL
            .iter()
            .map(|s| (s.word().to_owned(), Value::from(self.tally.of(*s))))
            .chain([
                ("delivered_again".to_owned(), Value::from(self.tally.again)),
                ("resumed".to_owned(), Value::from(self.tally.resumed)),
            ])
            .collect();
        let event = EventDraft::new("intake_closed", &self.common.actor, &centre.now(), random)
            .custody("member", self.common.member.as_str())
            .custody("case", self.common.case.as_str())
            .custody("intake", self.common.intake)
            .content("counts", counts)
            .content_opt("compared", compared)
            .content_opt("provenance_file", unused)
            .seal(&self.common.scope, &key, random)?;
        let draft = Draft {
            subject: Subject::Known(self.opened.no),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        let mut sequencer = centre.sequencer();
        sequencer.commit(&centre.keys, |group| group.push(&draft))?;
        sequencer.tidy()?;
        Ok(Outcome {
            no: self.opened.no,
            name: format!("{}-{:06}", self.common.member, self.common.intake),
            resumed: self.opened.resumed,
            tally: self.tally,
            compared: self.delivered.compared(),
            unused_provenance,
        })
    }
}

impl Intake<'_> {
    /// What is listed and was not handed over, in events of the intake. A run that was interrupted here may have left
    /// some: they begin again from part 0, and what stands before that is of no account.
    fn record_missing(&self, key: &NumberedKey) -> Result<()> {
        let (centre, random) = (self.centre, &*self.centre.ambient.random);
        for (part, missing) in (0u64..).zip(self.delivered.missing()) {
            let event = EventDraft::new(
                "manifest_missing",
                &self.common.actor,
                &centre.now(),
                random,
            )
            .custody("member", self.common.member.as_str())
            .custody("intake", self.common.intake)
            .custody("part", part)
            .content("missing", missing)
            .seal(&self.common.scope, key, random)?;
            let draft = Draft {
                subject: Subject::Known(self.opened.no),
                event,
                secret: None,
                object: ObjectAt::Unknown,
            };
            centre
                .sequencer()
                .commit(&centre.keys, |group| group.push(&draft))?;
        }
        Ok(())
    }
}

/// An entry that waits for its turn. It may have been read before one in front of it, on another core.
type Waiting<'t> = (Work<'t>, Option<Read1>);

/// Reads as many of the entries as one batch may hold, and takes them off the front.
fn read_some<'t>(waiting: &mut Vec<Waiting<'t>>, also: Also) -> (Vec<Work<'t>>, Vec<Read1>) {
    let taken = AtomicU64::new(0);
    let reads = on_all_cores(
        waiting,
        || (),
        |(), i, (work, read)| {
            let has_room = i == 0 || taken.load(Ordering::Relaxed) < BYTES;
            (read.is_none() && has_room).then(|| read_entry(work, also, &taken))
        },
    );
    for ((_, waits), read) in waiting.iter_mut().zip(reads) {
        *waits = waits.take().or(read);
    }
    let ready = waiting
        .iter()
        .take_while(|(_, read)| read.is_some())
        .count();
    let batch = waiting.drain(..ready);
    batch.filter_map(|(work, read)| Some((work, read?))).unzip()
}

fn joined<T>(handle: std::thread::ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Bytes durable first, then the events that speak of them.
fn commit(centre: &Centre, prepared: Prepared) -> Result<Vec<End>> {
    centre.vault.commit(prepared.packs)?;
    centre.sequencer().commit(&centre.keys, |group| {
        for item in prepared.items {
            group.push_ready(item)?;
        }
        prepared
            .again
            .iter()
            .try_for_each(|d| group.push(d).map(drop))
    })?;
    Ok(prepared.ends)
}
