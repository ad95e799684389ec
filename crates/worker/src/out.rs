//! Where a reader puts what it finds, and how it says that it cannot go on.

use crate::{
    notice::Notice,
    talk::{Shared, held},
};
use comity_extract::{
    Anchor, Child, Found, Limits, Outcome, Picture, Place, Relation, State,
    protocol::{Job, PIECE_MAX},
};
use std::{
    cell::Cell,
    fmt,
    io::{self, Read, Write},
    rc::Rc,
};

/// Why a reader does not go on. What it had found stays.
#[derive(Debug)]
pub enum Stop {
    /// A passphrase or key is needed.
    Encrypted(String),
    /// Nothing reads this type, or this variant of it.
    Unsupported(String),
    /// The bytes are not what the type asks for.
    Damaged(String),
    /// A limit was reached.
    OverLimit(String),
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Damaged(error.to_string())
    }
}

/// Takes findings, counts them, and stops the reader where it would find too much.
pub struct Out {
    talk: Shared,
    text_left: u64,
    text_limit: u64,
    children_left: u64,
    children_limit: u64,
    children: u32,
    children_max: u32,
    missing: u32,
    properties: u32,
    found: bool,
    has_text: bool,
    notice: Notice,
}

/// Things missing that are told one by one; there may be millions.
const MISSING_MAX: u32 = 1000;
/// Bytes of a child that are handed on at a time.
const CHILD_PIECE: usize = 128 << 10;
/// The most bytes of a value of metadata.
const VALUE_MAX: usize = 64 << 10;

/// Takes the bytes of a child that was begun. Clones write to the same one.
#[derive(Clone)]
pub struct ChildBytes {
    talk: Shared,
    path: Rc<str>,
    /// How many more there may be; nothing once there were too many.
    left: Rc<Cell<Option<u64>>>,
}

impl ChildBytes {
    /// Whether there were more than there may be.
    pub fn is_over(&self) -> bool {
        self.left.get().is_none()
    }
}

