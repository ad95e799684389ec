//! What is one compressed file, in formats other than GZ, BZ2 and XZ: zlib, Brotli, Snappy in frames, LZW of
//! `compress`.

use crate::{Input, Out, Stop, out::child};
use comity_extract::Relation;
use flate2::read::ZlibDecoder;
use std::io::{self, BufReader, ErrorKind, Read};

/// How much of a stream has to come out without an error before it is said to be one: the marks of two of these
/// formats are weak or none.
const TRIED: u64 = 64 << 10;

fn buffered(input: &Input) -> BufReader<Input> {
    BufReader::with_capacity(64 << 10, input.rewound())
}

/// The only child of `file`, under the file's name without its ending.
fn content(from: &mut dyn Read, out: &mut Out, name: &str) -> Result<(), Stop> {
    let stem = name.rsplit_once('.').map_or("content", |(stem, _)| stem);
    out.child(child(Relation::Content, stem), from)
}

/// Whether the file begins with a zlib stream (RFC 1950).
pub fn is_zlib(input: &Input) -> bool {
    let head = input.bytes_at(0, 2);
    let [method, check] = head[..] else {
        return false;
    };
    let marked = method & 15 == 8
        && method >> 4 <= 7
        && check & 32 == 0
        && u16::from_be_bytes([method, check]).is_multiple_of(31);
    marked && comes_out(&mut ZlibDecoder::new(buffered(input)))
}

/// Whether the file is a Brotli stream (RFC 7932), which has no mark: asked of files with its ending only.
pub fn is_brotli(input: &Input) -> bool {
    comes_out(&mut brotli_decompressor::Decompressor::new(
        buffered(input),
        4096,
    ))
}

fn comes_out(from: &mut dyn Read) -> bool {
    io::copy(&mut from.take(TRIED), &mut io::sink()).is_ok_and(|count| count > 0)
}

pub fn zlib(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    content(&mut ZlibDecoder::new(buffered(input)), out, name)
}

pub fn brotli(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let mut decoder = brotli_decompressor::Decompressor::new(buffered(input), 4096);
    content(&mut decoder, out, name)
}

pub fn snappy(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let mut decoder = snap::read::FrameDecoder::new(buffered(input));
    content(&mut decoder, out, name)
}

/// LZ4 in frames.
pub fn lz4(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    content(&mut super::lz4::Frames::new(buffered(input)), out, name)
}

/// The Z of `compress`.
pub fn lzw(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let mut from = buffered(input);
    let mut head = [0; 3];
    from.read_exact(&mut head)?;
    let widest = u32::from(head[2] & 31);
    if !(9..=16).contains(&widest) {
        return Err(Stop::Damaged(format!("its codes have {widest} bits")));
    }
    content(&mut Lzw::new(from, widest, head[2] & 128 != 0), out, name)
}

/// Codes of 9 bits and more, least significant bit first, in groups of eight of one width.
struct Lzw<R> {
    from: R,
    widest: u32,
    /// The code that empties the table, if there is one.
    clear: Option<u32>,
    width: u32,
    group: Vec<u8>,
    bit: usize,
    /// For each code above 255: the code before its last byte, and that byte.
    table: Vec<(u16, u8)>,
    former: Option<u16>,
    first: u8,
    /// What was decoded and not yet taken, backwards.
    ready: Vec<u8>,
}

impl<R: Read> Lzw<R> {
    fn new(from: R, widest: u32, clears: bool) -> Lzw<R> {
        let clear = clears.then_some(256);
        Lzw {
            from,
            widest,
            clear,
            width: 9,
            group: Vec::new(),
            bit: 0,
            table: Vec::new(),
            former: None,
            first: 0,
            ready: Vec::new(),
        }
    }

    /// The number of the next code that the table will get.
    fn next_code(&self) -> u32 {
        256 + u32::from(self.clear.is_some()) + self.table.len() as u32
    }

    fn code(&mut self) -> io::Result<Option<u32>> {
        if self.bit + self.width as usize > self.group.len() * 8 {
            self.group.clear();
            self.bit = 0;
            let group = u64::from(self.width);
            (&mut self.from).take(group).read_to_end(&mut self.group)?;
            if self.group.len() * 8 < self.width as usize {
                return Ok(None);
            }
        }
        let mut code = 0;
        for place in 0..self.width as usize {
            let at = self.bit + place;
            code |= u32::from(self.group[at / 8] >> (at % 8) & 1) << place;
        }
        self.bit += self.width as usize;
        Ok(Some(code))
    }

    /// What is left of a group is filling, once the width changes or the table is emptied.
    fn set_width(&mut self, width: u32) {
        self.width = width;
        self.group.clear();
        self.bit = 0;
    }

    fn decode(&mut self) -> io::Result<bool> {
        let Some(code) = self.code()? else {
            return Ok(false);
        };
        if Some(code) == self.clear {
            self.table.clear();
            self.former = None;
            self.set_width(9);
            return Ok(true);
        }
        let broken = || io::Error::new(ErrorKind::InvalidData, "a code that stands for nothing");
        let known = self.next_code();
        let mut at = match (code < known, self.former) {
            (true, _) => code,
            // The code that is being made: what came before, and its first byte once more.
            (false, Some(former)) if code == known => {
                self.ready.push(self.first);
                u32::from(former)
            }
            _ => return Err(broken()),
        };
        let base = known - self.table.len() as u32;
        while at > 255 {
            let place = at.checked_sub(base).ok_or_else(broken)?;
            let (before, last) = self.table[place as usize];
            self.ready.push(last);
            at = before.into();
        }
        self.first = at as u8;
        self.ready.push(self.first);
        if let Some(former) = self.former
            && known < 1 << self.widest
        {
            self.table.push((former, self.first));
        }
        self.former = Some(code as u16);
        if self.next_code() > (1 << self.width) - 1 && self.width < self.widest {
            self.set_width(self.width + 1);
        }
        Ok(true)
    }
}

impl<R: Read> Read for Lzw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            if !self.decode()? {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.ready.len());
        for place in buffer.iter_mut().take(count) {
            *place = self.ready.pop().unwrap_or_default();
        }
        Ok(count)
    }
}
