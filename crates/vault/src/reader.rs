//! Reading objects: whole, by range, as a stream.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::ObjectId;
use comity_seal::{Key, Opener, ReadAt, open};
use comity_store::ObjectReader as File;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::{compress_bound, find_frame_compressed_size};

use crate::object::{Codec, FOOTER_LEN, Footer, context};
use crate::second::{Onward, Second};
use crate::{LARGE_LEN, VaultError};

/// Bytes handed on in one go where nothing is compressed.
const PIECE: u64 = 1 << 20;

/// An open pack, from which objects are opened; may be used by several threads.
pub struct PackReader {
    name: String,
    file: Arc<File>,
    second: Option<Second>,
}

impl PackReader {
    pub(crate) fn new(name: String, file: Arc<File>, second: Option<Second>) -> Self {
        Self { name, file, second }
    }

    /// Opens the object whose `len` sealed bytes begin at byte `offset`.
    ///
    /// # Errors
    /// As [`crate::Vault::open_object`].
    pub fn object(
        &self,
        offset: u64,
        len: u64,
        key: &Key,
        object: ObjectId,
    ) -> Result<ObjectReader, VaultError> {
        let Some(second) = &self.second else {
            return self.object_here(offset, len, key, object);
        };
        match self.object_here(offset, len, key, object) {
            Ok(mut reader) => {
                reader.onward = Some(Onward {
                    second: second.clone(),
                    name: self.name.clone(),
                    offset,
                    len,
                    key: key.clone(),
                    object,
                    open: Mutex::new(None),
                });
                Ok(reader)
            }
            Err(first) => second.instead(&self.name, first, |second| {
                self.there(second)?.object_here(offset, len, key, object)
            }),
        }
    }

    fn object_here(
        &self,
        offset: u64,
        len: u64,
        key: &Key,
        object: ObjectId,
    ) -> Result<ObjectReader, VaultError> {
        self.hold(offset, len)?;
        let window = Window {
            file: Arc::clone(&self.file),
            offset,
            len,
        };
        ObjectReader::open(window, key, object)
    }

    /// The same pack in the mirror.
    fn there(&self, second: &Second) -> Result<PackReader, VaultError> {
        let file = Arc::new(second.file(&self.name)?);
        Ok(PackReader::new(self.name.clone(), file, None))
    }

    fn hold(&self, offset: u64, len: u64) -> Result<(), VaultError> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.file.size()) {
            return Err(VaultError::DamagedPack {
                pack: self.name.clone(),
                at: self.file.size(),
                what: "it ends before the object that was asked for: it was cut short",
            });
        }
        Ok(())
    }
}

/// What [`PackReader::read_small`] uses again from one call to the next; one for each thread.
#[derive(Default)]
pub struct ReadScratch {
    sealed: Vec<u8>,
    clear: Vec<u8>,
    unpacker: Unpacker,
}

impl PackReader {
    /// All bytes of an object, read and opened in one go; `None` if there are [`LARGE_LEN`] of them or more, however
    /// few they are sealed: those are for [`PackReader::object`], which holds a frame at a time.
    ///
    /// # Errors
    /// As [`crate::Vault::open_object`] and [`ObjectReader::read_range`].
    pub fn read_small<'a>(
        &self,
        offset: u64,
        len: u64,
        key: &Key,
        object: ObjectId,
        scratch: &'a mut ReadScratch,
    ) -> Result<Option<&'a [u8]>, VaultError> {
        let small = match (
            self.read_small_here(offset, len, key, object, scratch),
            &self.second,
        ) {
            (Err(first), Some(second)) => second.instead(&self.name, first, |second| {
                self.there(second)?
                    .read_small_here(offset, len, key, object, scratch)
            })?,
            (done, _) => done?,
        };
        Ok(small.then_some(&scratch.clear))
    }

    /// Leaves the bytes in `scratch.clear`; `false` for an object that is not small.
    fn read_small_here(
        &self,
        offset: u64,
        len: u64,
        key: &Key,
        object: ObjectId,
        scratch: &mut ReadScratch,
    ) -> Result<bool, VaultError> {
        self.hold(offset, len)?;
        let malformed = |what| VaultError::Malformed { object, what };
        let ReadScratch {
            sealed,
            clear,
            unpacker,
        } = scratch;
        let sealed_len =
            usize::try_from(len).map_err(|_| malformed("it does not fit in memory"))?;
        sealed.resize(sealed_len, 0);
        self.file.read_at(offset, sealed)?;
        let packed = open(key, &context(object), sealed)
            .map_err(|error| VaultError::of_seal(error, object, offset, len))?;
        let (body, bytes) = packed
            .split_last_chunk::<FOOTER_LEN>()
            .ok_or_else(|| malformed("it is too short for a footer"))?;
        let footer = Footer::parse(bytes, packed.len() as u64).map_err(malformed)?;
        // A frame of zeros is a megabyte in some forty bytes.
        if footer.len >= LARGE_LEN {
            return Ok(false);
        }
        if footer.codec == Codec::Stored {
            clear.clear();
            clear.extend_from_slice(body);
            return Ok(true);
        }
        let (frames, table) = body.split_at(body.len() - footer.frames as usize * 4);
        let starts = starts(table, &footer, frames.len() as u64).map_err(malformed)?;
        let size =
            usize::try_from(footer.len).map_err(|_| malformed("it does not fit in memory"))?;
        clear.resize(size, 0);
        let pieces = clear.chunks_mut(footer.frame_len as usize);
        for (piece, place) in pieces.zip(starts.windows(2)) {
            let frame = &frames[place[0] as usize..place[1] as usize];
            unpacker.unpack(frame, piece).map_err(malformed)?;
        }
        Ok(true)
    }
}

