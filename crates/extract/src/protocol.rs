//! The frames of `docs/format/reading.md`, for both ends of the socket.

use crate::{Anchor, Child, Found, Outcome, Picture, Place, Relation, Role, State};
use std::io::{self, Read, Write};

/// The version that this code speaks.
pub const VERSION: u8 = 2;
/// The most bytes that one `ask` may ask for.
pub const ASK_MAX: u32 = 1 << 20;
/// The most bytes of a frame's body.
pub const BODY_MAX: usize = (1 << 20) + 64;
/// The most bytes of one piece of text or of a child, so that a frame always holds it.
pub const PIECE_MAX: usize = 256 << 10;

const READ: u8 = 1;
const BYTES: u8 = 2;
const DRAW: u8 = 3;
const SCANS: u8 = 4;
const READY: u8 = 16;
const ASK: u8 = 17;
const TYPE: u8 = 18;
const FIELD: u8 = 19;
const TEXT: u8 = 20;
const CHILD: u8 = 21;
const CHILD_BYTES: u8 = 22;
const CHILD_END: u8 = 23;
const MISSING: u8 = 24;
const END: u8 = 25;
const PICTURE: u8 = 26;
const PICTURE_BYTES: u8 = 27;

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Its text and metadata are read, and its children taken out.
    Read,
    /// It is drawn, for people to look at.
    Draw,
    /// What of it has no text is drawn, so that its characters can be recognised.
    Scans,
}

/// What the supervisor asks for: read or draw one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What is to be done.
    pub asked: Asked,
    /// Size of the file in bytes.
    pub size: u64,
    /// The most bytes of text and fields.
    pub text_bytes: u64,
    /// The most bytes of children.
    pub children_bytes: u64,
    /// The most children.
    pub children: u32,
    /// Sizes in bytes of the files that follow it in the same image of a disk, if they do: ranges go on over them.
    pub more: Vec<u64>,
    /// What the file is called; a hint.
    pub name: String,
}

/// What a worker says.
#[derive(Debug)]
pub enum Said<'a> {
    /// It is locked in.
    Ready {
        /// Of the protocol.
        version: u8,
        /// Name and version of the reader.
        reader: &'a str,
    },
    /// It wants a range of the file.
    Ask {
        /// First byte.
        offset: u64,
        /// How many.
        length: u32,
    },
    /// It found something.
    Found(Found<'a>),
    /// It is done with the file.
    End(Outcome),
}

/// Reads the next frame into `body` and gives its kind; `None` at the end of the stream.
pub fn read_frame(from: &mut impl Read, body: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let mut head = [0; 5];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > BODY_MAX {
        return Err(broken("a frame is too long"));
    }
    body.resize(length, 0);
    from.read_exact(body)?;
    Ok(Some(head[4]))
}

/// Writes a frame in one call.
pub fn write_frame(to: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(5 + body.len());
    frame.extend((body.len() as u32).to_be_bytes());
    frame.push(kind);
    frame.extend(body);
    to.write_all(&frame)
}

/// The supervisor's `read`.
pub fn write_job(to: &mut impl Write, job: &Job) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(job.size.to_be_bytes());
    body.extend(job.text_bytes.to_be_bytes());
    body.extend(job.children_bytes.to_be_bytes());
    body.extend(job.children.to_be_bytes());
    body.extend((job.more.len() as u32).to_be_bytes());
    job.more
        .iter()
        .for_each(|size| body.extend(size.to_be_bytes()));
    put(&mut body, job.name.as_bytes());
    let kind = match job.asked {
        Asked::Read => READ,
        Asked::Draw => DRAW,
        Asked::Scans => SCANS,
    };
    write_frame(to, kind, &body)
}