impl Write for ChildBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.get();
        self.left
            .set(left.and_then(|left| left.checked_sub(bytes.len() as u64)));
        if self.is_over() {
            return Err(io::Error::other("more bytes than there may be"));
        }
        for piece in bytes.chunks(CHILD_PIECE) {
            held(&self.talk).found(Found::ChildBytes(piece));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out")
            .field("children", &self.children)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

impl Out {
    /// A place for what is found in one job.
    pub fn new(talk: Shared, job: &Job) -> Out {
        Out {
            talk,
            text_left: job.text_bytes,
            text_limit: job.text_bytes,
            children_left: job.children_bytes,
            children_limit: job.children_bytes,
            children: 0,
            children_max: job.children,
            missing: 0,
            properties: 0,
            found: false,
            has_text: false,
            notice: Notice::default(),
        }
    }

    fn say(&self, found: Found<'_>) {
        held(&self.talk).found(found);
    }

    fn count_text(&mut self, bytes: usize) -> Result<(), Stop> {
        let limit = self.text_limit;
        let too_much = || Stop::OverLimit(format!("it has more than {limit} bytes of text"));
        self.text_left = self
            .text_left
            .checked_sub(bytes as u64 + 16)
            .ok_or_else(too_much)?;
        Ok(())
    }

    /// The type by content: media type, and the format's name in words.
    pub fn kind(&mut self, media: &str, name: &str) {
        self.say(Found::Type { media, name });
    }

    /// A field of metadata; an empty value is none. `from` says where in the file it stands.
    pub fn field(&mut self, name: &str, value: &str, from: &str) -> Result<(), Stop> {
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if value.is_empty() {
            return Ok(());
        }
        let value = &value[..value.floor_char_boundary(VALUE_MAX)];
        let from = &from[..from.floor_char_boundary(VALUE_MAX)];
        self.count_text(name.len() + value.len() + from.len())?;
        self.say(Found::Field { name, value, from });
        Ok(())
    }

    /// A field that somebody wrote, which is a passage of the text too: for files that have hardly other words.
    pub fn property(&mut self, name: &str, value: &str, from: &str) -> Result<(), Stop> {
        self.field(name, value, from)?;
        self.property_words(value)
    }

    /// What a property says, as a passage alone.
    pub fn property_words(&mut self, value: &str) -> Result<(), Stop> {
        let words = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if words.is_empty() {
            return Ok(());
        }
        self.properties += 1;
        self.text(&Anchor::at(&[(Place::Property, self.properties)]), words)
    }

    /// Whether there was any text so far.
    pub fn has_text(&self) -> bool {
        self.has_text
    }

    /// A passage of text.
    pub fn text(&mut self, at: &Anchor, text: &str) -> Result<(), Stop> {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_MAX));
            self.count_text(piece.len())?;
            self.found = true;
            self.has_text = true;
            self.notice.text(at, piece);
            self.say(Found::Text { at, text: piece });
            rest = after;
        }
        Ok(())
    }

    /// A line that a container's own structures make: it is found as text is, and speaks of no dates or places.
    pub fn listed(&mut self, at: &Anchor, line: &str) -> Result<(), Stop> {
        let line = &line[..line.floor_char_boundary(PIECE_MAX)];
        self.count_text(line.len())?;
        self.found = true;
        self.say(Found::Text { at, text: line });
        Ok(())
    }

    /// Something that was not read, and why. The item is then read in part.
    pub fn missing(&mut self, what: &str) {
        self.missing += 1;
        if self.missing <= MISSING_MAX {
            self.say(Found::Missing(&what[..what.floor_char_boundary(2000)]));
        } else if self.missing == MISSING_MAX + 1 {
            self.say(Found::Missing("more is missing than is told one by one"));
        }
    }

    /// The next child in the container's order. Its bytes are read from `from` to the end; that it fails is the
    /// child's state and not the container's.
    pub fn child(&mut self, child: Child, from: &mut dyn Read) -> Result<(), Stop> {
        let (mut bytes, mut buffer) = (self.open_child(child)?, vec![0; CHILD_PIECE]);
        let ended = loop {
            match from.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(count) if bytes.write_all(&buffer[..count]).is_ok() => {}
                // Closing it says so.
                Ok(_) => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(Stop::Damaged(error.to_string())),
            }
        };
        self.close_child(bytes, ended)
    }

    /// Begins the next child, for a library that writes its bytes. [`Out::close_child`] comes before any other child.
    pub fn open_child(&mut self, mut child: Child) -> Result<ChildBytes, Stop> {
        self.begin(&mut child)?;
        Ok(ChildBytes {
            talk: self.talk.clone(),
            path: child.path.into(),
            left: Rc::new(Cell::new(Some(self.children_left))),
        })
    }

    /// Ends a child that was begun; `ended` says why not all of its bytes are there.
    pub fn close_child(&mut self, bytes: ChildBytes, ended: Result<(), Stop>) -> Result<(), Stop> {
        let Some(left) = bytes.left.get() else {
            let limit = self.children_limit;
            let reason = format!("what is packed in this file is more than {limit} bytes");
            self.say(Found::ChildEnd(&Outcome::new(State::OverLimit, &reason)));
            return Err(Stop::OverLimit(reason));
        };
        self.children_left = left;
        let outcome = match ended {
            Ok(()) => Outcome::new(State::Read, ""),
            Err(why) => why.outcome(),
        };
        self.say(Found::ChildEnd(&outcome));
        match outcome.state {
            State::Read => {}
            State::Damaged => self.missing(&format!("{}: {}", bytes.path, outcome.reason)),
            state => self.missing(&format!("{}: {state}: {}", bytes.path, outcome.reason)),
        }
        Ok(())
    }

    /// A child that cannot be taken out of its container, with its state.
    pub fn lost_child(&mut self, mut child: Child, why: Stop) -> Result<(), Stop> {
        self.begin(&mut child)?;
        let outcome = why.outcome();
        self.say(Found::ChildEnd(&outcome));
        self.missing(&format!(
            "{}: {}: {}",
            child.path, outcome.state, outcome.reason
        ));
        Ok(())
    }

    fn begin(&mut self, child: &mut Child) -> Result<(), Stop> {
        if self.children == self.children_max {
            return Err(Stop::OverLimit(format!(
                "it has more than {} children",
                self.children_max
            )));
        }
        self.children += 1;
        child.ordinal = self.children;
        child
            .path
            .truncate(child.path.floor_char_boundary(VALUE_MAX));
        child.path_bytes.truncate(VALUE_MAX);
        self.count_text(child.path.len() + child.path_bytes.len())?;
        self.found = true;
        self.say(Found::Child(child));
        Ok(())
    }

    /// A picture that was drawn.
    pub fn picture(&mut self, picture: &Picture, bytes: &[u8]) -> Result<(), Stop> {
        if picture.size > Limits::PICTURE {
            let limit = Limits::PICTURE;
            return Err(Stop::OverLimit(format!(
                "a picture of it has more than {limit} bytes"
            )));
        }
        self.found = true;
        self.say(Found::Picture(picture));
        for piece in bytes.chunks(PIECE_MAX) {
            self.say(Found::PictureBytes(piece));
        }
        Ok(())
    }

    /// How the item ended, from how its reader did.
    pub fn end(mut self, result: Result<(), Stop>) -> Outcome {
        // It is bounded by itself, and does not count among the text.
        for (name, value, from) in std::mem::take(&mut self.notice).fields() {
            self.say(Found::Field {
                name,
                value: &value,
                from: &from,
            });
        }
        match result {
            Ok(()) if self.missing == 0 => Outcome::new(State::Read, ""),
            Ok(()) => Outcome::new(State::InPart, ""),
            Err(Stop::Damaged(reason)) if self.found => {
                self.missing(&format!("from here on it is damaged: {reason}"));
                Outcome::new(State::InPart, "")
            }
            Err(stop) => stop.outcome(),
        }
    }
}

impl Stop {
    fn outcome(self) -> Outcome {
        match self {
            Stop::Encrypted(reason) => Outcome::new(State::Encrypted, reason),
            Stop::Unsupported(reason) => Outcome::new(State::Unsupported, reason),
            Stop::Damaged(reason) => Outcome::new(State::Damaged, reason),
            Stop::OverLimit(reason) => Outcome::new(State::OverLimit, reason),
        }
    }
}

/// A child of which only relation and path are known; [`Out`] numbers it.
pub fn child(relation: Relation, path: &str) -> Child {
    Child {
        ordinal: 0,
        relation,
        path: path.to_owned(),
        path_bytes: Vec::new(),
        stated_size: None,
        modified: String::new(),
    }
}
