//! An intake from its first entry to its last event.

use std::sync::atomic::{AtomicU64, Ordering};

use comity_core::json::Value;
use comity_vault::Also;

use super::Request;
use super::batch::{BYTES, ENTRIES, LARGE, Read1, Work, on_all_cores, read_entry, stream};
use super::known::known_items;
use super::open::{Opened, collected, open_or_resume, options};
use super::progress::{Progress, Tally};
use super::record::{Common, End, Prepared, Said, prepare};
use super::walk::{Entry, Kind, Spill, Walk};
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::project::{ItemState, ObjectAt};
use crate::sql::Session;

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
    let walk = walk(centre, &request.roots)?;
    let opened = open_or_resume(centre, &mut session, actor, request, &options(request))?;
    let common = common(centre, &mut session, actor, request, &opened)?;
    let mut intake = Intake::new(centre, session, request, common, opened, progress);
    intake.take_in(walk)?;
    intake.close()
}

fn walk(centre: &Centre, roots: &[std::path::PathBuf]) -> Result<Walk> {
    let spill = centre.dir.join("tmp");
    centre.ambient.disk.create_dir_all(&spill)?;
    Walk::new(
        roots,
        std::slice::from_ref(&centre.dir),
        Spill::new(&spill, &*centre.ambient.random),
    )
    .map_err(|e| AppError::Usage(e.to_string()))
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
        member: request.member.clone(),
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
    progress: &'a (dyn Fn(&Progress) + Sync),
    /// Something of this source was taken in before: paths must be looked up.
    source_is_known: bool,
    next_number: u32,
    tally: Tally,
}

impl<'a> Intake<'a> {
    fn new(
        centre: &'a Centre,
        session: Session,
        request: &'a Request,
        common: Common,
        opened: Opened,
        progress: &'a (dyn Fn(&Progress) + Sync),
    ) -> Self {
        let next_number = opened.next_number;
        Intake {
            centre,
            session,
            request,
            common,
            opened,
            progress,
            source_is_known: true,
            next_number,
            tally: Tally::default(),
        }
    }

    fn take_in(&mut self, mut walk: Walk) -> Result<()> {
        let any = self.session.query_one(
            "SELECT item FROM paths WHERE source = ? LIMIT 1",
            &[self.opened.source.into()],
        )?;
        self.source_is_known = any.is_some();
        let centre = self.centre;
        std::thread::scope(|scope| {
            let mut committing: Option<std::thread::ScopedJoinHandle<'_, Result<Vec<End>>>> = None;
            loop {
                let entries = next_entries(&mut walk)?;
                if entries.is_empty() {
                    break;
                }
                let works = self.look_up(entries)?;
                let mut reads = self.read(&works);
                // The former batch is in the tables before this one is compared with them.
                if let Some(former) = committing.take() {
                    self.count(&joined(former)?);
                }
                self.stream_large(&mut reads)?;
                let said = vec![Said::default(); works.len()];
                let prepared = prepare(
                    centre,
                    &mut self.session,
                    &self.common,
                    &works,
                    &said,
                    reads,
                    self.next_number,
                )?;
                self.next_number += prepared.numbers;
                committing = Some(scope.spawn(move || commit(centre, prepared)));
            }
            if let Some(last) = committing {
                self.count(&joined(last)?);
            }
            Ok(())
        })
    }

    fn look_up(&mut self, entries: Vec<Entry>) -> Result<Vec<Work>> {
        let known = if self.source_is_known {
            let index_key = self.centre.keys.scope(self.opened.scope)?.second;
            known_items(
                self.centre,
                &mut self.session,
                self.opened.source,
                &index_key,
                &entries,
            )?
        } else {
            vec![None; entries.len()]
        };
        let mut works = Vec::with_capacity(entries.len());
        for (entry, known) in entries.into_iter().zip(known) {
            let done = match &known {
                Some(known) if self.opened.resumed => self.is_done(&entry, known)?,
                _ => false,
            };
            works.push(Work {
                entry,
                known,
                done,
                role: None,
            });
        }
        Ok(works)
    }