/// The sealed bytes of one object within its pack.
struct Window {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl ReadAt for Window {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        Ok(self.file.read_at(self.offset + offset, buf)?)
    }

    fn size(&self) -> u64 {
        self.len
    }
}

/// An open object. Ranges open only the chunks and frames that hold them; the frame read
/// last is kept, so that many small reads near each other are cheap.
pub struct ObjectReader {
    object: ObjectId,
    offset: u64,
    sealed_len: u64,
    opener: Opener<Window>,
    footer: Footer,
    /// Where each frame begins in the clear form, and where the last one ends.
    starts: Vec<u64>,
    last: Mutex<Unpacker>,
    pub(crate) onward: Option<Onward>,
}

impl ObjectReader {
    fn open(window: Window, key: &Key, object: ObjectId) -> Result<Self, VaultError> {
        let (offset, sealed_len) = (window.offset, window.len);
        let seal = |error| VaultError::of_seal(error, object, offset, sealed_len);
        let malformed = |what| VaultError::Malformed { object, what };
        let opener = Opener::new(key, &context(object), window).map_err(seal)?;
        let clear_len = opener.clear_len();
        let mut bytes = [0; FOOTER_LEN];
        let footer_at = clear_len
            .checked_sub(FOOTER_LEN as u64)
            .ok_or_else(|| malformed("it is too short for a footer"))?;
        opener.read_at(footer_at, &mut bytes).map_err(seal)?;
        let footer = Footer::parse(&bytes, clear_len).map_err(malformed)?;
        let mut table = vec![0; footer.frames as usize * 4];
        let table_at = footer_at - table.len() as u64;
        opener.read_at(table_at, &mut table).map_err(seal)?;
        let starts = starts(&table, &footer, table_at).map_err(malformed)?;
        let last = Mutex::new(Unpacker::default());
        Ok(Self {
            object,
            offset,
            sealed_len,
            opener,
            footer,
            starts,
            last,
            onward: None,
        })
    }

    /// The size of the original, in bytes.
    pub fn size(&self) -> u64 {
        self.footer.len
    }

    /// How its bytes are kept.
    pub fn codec(&self) -> Codec {
        self.footer.codec
    }

    /// `len` bytes from `offset`.
    ///
    /// # Errors
    /// [`VaultError::OutOfRange`], [`VaultError::DamagedChunk`], [`VaultError::Malformed`],
    /// [`VaultError::Store`].
    pub fn read_range(&self, offset: u64, len: u64) -> Result<Vec<u8>, VaultError> {
        self.hold(offset, len)?;
        let len = usize::try_from(len).map_err(|_| VaultError::TooMany {
            what: "the length of a range",
        })?;
        let mut out = vec![0; len];
        self.read_at(offset, &mut out)?;
        Ok(out)
    }