/// The worker reads `read`, `draw` or `scans`.
pub fn parse_job(kind: u8, body: &[u8]) -> io::Result<Job> {
    let mut rest = Fields(body);
    let asked = match kind {
        READ => Asked::Read,
        DRAW => Asked::Draw,
        SCANS => Asked::Scans,
        _ => return Err(broken("not a job")),
    };
    let job = Job {
        asked,
        size: rest.u64()?,
        text_bytes: rest.u64()?,
        children_bytes: rest.u64()?,
        children: rest.u32()?,
        more: rest.sizes()?,
        name: rest.text()?.to_owned(),
    };
    rest.end()?;
    Ok(job)
}

/// The supervisor's answer to `ask`.
pub fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_frame(to, BYTES, bytes)
}

/// Whether a frame is the answer to `ask`.
pub fn is_bytes(kind: u8) -> bool {
    kind == BYTES
}

/// What a worker says, as bytes.
pub fn write_said(to: &mut impl Write, said: &Said<'_>) -> io::Result<()> {
    let mut body = Vec::new();
    let kind = match said {
        Said::Ready { version, reader } => {
            body.push(*version);
            put(&mut body, reader.as_bytes());
            READY
        }
        Said::Ask { offset, length } => {
            body.extend(offset.to_be_bytes());
            body.extend(length.to_be_bytes());
            ASK
        }
        Said::Found(Found::ChildBytes(bytes)) => return write_frame(to, CHILD_BYTES, bytes),
        Said::Found(Found::PictureBytes(bytes)) => return write_frame(to, PICTURE_BYTES, bytes),
        Said::Found(found) => put_found(&mut body, found),
        Said::End(outcome) => {
            put_outcome(&mut body, outcome);
            END
        }
    };
    write_frame(to, kind, &body)
}

fn put_found(body: &mut Vec<u8>, found: &Found<'_>) -> u8 {
    match found {
        Found::Type { media, name } => {
            put(body, media.as_bytes());
            put(body, name.as_bytes());
            TYPE
        }
        Found::Field { name, value, from } => {
            put(body, name.as_bytes());
            put(body, value.as_bytes());
            put(body, from.as_bytes());
            FIELD
        }
        Found::Text { at, text } => {
            let steps = &at.0[..at.0.len().min(Anchor::MAX_STEPS)];
            body.push(steps.len() as u8);
            for (place, number) in steps {
                body.push(*place as u8);
                body.extend(number.to_be_bytes());
            }
            put(body, text.as_bytes());
            TEXT
        }
        Found::Child(child) => {
            body.extend(child.ordinal.to_be_bytes());
            body.push(child.relation as u8);
            body.extend(child.stated_size.unwrap_or(u64::MAX).to_be_bytes());
            put(body, child.path.as_bytes());
            put(body, &child.path_bytes);
            put(body, child.modified.as_bytes());
            CHILD
        }
        Found::ChildBytes(bytes) => {
            body.extend(*bytes);
            CHILD_BYTES
        }
        Found::ChildEnd(outcome) => {
            put_outcome(body, outcome);
            CHILD_END
        }
        Found::Missing(what) => {
            put(body, what.as_bytes());
            MISSING
        }
        Found::Picture(picture) => {
            body.push(picture.role as u8);
            for number in [picture.page, picture.width, picture.height, picture.dpi] {
                body.extend(number.to_be_bytes());
            }
            body.extend(picture.size.to_be_bytes());
            put(body, picture.media.as_bytes());
            PICTURE
        }
        Found::PictureBytes(bytes) => {
            body.extend(*bytes);
            PICTURE_BYTES
        }
    }
}