    /// Whether an interrupted run of this intake has dealt with the entry, and the file is as it was then.
    fn is_done(&self, entry: &Entry, known: &super::known::KnownItem) -> Result<bool> {
        let here = match known.last {
            _ if known.intake_no == self.opened.no => true,
            Some(last) => self.centre.read_event(last)?.text("act") == Some(&self.opened.act),
            None => false,
        };
        if !here {
            return Ok(false);
        }
        if known.state != ItemState::Sealed {
            return Ok(true);
        }
        let Ok(stat) = entry.stat() else {
            return Ok(false);
        };
        let modified = stat
            .modified
            .seconds
            .checked_mul(1_000_000_000)
            .and_then(|n| n.checked_add(i64::from(stat.modified.nanoseconds)));
        Ok(matches!(entry.kind, Kind::File)
            && stat.size_bytes == known.size
            && modified == known.modified)
    }

    fn also(&self) -> Also {
        Also {
            md5: self.request.legacy_hashes,
            sha1: self.request.legacy_hashes,
        }
    }

    fn read(&mut self, works: &[Work]) -> Vec<Read1> {
        let also = self.also();
        on_all_cores(works, || (), |(), _, work| read_entry(work, also))
    }

    fn stream_large(&mut self, reads: &mut [Read1]) -> Result<()> {
        let also = self.also();
        let (centre, scope) = (self.centre, self.common.scope.number);
        for read in reads {
            if let Read1::Stream(..) = read
                && let Read1::Stream(file, stat, record) = std::mem::replace(read, Read1::Done)
            {
                let bytes = AtomicU64::new(0);
                let before = self.tally;
                *read = stream(centre, scope, file, &stat, record, also, &|n| {
                    let sum = bytes.fetch_add(n, Ordering::Relaxed) + n;
                    (self.progress)(&Progress {
                        tally: Tally {
                            bytes: before.bytes + sum,
                            ..before
                        },
                        total: None,
                    });
                })?;
                self.tally.bytes += bytes.into_inner();
            }
        }
        Ok(())
    }

    fn count(&mut self, ends: &[End]) {
        for end in ends {
            match end {
                End::New(state, size) => {
                    self.tally.new[*state as usize] += 1;
                    self.tally.bytes += if *size < LARGE { *size } else { 0 };
                }
                End::Again => self.tally.again += 1,
                End::Resumed => self.tally.resumed += 1,
            }
        }
        (self.progress)(&Progress {
            tally: self.tally,
            total: None,
        });
    }

    fn close(self) -> Result<Outcome> {
        let (centre, random) = (self.centre, &*self.centre.ambient.random);
        let key = self.session_key()?;
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
        })
    }

    /// The intake's own content key.
    fn session_key(&self) -> Result<crate::event::NumberedKey> {
        self.centre
            .chain_key(&mut self.centre.session()?, self.opened.no)
    }
}

/// Entries for one batch: bounded in number and, as far as sizes are known, in bytes.
fn next_entries(walk: &mut Walk) -> Result<Vec<Entry>> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < ENTRIES && bytes < BYTES {
        let Some(entry) = walk.next() else { break };
        let entry = entry.map_err(|e| AppError::Refused(e.to_string()))?;
        if let (Kind::File, Ok(stat)) = (&entry.kind, entry.stat()) {
            // A large file is streamed; it counts for the time it takes, so that it does not hold up a group.
            bytes += stat.size_bytes.min(LARGE);
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn joined(handle: std::thread::ScopedJoinHandle<'_, Result<Vec<End>>>) -> Result<Vec<End>> {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Bytes durable first, then the events that speak of them.
fn commit(centre: &Centre, prepared: Prepared) -> Result<Vec<End>> {
    centre.vault.commit(prepared.packs)?;
    centre.sequencer().commit(&centre.keys, |group| {
        prepared
            .drafts
            .iter()
            .try_for_each(|d| group.push(d).map(drop))
    })?;
    Ok(prepared.ends)
}
