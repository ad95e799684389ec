//! `comity work`: the queue is drained by as many readers as there are cores.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use comity_extract::tool::{Films, Ocr};
use comity_extract::{ExtractError, Limits, Outcome as ReadOutcome, Readers, Sink, State};

use super::commit::{Committer, Room};
use super::family::Families;
use super::further::{Drawing, Recognising};
use super::job::{Job, Scope, Sealed};
use super::pass::Pass;
use super::passing::Passing;
use super::progress::{Progress, SetAside, Tally};
use super::queue::{Queue, newest, waiting};
use super::record::{Batch, With};
use super::segments::{Joined, Offered, offered};
use super::taking::{Finding, Taken, Taking};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::sql::Session;

/// Batches that wait for the committing thread.
const WAITING: usize = 4096;

/// Who reads, and within which limits.
#[derive(Clone, Debug)]
pub struct Workers {
    /// The program `extract-worker`.
    pub program: PathBuf,
    /// What the reading of one item may take and give.
    pub limits: Limits,
    /// How many at a time.
    pub threads: usize,
    /// The passes that are made, whatever their order here.
    pub passes: Vec<Pass>,
    /// The languages that characters are looked for in, as Tesseract names them.
    pub languages: Vec<String>,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was read.
    pub tally: Tally,
    /// What was drawn.
    pub drawn: Tally,
    /// What was recognised.
    pub recognised: Tally,
    /// Items that could not be read now, and stay in the queue.
    pub aside: Vec<SetAside>,
    /// Items that wait for their characters to be recognised, and why they do, where that cannot be done here.
    pub without_ocr: Option<(u64, String)>,
}

impl Outcome {
    fn add(&mut self, pass: Pass, tally: &Tally) {
        match pass {
            Pass::Read => self.tally.add(tally),
            Pass::Draw => self.drawn.add(tally),
            Pass::Recognise => self.recognised.add(tally),
        }
    }
}

/// What all threads of a run share.
struct Shared<'a> {
    centre: &'a Centre,
    workers: &'a Workers,
    queue: &'a Queue<'a>,
    families: Families,
    room: &'a Room,
    ocr: Option<&'a Ocr>,
    /// What takes frames of films, or why nothing does; looked for when the first film comes.
    films: OnceLock<std::result::Result<Films, String>>,
}

impl Centre {
    /// Reads what no reader has seen, until there is no more; then draws and recognises, as long as nothing new is to
    /// be read. Killed at any moment and run again, it goes on where it was; several processes share the work.
    ///
    /// # Errors
    /// What stops all reading: the program cannot be started, or what was read cannot be kept. What is wrong with an
    /// item is its state, and never an error.
    pub fn work(&self, workers: &Workers, watch: &(dyn Fn(&Progress) + Sync)) -> Result<Outcome> {
        // Packs that are made here are named by events only later.
        let _stay = self.keep_packs()?;
        let mut outcome = Outcome::default();
        let passes = Pass::ALL
            .into_iter()
            .filter(|pass| workers.passes.contains(pass));
        let passes: Vec<Pass> = passes.collect();
        let (mut left, mut seen) = (passes.iter(), None);
        while let Some(pass) = left.next() {
            if self.one_pass(*pass, workers, watch, &mut seen, &mut outcome)? {
                left = passes.iter();
            }
        }
        self.sequencer().tidy()?;
        Ok(outcome)
    }