    /// Fills `buf` from `offset`. On an error nothing in `buf` may be believed.
    ///
    /// # Errors
    /// As [`ObjectReader::read_range`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), VaultError> {
        self.hold(offset, buf.len() as u64)?;
        match (self.read_here(offset, buf), &self.onward) {
            (Err(first), Some(onward)) => onward.read_at(offset, buf, first),
            (done, _) => done,
        }
    }

    fn read_here(&self, offset: u64, buf: &mut [u8]) -> Result<(), VaultError> {
        match self.footer.codec {
            Codec::Stored => self
                .opener
                .read_at(offset, buf)
                .map_err(|error| self.of_seal(error)),
            Codec::Zstd => self.read_frames(offset, buf),
        }
    }

    /// Writes all bytes to `out`, with bounded memory (some 3 MiB); how many there were.
    /// Bytes handed on before an error are right.
    ///
    /// # Errors
    /// As [`ObjectReader::read_range`], and [`VaultError::Sink`].
    pub fn copy_to(&self, out: &mut dyn Write) -> Result<u64, VaultError> {
        let step = match self.footer.codec {
            Codec::Stored => PIECE,
            Codec::Zstd => self.footer.frame_len,
        };
        let mut buffer = vec![0; step.min(self.footer.len) as usize];
        let mut done = 0;
        while done < self.footer.len {
            let now = step.min(self.footer.len - done) as usize;
            self.read_at(done, &mut buffer[..now])?;
            out.write_all(&buffer[..now]).map_err(VaultError::Sink)?;
            done += now as u64;
        }
        Ok(done)
    }

    fn hold(&self, offset: u64, len: u64) -> Result<(), VaultError> {
        let size = self.footer.len;
        if offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(VaultError::OutOfRange {
                object: self.object,
                offset,
                len,
                size,
            });
        }
        Ok(())
    }

    fn of_seal(&self, error: comity_seal::SealError) -> VaultError {
        VaultError::of_seal(error, self.object, self.offset, self.sealed_len)
    }

    fn read_frames(&self, offset: u64, buf: &mut [u8]) -> Result<(), VaultError> {
        let frame_len = self.footer.frame_len;
        let mut offset = offset;
        let mut buf = buf;
        let mut unpacker = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        while !buf.is_empty() {
            let frame = offset / frame_len;
            let skip = (offset % frame_len) as usize;
            let whole = frame_len.min(self.footer.len - frame * frame_len) as usize;
            let (now, rest) = {
                let len = buf.len().min(whole - skip);
                std::mem::take(&mut buf).split_at_mut(len)
            };
            if unpacker.frame == Some(frame) {
                now.copy_from_slice(&unpacker.clear[skip..skip + now.len()]);
            } else {
                self.read_packed(frame, &mut unpacker.packed)?;
                if now.len() == whole {
                    unpacker.unpack_into(now)
                } else {
                    unpacker.unpack_frame(frame, whole).map(|clear| {
                        now.copy_from_slice(&clear[skip..skip + now.len()]);
                    })
                }
                .map_err(|what| VaultError::Malformed {
                    object: self.object,
                    what,
                })?;
            }
            offset += now.len() as u64;
            buf = rest;
        }
        Ok(())
    }

    fn read_packed(&self, frame: u64, packed: &mut Vec<u8>) -> Result<(), VaultError> {
        let frame = frame as usize;
        let [start, end] = [self.starts[frame], self.starts[frame + 1]];
        packed.resize((end - start) as usize, 0);
        self.opener
            .read_at(start, packed)
            .map_err(|error| self.of_seal(error))
    }
}

/// Turns a seek table into places, holding that the frames fill the object exactly and none
/// is longer than a compressor could make it.
fn starts(table: &[u8], footer: &Footer, table_at: u64) -> Result<Vec<u64>, &'static str> {
    let most = compress_bound(footer.frame_len as usize) as u64;
    let mut starts = Vec::with_capacity(table.len() / 4 + 1);
    let mut at = 0;
    starts.push(at);
    for bytes in table.as_chunks::<4>().0 {
        let len = u64::from(u32::from_be_bytes(*bytes));
        if len > most {
            return Err("a frame in its seek table is longer than any compressor makes it");
        }
        at += len;
        starts.push(at);
    }
    if footer.codec == Codec::Zstd && at != table_at {
        return Err("the frames of its seek table do not fill it");
    }
    Ok(starts)
}

/// Decompresses frames of known length, and remembers the last.
#[derive(Default)]
struct Unpacker {
    zstd: Option<Decompressor<'static>>,
    packed: Vec<u8>,
    clear: Vec<u8>,
    frame: Option<u64>,
}

impl Unpacker {
    fn unpack_frame(&mut self, frame: u64, len: usize) -> Result<&[u8], &'static str> {
        self.frame = None;
        let mut clear = std::mem::take(&mut self.clear);
        clear.resize(len, 0);
        let unpacked = self.unpack_into(&mut clear);
        self.clear = clear;
        unpacked?;
        self.frame = Some(frame);
        Ok(&self.clear)
    }

    /// The frame must give exactly as many bytes as `out` has room for: a frame that would
    /// give more is refused at that point, one that gives fewer after it.
    fn unpack_into(&mut self, out: &mut [u8]) -> Result<(), &'static str> {
        let packed = std::mem::take(&mut self.packed);
        let unpacked = self.unpack(&packed, out);
        self.packed = packed;
        unpacked
    }

    fn unpack(&mut self, packed: &[u8], out: &mut [u8]) -> Result<(), &'static str> {
        if find_frame_compressed_size(packed) != Ok(packed.len()) {
            return Err("a frame is not one whole zstd frame");
        }
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            None => self
                .zstd
                .insert(Decompressor::new().map_err(|_| "there is no memory to decompress it")?),
        };
        match zstd.decompress_to_buffer(packed, out) {
            Ok(len) if len == out.len() => Ok(()),
            Ok(_) => Err("a frame holds fewer bytes than its place needs"),
            Err(_) => Err("a frame does not decompress to the bytes that its place needs"),
        }
    }
}
