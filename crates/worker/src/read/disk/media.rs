//! The bytes of a medium, whatever they are kept in, and windows on them.

use super::ewf::Ewf;
use crate::Input;
use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
    rc::Rc,
};

/// A medium, or a part of one. Clones have places of their own.
#[derive(Clone)]
pub struct Disk {
    from: Source,
    start: u64,
    size: u64,
    place: u64,
    /// How many bytes may still be read, shared by all clones.
    budget: Option<Rc<RefCell<u64>>>,
}

#[derive(Clone)]
enum Source {
    Raw(Input),
    Ewf(Rc<RefCell<Ewf>>),
}

impl Disk {
    /// A file that is a medium byte by byte.
    pub fn raw(input: &Input) -> Disk {
        Disk::of(Source::Raw(input.rewound()), input.size())
    }

    /// The medium that lies in an image of EWF.
    pub fn ewf(image: Rc<RefCell<Ewf>>) -> Disk {
        let size = image.borrow().media_size();
        Disk::of(Source::Ewf(image), size)
    }

    fn of(from: Source, size: u64) -> Disk {
        Disk {
            from,
            start: 0,
            size,
            place: 0,
            budget: None,
        }
    }

    /// Bytes that it is said to have; the image may end before.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// `size` bytes of it, from `start` on.
    pub fn part(&self, start: u64, size: u64) -> Disk {
        Disk {
            start: self.start.saturating_add(start),
            size,
            place: 0,
            ..self.clone()
        }
    }

    /// The same, of which no more than so many bytes are read: for structures that may lead in circles.
    pub fn within(&self, bytes: u64) -> Disk {
        Disk {
            place: 0,
            budget: Some(Rc::new(RefCell::new(bytes))),
            ..self.clone()
        }
    }

    /// Exactly these bytes.
    pub fn exactly(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut other = self.clone();
        other.place = offset;
        other.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// At most `count` bytes from `offset` on: what can be had of them.
    pub fn some(&self, offset: u64, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut other = self.clone();
        other.place = offset;
        // What was read before an error stays.
        let _ = other.take(count as u64).read_to_end(&mut bytes);
        bytes
    }
}

impl Read for Disk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.place);
        let count = left.min(buffer.len() as u64) as usize;
        if count == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..count];
        let at = self.start.saturating_add(self.place);
        let count = match &mut self.from {
            Source::Raw(input) => {
                input.seek(SeekFrom::Start(at))?;
                input.read(buffer)?
            }
            Source::Ewf(image) => image.borrow_mut().read_at(at, buffer)?,
        };
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the image ends before these bytes",
            ));
        }
        if let Some(budget) = &self.budget {
            let left = budget.borrow().checked_sub(count as u64);
            *budget.borrow_mut() = left.ok_or_else(|| {
                io::Error::other("its structures are larger than any real ones, or lead in circles")
            })?;
        }
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.size.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.place.checked_add_signed(delta),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}
