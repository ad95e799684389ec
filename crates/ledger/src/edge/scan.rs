//! Reading the frames of an edge file, up to the first that does not fit.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Placed;
use super::frame::{Frame, HEADER, Header};

/// Where reading stopped before the end of the file, and why.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// In bytes from the beginning of the file.
    pub(crate) at: u64,
    pub(crate) what: String,
}

/// Frames that follow each other without a gap.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) frames: Vec<Placed>,
    /// The end of the last frame that fits, in bytes.
    pub(crate) end: u64,
    pub(crate) stop: Option<Stop>,
}

/// Reads the frames from byte `at` to `len`; the first should begin at leaf `index`.
pub(crate) fn scan(file: &File, mut at: u64, len: u64, mut index: u64) -> io::Result<Scan> {
    let mut frames = Vec::new();
    let mut stop = None;
    while at < len {
        match read_frame(file, at, len)? {
            Ok(frame) if frame.first == index => {
                index = frame.end();
                at += frame.len;
                frames.push(Placed {
                    base: at - frame.len,
                    frame,
                });
            }
            Ok(frame) => {
                let what = format!(
                    "the frame begins at event {} and should begin at {index}",
                    frame.first
                );
                stop = Some(Stop { at, what });
                break;
            }
            Err(what) => {
                stop = Some(Stop { at, what });
                break;
            }
        }
    }
    Ok(Scan {
        frames,
        end: at,
        stop,
    })
}

/// The next place after byte `at` where a whole frame begins.
pub(crate) fn next_frame(file: &File, at: u64, len: u64) -> io::Result<Option<u64>> {
    const PIECE: u64 = 1 << 20;
    let mut from = at + 1;
    while from < len {
        let piece = read(file, from, (from + PIECE + HEADER as u64).min(len))?;
        for offset in 0..piece.len().min(PIECE as usize) {
            let place = from + offset as u64;
            if Header::parse(&piece[offset..]).is_some() && read_frame(file, place, len)?.is_ok() {
                return Ok(Some(place));
            }
        }
        from += PIECE;
    }
    Ok(None)
}

/// Reads the frame at byte `at`, or says what is wrong with it.
pub(crate) fn read_frame(file: &File, at: u64, len: u64) -> io::Result<Result<Frame, String>> {
    Ok(read_frame_bytes(file, at, len)?.and_then(|bytes| Frame::parse(&bytes)))
}

/// The bytes of the frame at byte `at` by the length in its header, or what is wrong with that.
pub(crate) fn read_frame_bytes(
    file: &File,
    at: u64,
    len: u64,
) -> io::Result<Result<Vec<u8>, String>> {
    let header = read(file, at, (at + HEADER as u64).min(len))?;
    if header.len() < HEADER {
        return Ok(Err("the last frame is cut short".into()));
    }
    let Some(header) = Header::parse(&header) else {
        return Ok(Err("no frame begins here".into()));
    };
    let end = header.frame_len().and_then(|frame| at.checked_add(frame));
    match end.filter(|end| *end <= len) {
        Some(end) => read(file, at, end).map(Ok),
        None => Ok(Err(format!(
            "the frame of event {} is cut short",
            header.first
        ))),
    }
}

/// Bytes `from..to`.
pub(crate) fn read(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}
