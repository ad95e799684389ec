//! The worker's end of the conversation: ranges of the file come in, findings go out.

use crate::{Input, Out, draw_file, read_file};
use comity_extract::{
    Found, Outcome,
    protocol::{Asked, Job, Said, is_bytes, parse_job, read_frame, write_said},
};
use std::{
    io::{self, Read, Write},
    process::exit,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The other end, as readers need it: the supervisor, or in tests and fuzzing a file in memory.
pub trait Talk: Send {
    /// Fills `buffer` from `offset` on; the range lies within the file.
    fn ask(&mut self, offset: u64, buffer: &mut [u8]);
    /// Gives a finding.
    fn found(&mut self, found: Found<'_>);
}

/// The conversation is shared by all that read of a file and all that write what they find. There is one thread, and
/// libraries that ask for what another one could use.
pub type Shared = Arc<Mutex<dyn Talk>>;

/// What is behind a lock. A reader that gave up while it held it has left it as it is after any other call.
pub fn held<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The socket that the supervisor has given, as descriptor 0.
#[derive(Debug, Default)]
pub struct Socket {
    out: Vec<u8>,
    body: Vec<u8>,
}

/// Findings are gathered up to this many bytes, so that a cell of a sheet is no system call.
const GATHER: usize = 64 << 10;

struct Descriptor;

impl Read for Descriptor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}

impl Write for Descriptor {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdin(), buffer)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    /// Says something. Without a supervisor there is nothing left to do, and no one to tell.
    pub fn say(&mut self, said: &Said<'_>) {
        let written = write_said(&mut self.out, said);
        let waits = matches!(said, Said::Found(_)) && self.out.len() < GATHER;
        if written.is_err() || (!waits && self.send().is_err()) {
            exit(0);
        }
    }

    fn send(&mut self) -> io::Result<()> {
        Descriptor.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn hear(&mut self) -> Option<u8> {
        read_frame(&mut Descriptor, &mut self.body).unwrap_or(None)
    }

    /// The next file to read; `None` when there is none.
    pub fn job(&mut self) -> Option<Job> {
        let kind = self.hear()?;
        parse_job(kind, &self.body).ok()
    }
}

impl Talk for Socket {
    fn ask(&mut self, offset: u64, buffer: &mut [u8]) {
        self.say(&Said::Ask {
            offset,
            length: buffer.len() as u32,
        });
        match self.hear() {
            Some(kind) if is_bytes(kind) && self.body.len() == buffer.len() => {
                buffer.copy_from_slice(&self.body)
            }
            _ => exit(0),
        }
    }

    fn found(&mut self, found: Found<'_>) {
        self.say(&Said::Found(found));
    }
}

/// A file in memory, and what was found in it: for tests and fuzzing.
#[derive(Debug, Default)]
pub struct Heard {
    file: Vec<u8>,
    text: String,
    kept_bytes: u64,
}

impl Heard {
    /// Reads a file in memory, in this process and without walls.
    pub fn reading(name: &str, file: &[u8]) -> (Outcome, Heard) {
        Heard::asked(Asked::Read, name, file)
    }

    /// Reads or draws a file in memory, in this process and without walls.
    pub fn asked(asked: Asked, name: &str, file: &[u8]) -> (Outcome, Heard) {
        Heard::of_files(asked, name, &[file])
    }

    /// The same with files that may follow it in its image; there is one at least.
    pub fn of_files(asked: Asked, name: &str, files: &[&[u8]]) -> (Outcome, Heard) {
        let mut sizes = files.iter().map(|file| file.len() as u64);
        let size = sizes.next().unwrap_or(0);
        let heard = Arc::new(Mutex::new(Heard {
            file: files.concat(),
            ..Heard::default()
        }));
        let job = Job {
            asked,
            size,
            text_bytes: 64 << 20,
            children_bytes: 64 << 20,
            children: 10_000,
            more: sizes.collect(),
            name: name.to_owned(),
        };
        let talk: Shared = heard.clone();
        let (input, out) = (
            Input::new(talk.clone(), job.size, &job.more),
            Out::new(talk, &job),
        );
        let outcome = match asked {
            Asked::Read => read_file(input, out, &job),
            Asked::Draw | Asked::Scans => draw_file(input, out, &job),
        };
        let heard = std::mem::take(&mut *held(&heard));
        (outcome, heard)
    }

    /// All text that was found, a piece after the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes of children there were.
    pub fn children_bytes(&self) -> u64 {
        self.kept_bytes
    }
}

impl Talk for Heard {
    fn ask(&mut self, offset: u64, buffer: &mut [u8]) {
        let from = offset as usize;
        buffer.copy_from_slice(&self.file[from..from + buffer.len()]);
    }

    fn found(&mut self, found: Found<'_>) {
        match found {
            Found::Text { text, .. } => self.text.push_str(text),
            Found::ChildBytes(bytes) => self.kept_bytes += bytes.len() as u64,
            _ => {}
        }
    }
}
