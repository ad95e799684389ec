//! The members of a RAR archive unpacked, in one pass: in a solid archive each needs what came before it.

use super::Member;
use crate::{Input, Out, Stop, out::ChildBytes};
use comity_extract::Child;
use rars::{
    Archive, ArchiveFamily, ArchiveMember, ArchiveReadOptions, ArchiveReader, Error, ErrorKind,
    ExtractionDecision, ExtractionErrorAction,
};
use std::{cell::RefCell, collections::VecDeque};

/// The largest window that a member may need: archivers take 32 MiB unless they are told otherwise.
const WINDOW: u64 = 256 << 20;
/// Memory for unpacking, windows and all.
const MEMORY: u64 = 640 << 20;
/// Members of at most this many bytes are unpacked in memory, as the filters over them need.
const BUFFERED: u64 = 32 << 20;

/// Gives all members as children. `whole` is where the last block ends that is there with all its bytes.
pub fn give(input: &Input, whole: u64, members: Vec<Member>, out: &mut Out) -> Result<(), Stop> {
    if members.is_empty() {
        return Ok(());
    }
    let (count, giving) = (members.len(), Giving::of(members, out));
    let archive = match ArchiveReader::read_reader(input.cut(whole)) {
        Ok(archive) => archive,
        Err(error) => return giving.lose(|| why(&error)),
    };
    let (is_solid, giving) = (archive.is_solid(), RefCell::new(giving));
    loop {
        let left = giving.borrow().left.len();
        let ended = unpack(&archive, count - left, is_solid, &giving);
        let mut at = giving.borrow_mut();
        let failed = ended.as_ref().err().map(why);
        at.close(failed.map_or(Ok(()), Err))?;
        if let Some(stop) = at.stop.take() {
            return Err(stop);
        }
        let is_stuck = at.left.len() == left;
        match ended {
            // What it does not know of ends beyond the end, or was not to be understood.
            Ok(()) if !at.is_broken => break,
            Err(error) if is_stuck => {
                drop(at);
                return giving.into_inner().lose(|| why(&error));
            }
            // One that takes too much ends the pass. The others may do with less.
            Err(_) if !is_solid => {}
            _ => {
                drop(at);
                let why =
                    "it is packed together with what comes before it, which cannot be unpacked";
                return giving.into_inner().lose(|| Stop::Damaged(why.to_owned()));
            }
        }
    }
    let beyond = || Stop::Damaged("its bytes go beyond the end".to_owned());
    giving.into_inner().lose(beyond)
}

/// Unpacks all but the first `done` members, until one fails that others may need or that takes too much.
fn unpack(
    archive: &Archive,
    done: usize,
    is_solid: bool,
    giving: &RefCell<Giving<'_>>,
) -> Result<(), Error> {
    let limits = ArchiveReadOptions::new()
        .with_rar50_dictionary_size_limit(WINDOW)
        .with_rar50_buffered_decode_limit(BUFFERED)
        .with_max_reader_workspace_bytes(MEMORY);
    let mut number = 0;
    let next = |found: &ArchiveMember| {
        number += 1;
        Ok(match number > done {
            true => giving.borrow_mut().next(found, is_solid),
            false => ExtractionDecision::Skip,
        })
    };
    let failed = |_: &ArchiveMember, error: &Error| {
        let mut giving = giving.borrow_mut();
        giving.stop = giving.close(Err(why(error))).err();
        Ok(match giving.stop {
            None => ExtractionErrorAction::Continue,
            Some(_) => ExtractionErrorAction::Abort,
        })
    };
    archive
        .extract_with_control_and_errors(limits, next, failed)
        .map(drop)
}

/// The members that are still to be given.
struct Giving<'a> {
    out: &'a mut Out,
    left: VecDeque<Member>,
    /// The one that is being unpacked.
    open: Option<ChildBytes>,
    /// Why there is no going on at all.
    stop: Option<Stop>,
    /// One was passed over that those behind it need.
    is_broken: bool,
}