    /// Makes one pass. Whether it gave way to items that came after the last one that was `seen` by the reading.
    fn one_pass(
        &self,
        pass: Pass,
        workers: &Workers,
        watch: &(dyn Fn(&Progress) + Sync),
        seen: &mut Option<i64>,
        outcome: &mut Outcome,
    ) -> Result<bool> {
        let mut session = self.session()?;
        if pass == Pass::Read {
            *seen = Some(newest(&mut session)?);
        }
        let (waiting, _) = waiting(&mut session, pass)?;
        drop(session);
        if waiting == 0 {
            return Ok(false);
        }
        let ocr = match pass {
            Pass::Recognise => match Ocr::find(&workers.program, &workers.languages) {
                Ok(ocr) => Some(ocr),
                Err(why) => {
                    outcome.without_ocr = Some((waiting, why));
                    return Ok(false);
                }
            },
            Pass::Read | Pass::Draw => None,
        };
        let (queue, room) = (Queue::new(self, pass, *seen)?, Room::default());
        let committer = Committer::new(self, &queue, &room, &workers.limits, watch)?;
        let shared = Shared {
            centre: self,
            workers,
            queue: &queue,
            families: Families::default(),
            room: &room,
            ocr: ocr.as_ref(),
            films: OnceLock::new(),
        };
        let failed = Mutex::new(None);
        let tally = std::thread::scope(|scope| {
            let (out, read) = sync_channel::<Batch>(WAITING);
            let committing = scope.spawn(move || committer.run(&read));
            for _ in 0..workers.threads.max(1) {
                let (out, shared, failed) = (out.clone(), &shared, &failed);
                scope.spawn(move || {
                    if let Err(error) = shared.read_all(&out) {
                        shared.queue.stop();
                        let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        first.get_or_insert(error);
                    }
                });
            }
            drop(out);
            let done = committing.join();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        drop(shared);
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let (aside, gave_way, now_seen) = queue.finish();
        *seen = now_seen;
        outcome.add(pass, &tally);
        for one in aside {
            if outcome.aside.iter().all(|known| known.no != one.no) {
                outcome.aside.push(one);
            }
        }
        Ok(gave_way)
    }
}

/// What became of an item whose turn came.
enum End {
    /// It was read.
    Read(Box<Finding>, Vec<Taken>, With),
    /// It cannot be read now.
    Aside(String),
}

/// What became of one try at an item.
enum Tried {
    Ended(End),
    /// The bytes of one of the files that follow it could not be had, and why.
    Lost(usize, String),
}

impl Shared<'_> {
    fn read_all(&self, out: &SyncSender<Batch>) -> Result<()> {
        let mut session = self.centre.session()?;
        let mut readers: Option<(Arc<Scope>, Readers)> = None;
        while let Some(job) = self.queue.next()? {
            let job = Arc::new(job);
            // A worker that one item has taken over may lie about the next: it sees no other member's or case's.
            let (_, reader) = match &mut readers {
                Some(same) if Arc::ptr_eq(&same.0, &job.scope) => same,
                other => other.insert((
                    Arc::clone(&job.scope),
                    Readers::new(self.workers.program.clone(), self.workers.limits.clone()),
                )),
            };
            match self.read(&mut session, reader, &job, out) {
                Ok(End::Read(finding, children, with)) => {
                    let batch = self.batch(&job, children, Some(*finding), with)?;
                    if self.send(out, batch).is_err() {
                        return Ok(());
                    }
                }
                Ok(End::Aside(why)) => self.queue.end(Some(SetAside {
                    no: job.item.no,
                    ern: job.item.ern,
                    why,
                })),
                // Another process reads it, or a file that it was read with has been erased.
                Err(AppError::Overtaken(_)) => self.queue.end(None),
                Err(error) => {
                    self.queue.end(None);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn read(
        &self,
        session: &mut Session,
        readers: &mut Readers,
        job: &Arc<Job>,
        out: &SyncSender<Batch>,
    ) -> Result<End> {
        let source = match self.centre.item_reader(session, &job.item) {
            Ok(reader) => Sealed(reader),
            // What is wrong with the vault is not the item's state; the item waits until it is mended.
            Err(e @ (AppError::Damaged { .. } | AppError::Refused(_) | AppError::Vault(_))) => {
                return Ok(End::Aside(e.to_string()));
            }
            Err(e) => return Err(e),
        };
        if job.pass != Pass::Read {
            return self.further(session, readers, job, &source);
        }
        let mut offered = offered(self.centre, session, job)?;
        loop {
            let file = (job, &source, &offered);
            match self.read_files(session, readers, file, out)? {
                Tried::Ended(end) => return Ok(end),
                Tried::Lost(at, why) => offered.lose(at, &why),
            }
        }
    }

    /// Reads an item with the files that may follow it in its image.
    fn read_files(
        &self,
        session: &mut Session,
        readers: &mut Readers,
        (job, source, offered): (&Arc<Job>, &Sealed, &Offered),
        out: &SyncSender<Batch>,
    ) -> Result<Tried> {
        let aside = |why: String| Ok(Tried::Ended(End::Aside(why)));
        let family = self.families.of(session, job, offered.size())?;
        let mut deliver = |children| self.deliver(job, offered, children, out);
        let stopped = offered.stopped.as_deref();
        let mut taking = Taking::new(self.centre, session, job, &family, stopped, &mut deliver);
        let joined = Joined::new(self.centre, source, &offered.segments);
        let passing = Passing::new(&joined);
        match readers.read(&job.name(), &passing, &mut taking) {
            Ok(_) => {}
            Err(ExtractError::Sink(error)) => match taking.broken_off()? {
                Some(outcome) => taking.end(&outcome).map_err(|e| unkept(job, &e))?,
                None => return Err(taking.finish().err().unwrap_or_else(|| unkept(job, &error))),
            },
            Err(ExtractError::Source(error)) => {
                return match joined.failed() {
                    // The rest of the image is read without it.
                    Some((at, why)) => Ok(Tried::Lost(at, why)),
                    None => aside(format!(
                        "its bytes could not be read from the vault: {error}"
                    )),
                };
            }
            Err(error) => return Err(AppError::Refused(error.to_string())),
        }
        let (mut finding, children) = taking.finish()?;
        if let Err(error) = passing.finish(&mut finding) {
            return aside(error.to_string());
        }
        let files = offered.say(&mut finding);
        let with = With {
            files,
            segments: offered.segments.clone(),
        };
        Ok(Tried::Ended(End::Read(Box::new(finding), children, with)))
    }

    /// Draws or recognises.
    fn further(
        &self,
        session: &mut Session,
        readers: &mut Readers,
        job: &Arc<Job>,
        source: &Sealed,
    ) -> Result<End> {
        let (name, asked) = (job.name(), job.pass.asked());
        let (ended, finding) = match self.ocr {
            Some(ocr) => {
                let mut sink = Recognising::new(self.centre, job, ocr);
                (readers.ask(asked, &name, source, &mut sink), sink.finish())
            }
            None => {
                let mut sink = Drawing::new(self.centre, job);
                match self.frame(session, job, source)? {
                    None => (readers.ask(asked, &name, source, &mut sink), sink.finish()),
                    Some((by, Ok(frame))) => {
                        sink.by = format!(", {by}");
                        (
                            readers.ask(asked, "frame.png", &frame, &mut sink),
                            sink.finish(),
                        )
                    }
                    Some((by, Err(outcome))) => {
                        let mut finding = Finding::of(job.pass);
                        finding.reader = by;
                        finding.ends(&outcome);
                        (Ok(outcome), Ok(finding))
                    }
                }
            }
        };
        match ended {
            Ok(_) => Ok(End::Read(Box::new(finding?), Vec::new(), With::default())),
            Err(ExtractError::Source(error)) => Ok(End::Aside(format!(
                "its bytes could not be read from the vault: {error}"
            ))),
            Err(ExtractError::Sink(error)) => {
                finding?;
                Err(unkept(job, &error))
            }
            Err(error) => Err(AppError::Refused(error.to_string())),
        }
    }

    /// Of a film, a frame that stands for it, or why there is none; and which program was asked for it.
    fn frame(
        &self,
        session: &mut Session,
        job: &Job,
        source: &Sealed,
    ) -> Result<Option<(String, Frame)>> {
        let media = self
            .centre
            .reading(session, job.item.clone())?
            .and_then(|r| r.media);
        if !media.is_some_and(|media| media.starts_with("video/")) {
            return Ok(None);
        }
        let films = self
            .films
            .get_or_init(|| Films::find(&self.workers.program));
        let films = match films {
            Ok(films) => films,
            Err(why) => {
                let outcome = ReadOutcome::new(State::Unsupported, why.as_str());
                return Ok(Some(("comity".to_owned(), Err(outcome))));
            }
        };
        let (by, size) = (films.version().to_owned(), source.0.size());
        if size > Films::MAX {
            let limit = Films::MAX >> 20;
            let why = format!("no frame is taken of a film of more than {limit} MiB");
            return Ok(Some((by, Err(ReadOutcome::new(State::OverLimit, why)))));
        }
        let film = source.0.read_range(0, size);
        let film = film.map_err(|e| AppError::of_item(&job.item.ern, e))?;
        match films.frame(&film) {
            Ok(frame) => Ok(Some((by, frame))),
            Err(error) => Err(AppError::Refused(error.to_string())),
        }
    }

    /// Records a part of a container's children, and waits for it.
    fn deliver(
        &self,
        job: &Arc<Job>,
        offered: &Offered,
        children: Vec<Taken>,
        out: &SyncSender<Batch>,
    ) -> Result<()> {
        let (tell, told) = sync_channel(1);
        let with = With {
            files: 0,
            segments: offered.segments.clone(),
        };
        let mut batch = self.batch(job, children, None, with)?;
        batch.tell = Some(tell);
        self.send(out, batch)?;
        match told.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(AppError::Overtaken("while an item was being read")),
            Err(_) => Err(AppError::Refused(
                "what was read could not be recorded".to_owned(),
            )),
        }
    }

    fn batch(
        &self,
        job: &Arc<Job>,
        children: Vec<Taken>,
        finding: Option<Finding>,
        with: With,
    ) -> Result<Batch> {
        let handling = match children.is_empty() {
            true => None,
            false => {
                let event = self.centre.read_event(job.item.first_index)?;
                event.text("handling").map(str::to_owned)
            }
        };
        Ok(Batch {
            job: Arc::clone(job),
            handling,
            children,
            finding,
            with,
            tell: None,
        })
    }

    fn send(&self, out: &SyncSender<Batch>, batch: Batch) -> Result<()> {
        self.room.take(batch.weight());
        out.send(batch)
            .map_err(|_| AppError::Refused("what was read could not be recorded".to_owned()))
    }
}

/// A frame of a film as a picture, or how the attempt ended.
type Frame = std::result::Result<Vec<u8>, ReadOutcome>;

fn unkept(job: &Job, error: &std::io::Error) -> AppError {
    AppError::Refused(format!(
        "what was found in {} could not be kept: {error}",
        job.item.ern
    ))
}