/// Calls `then` with what a frame of a worker says. Everything in it is checked: the worker may be in hostile hands.
pub fn parse_said<T>(kind: u8, body: &[u8], then: impl FnOnce(Said<'_>) -> T) -> io::Result<T> {
    let mut rest = Fields(body);
    let (anchor, child, picture, outcome);
    let said = match kind {
        READY => Said::Ready {
            version: rest.u8()?,
            reader: rest.text()?,
        },
        ASK => Said::Ask {
            offset: rest.u64()?,
            length: rest.u32()?,
        },
        TYPE => Said::Found(Found::Type {
            media: rest.text()?,
            name: rest.text()?,
        }),
        FIELD => Said::Found(Found::Field {
            name: rest.text()?,
            value: rest.text()?,
            from: rest.text()?,
        }),
        TEXT => {
            anchor = rest.anchor()?;
            Said::Found(Found::Text {
                at: &anchor,
                text: rest.text()?,
            })
        }
        CHILD => {
            child = rest.child()?;
            Said::Found(Found::Child(&child))
        }
        CHILD_BYTES => Said::Found(Found::ChildBytes(std::mem::take(&mut rest.0))),
        CHILD_END => {
            outcome = rest.outcome()?;
            Said::Found(Found::ChildEnd(&outcome))
        }
        MISSING => Said::Found(Found::Missing(rest.text()?)),
        END => Said::End(rest.outcome()?),
        PICTURE => {
            picture = rest.picture()?;
            Said::Found(Found::Picture(&picture))
        }
        PICTURE_BYTES => Said::Found(Found::PictureBytes(std::mem::take(&mut rest.0))),
        _ => return Err(broken("a frame of no known kind")),
    };
    rest.end()?;
    Ok(then(said))
}

fn put(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend((bytes.len() as u32).to_be_bytes());
    body.extend(bytes);
}

fn put_outcome(body: &mut Vec<u8>, outcome: &Outcome) {
    body.push(outcome.state as u8);
    put(body, outcome.reason.as_bytes());
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What is left of a frame's body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| broken("a frame is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.bytes(N)?
            .try_into()
            .map_err(|_| broken("a frame is too short"))
    }

    fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn sized(&mut self) -> io::Result<&'a [u8]> {
        let count = self.u32()?;
        self.bytes(count as usize)
    }

    fn sizes(&mut self) -> io::Result<Vec<u64>> {
        let count = self.u32()? as usize;
        let sizes = self.bytes(count.saturating_mul(8))?.as_chunks::<8>().0;
        Ok(sizes.iter().map(|size| u64::from_be_bytes(*size)).collect())
    }

    fn text(&mut self) -> io::Result<&'a str> {
        std::str::from_utf8(self.sized()?).map_err(|_| broken("a string is not UTF-8"))
    }

    fn anchor(&mut self) -> io::Result<Anchor> {
        let count = usize::from(self.u8()?);
        if count > Anchor::MAX_STEPS {
            return Err(broken("an anchor has too many steps"));
        }
        let mut steps = Vec::with_capacity(count);
        for _ in 0..count {
            let place =
                Place::of(self.u8()?).ok_or_else(|| broken("an anchor names no known place"))?;
            steps.push((place, self.u32()?));
        }
        Ok(Anchor(steps))
    }

    fn child(&mut self) -> io::Result<Child> {
        Ok(Child {
            ordinal: self.u32()?,
            relation: Relation::of(self.u8()?)
                .ok_or_else(|| broken("a child of no known relation"))?,
            stated_size: Some(self.u64()?).filter(|size| *size != u64::MAX),
            path: self.text()?.to_owned(),
            path_bytes: self.sized()?.to_vec(),
            modified: self.text()?.to_owned(),
        })
    }

    fn picture(&mut self) -> io::Result<Picture> {
        Ok(Picture {
            role: Role::of(self.u8()?).ok_or_else(|| broken("a picture of no known role"))?,
            page: self.u32()?,
            width: self.u32()?,
            height: self.u32()?,
            dpi: self.u32()?,
            size: self.u64()?,
            media: self.text()?.to_owned(),
        })
    }

    fn outcome(&mut self) -> io::Result<Outcome> {
        let state = State::of(self.u8()?).filter(|state| *state <= State::OverLimit);
        let state = state.ok_or_else(|| broken("a state that is not the worker's to say"))?;
        Ok(Outcome::new(state, self.text()?))
    }

    fn end(self) -> io::Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(broken("a frame has bytes to spare"))
        }
    }
}