impl<'a> Giving<'a> {
    fn of(members: Vec<Member>, out: &'a mut Out) -> Giving<'a> {
        Giving {
            out,
            left: members.into(),
            open: None,
            stop: None,
            is_broken: false,
        }
    }

    fn close(&mut self, ended: Result<(), Stop>) -> Result<(), Stop> {
        match self.open.take() {
            Some(bytes) => self.out.close_child(bytes, ended),
            None => Ok(()),
        }
    }

    /// All that are left are lost, each for a reason of its own if it has one.
    fn lose(self, why: impl Fn() -> Stop) -> Result<(), Stop> {
        let files = self.left.into_iter().filter(|member| !member.is_folder);
        for member in files {
            let why = member.lost().unwrap_or_else(&why);
            self.out.lost_child(member.child, why)?;
        }
        Ok(())
    }

    /// What to do with the next member, of which the archive says this.
    fn next(&mut self, found: &ArchiveMember, is_solid: bool) -> ExtractionDecision {
        let decided = self
            .close(Ok(()))
            .and_then(|()| self.decide(found, is_solid));
        decided.unwrap_or_else(|stop| {
            self.stop = Some(stop);
            ExtractionDecision::Stop
        })
    }

    fn decide(
        &mut self,
        found: &ArchiveMember,
        is_solid: bool,
    ) -> Result<ExtractionDecision, Stop> {
        let is_it = |member: &mut Member| member.packed == found.meta.packed_size;
        let Some(member) = self.left.pop_front_if(is_it) else {
            self.is_broken = true;
            return Ok(ExtractionDecision::Stop);
        };
        if found.meta.is_directory {
            return Ok(ExtractionDecision::Skip);
        }
        let lost = member.lost();
        let child = match path(found) {
            // What stands in a code page beside it is what was left of it there.
            Some(path) => Child {
                path,
                path_bytes: Vec::new(),
                ..member.child
            },
            None => member.child,
        };
        if let Some(why) = lost {
            self.out.lost_child(child, why)?;
            self.is_broken = is_solid;
            return Ok(match is_solid {
                true => ExtractionDecision::Stop,
                false => ExtractionDecision::Skip,
            });
        }
        if found.meta.is_redirection {
            self.out.child(child, &mut std::io::empty())?;
            return Ok(ExtractionDecision::Skip);
        }
        let bytes = self.out.open_child(child)?;
        self.open = Some(bytes.clone());
        Ok(ExtractionDecision::Extract(Box::new(bytes)))
    }
}

impl Member {
    /// Why it is not even tried to unpack it.
    fn lost(&self) -> Option<Stop> {
        if self.is_encrypted {
            return Some(Stop::Encrypted("the member is encrypted".to_owned()));
        }
        if self.is_split {
            let why = "part of it lies in another volume";
            return Some(Stop::Damaged(why.to_owned()));
        }
        (self.window > WINDOW).then(|| {
            let needed = self.window >> 20;
            Stop::OverLimit(format!("unpacking it takes {needed} MiB of memory"))
        })
    }
}

/// The path in Unicode, where version 4 has one beside that in a code page.
fn path(found: &ArchiveMember) -> Option<String> {
    let is_beside = found.meta.family == ArchiveFamily::Rar15To40 && found.name_is_unicode();
    is_beside.then(|| found.meta.name_lossy().replace('\\', "/"))
}

fn why(error: &Error) -> Stop {
    let mut inner = error;
    while let Error::AtEntry { source, .. }
    | Error::AtArchiveOffset { source, .. }
    | Error::InVolume { source, .. } = inner
    {
        inner = source;
    }
    let words = inner.to_string();
    match error.kind() {
        ErrorKind::UnsupportedFormat | ErrorKind::UnsupportedFeature => Stop::Unsupported(words),
        ErrorKind::PasswordRequired | ErrorKind::BadPassword => Stop::Encrypted(words),
        ErrorKind::ResourceLimit => Stop::OverLimit(words),
        _ => Stop::Damaged(words),
    }
}
