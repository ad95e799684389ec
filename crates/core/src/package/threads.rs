//! Work on several threads with results in order: hashing files, and checking the lines of one.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::digest::{Digest, Sha256Hasher};

use super::source::{MAX_LINE_BYTES, Source, find_line_feed};

/// How many bytes of lines are handed to a thread at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// And how many lines at most: short ones must not make results that outgrow them.
const CHUNK_LINES: usize = 2000;
/// How many files a thread takes at a time.
const FILES_AT_A_TIME: usize = 16;

/// A file to hash: its place in the source, and the digest that it should have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashJob {
    pub(crate) file: u32,
    pub(crate) expected: Digest,
}

/// What hashing found: the size of each file in the order of the jobs, and what is wrong with
/// some, by the place of the job.
#[derive(Debug, Default)]
pub(crate) struct Hashed {
    pub(crate) sizes: Vec<u64>,
    pub(crate) wrong: Vec<(usize, Unlike)>,
}

/// Why a file is not the one whose digest is listed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unlike {
    /// It has another digest.
    Digest,
    /// It cannot be read.
    Unread(String),
}

/// Hashes files on `threads` threads.
pub(crate) fn hash_files(source: &dyn Source, jobs: &[HashJob], threads: usize) -> Hashed {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine: Vec<(usize, u64)> = Vec::new();
        let mut wrong = Vec::new();
        let mut buffer = vec![0; 128 << 10];
        loop {
            let first = next.fetch_add(FILES_AT_A_TIME, Ordering::Relaxed);
            let Some(batch) = jobs.get(first..jobs.len().min(first + FILES_AT_A_TIME)) else {
                return (mine, wrong);
            };
            if batch.is_empty() {
                return (mine, wrong);
            }
            for (place, job) in (first..).zip(batch) {
                match hash_file(source, job.file as usize, &mut buffer) {
                    Ok((size, digest)) => {
                        mine.push((place, size));
                        if digest != job.expected {
                            wrong.push((place, Unlike::Digest));
                        }
                    }
                    Err(error) => wrong.push((place, Unlike::Unread(error.to_string()))),
                }
            }
        }
    };
    let mut hashed = Hashed {
        sizes: vec![0; jobs.len()],
        wrong: Vec::new(),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (mine, wrong) = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (place, size) in mine {
                if let Some(slot) = hashed.sizes.get_mut(place) {
                    *slot = size;
                }
            }
            hashed.wrong.extend(wrong);
        }
    });
    hashed.wrong.sort_unstable();
    hashed
}

/// The size and SHA-256 of one file.
///
/// # Errors
/// What reading fails with.
pub(crate) fn hash_file(
    source: &dyn Source,
    file: usize,
    buffer: &mut [u8],
) -> io::Result<(u64, Digest)> {
    let mut result = (0, Digest([0; 32]));
    source.read(file, &mut |reader| {
        let mut hasher = Sha256Hasher::new();
        let mut size = 0;
        loop {
            match reader.read(buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.update(&buffer[..count]);
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        result = (size, hasher.finish());
        Ok(())
    })?;
    Ok(result)
}

/// A piece of a file that ends with a line feed, and its place among the pieces.
type Chunk = (u64, Vec<u8>);

/// Gives every line of a file to `check` on `threads` threads, and the results to `take` in the
/// order of the lines, on the calling thread. Returns the file's SHA-256.
///
/// What waits between the threads is bounded, whatever the size of the file.
///
/// # Errors
/// Reading fails, a line is longer than [`MAX_LINE_BYTES`], or the last has no line feed; the
/// results before that were given.
pub(crate) fn check_lines<T: Send>(
    source: &dyn Source,
    file: usize,
    threads: usize,
    check: impl Fn(&[u8]) -> T + Sync,
    mut take: impl FnMut(T),
) -> io::Result<Digest> {
    let threads = threads.max(1);
    let (chunks, work) = sync_channel::<Chunk>(threads);
    let work = Mutex::new(work);
    // Each chunk needs a permit from reading to being taken, so that a slow one holds the
    // reader back instead of letting results pile up behind it.
    let (permits, permit) = channel::<()>();
    let (results, mut done) = channel();
    for _ in 0..threads * 4 {
        let _ = permits.send(());
    }
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_chunks(source, file, &chunks, &permit));
        for _ in 0..threads {
            let (work, check, results) = (&work, &check, results.clone());
            scope.spawn(move || work_on_chunks(work, check, &results));
        }
        drop(results);
        take_in_order(&mut done, &permits, &mut take);
        reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn work_on_chunks<T>(
    work: &Mutex<Receiver<Chunk>>,
    check: &impl Fn(&[u8]) -> T,
    results: &Sender<(u64, Vec<T>)>,
) {
    loop {
        let chunk = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, bytes)) = chunk else { return };
        let mut rest = &bytes[..];
        let mut checked = Vec::new();
        while let Some(end) = find_line_feed(rest) {
            checked.push(check(&rest[..end]));
            rest = &rest[end + 1..];
        }
        if results.send((place, checked)).is_err() {
            return;
        }
    }
}

fn take_in_order<T>(
    done: &mut Receiver<(u64, Vec<T>)>,
    permits: &Sender<()>,
    take: &mut impl FnMut(T),
) {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    while let Ok((place, checked)) = done.recv() {
        waiting.insert(place, checked);
        while let Some(checked) = waiting.remove(&next) {
            checked.into_iter().for_each(&mut *take);
            next += 1;
            // The reader has gone when the file has ended.
            let _ = permits.send(());
        }
    }
}

fn read_chunks(
    source: &dyn Source,
    file: usize,
    chunks: &SyncSender<Chunk>,
    permit: &Receiver<()>,
) -> io::Result<Digest> {
    let mut digest = Digest([0; 32]);
    let mut place = 0;
    source.read(file, &mut |reader| {
        let mut hasher = Sha256Hasher::new();
        let mut pending: Vec<u8> = Vec::new();
        loop {
            let before = pending.len();
            let read = reader.take(CHUNK_BYTES as u64).read_to_end(&mut pending)?;
            let fresh = &pending[before..];
            hasher.update(fresh);
            if read == 0 {
                break;
            }
            let first_line = find_line_feed(fresh);
            if before + first_line.unwrap_or(fresh.len()) > MAX_LINE_BYTES {
                return Err(io::Error::other("has a line of more than 4 MiB"));
            }
            while let Some(end) = end_of_chunk(&pending) {
                let rest = pending.split_off(end);
                let chunk = std::mem::replace(&mut pending, rest);
                if permit.recv().is_err() || chunks.send((place, chunk)).is_err() {
                    return Err(io::Error::other("the check was stopped"));
                }
                place += 1;
            }
        }
        if !pending.is_empty() {
            return Err(io::Error::other(
                "its last line is cut short: it has no line feed",
            ));
        }
        digest = hasher.finish();
        Ok(())
    })?;
    Ok(digest)
}

/// Where to cut: behind the last line feed, or behind as many lines as a chunk may have.
fn end_of_chunk(pending: &[u8]) -> Option<usize> {
    let last = pending.iter().rposition(|byte| *byte == b'\n')?;
    let lines = pending[..=last]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    if lines <= CHUNK_LINES {
        return Some(last + 1);
    }
    let feeds = pending
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n');
    feeds.map(|(at, _)| at + 1).nth(CHUNK_LINES - 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    struct OneFile(Vec<String>, Vec<u8>);

    impl Source for OneFile {
        fn names(&self) -> &[String] {
            &self.0
        }

        fn refused(&self) -> &[crate::Finding] {
            &[]
        }

        fn read(
            &self,
            _: usize,
            visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
        ) -> io::Result<()> {
            visit(&mut &self.1[..])
        }
    }

    fn lines(bytes: Vec<u8>, threads: usize) -> (Vec<usize>, io::Result<Digest>) {
        let source = OneFile(vec!["x".to_owned()], bytes);
        let mut seen = Vec::new();
        let digest = check_lines(&source, 0, threads, <[u8]>::len, |len| seen.push(len));
        (seen, digest)
    }

    #[test]
    fn lines_come_back_in_order_from_any_number_of_threads() {
        let lens: Vec<usize> = (0..3000).map(|i| i * 7 % 1999).collect();
        let mut bytes = Vec::new();
        for len in &lens {
            bytes.extend(std::iter::repeat_n(b'x', *len));
            bytes.push(b'\n');
        }
        for threads in [1, 2, 5] {
            let (seen, digest) = lines(bytes.clone(), threads);
            assert_eq!(seen, lens);
            assert_eq!(digest.unwrap(), Digest::of(&bytes));
        }
    }

    #[test]
    fn a_cut_or_huge_line_is_an_error_and_not_a_hang() {
        let (seen, result) = lines(b"one\ntwo".to_vec(), 2);
        assert_eq!(seen, [3]);
        assert!(result.unwrap_err().to_string().contains("cut short"));
        let (seen, result) = lines(vec![b'x'; MAX_LINE_BYTES * 2], 2);
        assert!(seen.is_empty());
        assert!(result.unwrap_err().to_string().contains("4 MiB"));
        assert_eq!(lines(Vec::new(), 2).0, [0; 0]);
    }
}
