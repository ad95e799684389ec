//! The names of one folder in byte order, in memory or sorted on disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::spill::Spill;

/// Clear bytes of one spilled block.
const BLOCK_BYTES: usize = 64 * 1024;

/// Runs of one folder that are merged at once; more are first merged into one.
const MAX_RUNS: usize = 128;

/// What a listing says that a name is. A hint: whoever opens it looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Hint {
    Unknown,
    File,
    Folder,
    Symlink,
    Socket,
    Fifo,
    Device,
}

impl Hint {
    fn from_byte(byte: u8) -> Hint {
        const ALL: [Hint; 7] = [
            Hint::Unknown,
            Hint::File,
            Hint::Folder,
            Hint::Symlink,
            Hint::Socket,
            Hint::Fifo,
            Hint::Device,
        ];
        ALL.get(usize::from(byte)).copied().unwrap_or(Hint::Unknown)
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u32,
    len: u16,
    hint: Hint,
}

/// Names in memory: one buffer and 8 bytes a name.
#[derive(Debug, Default)]
pub(super) struct List {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    next: usize,
}

impl List {
    fn name(&self, slot: Slot) -> &[u8] {
        let start = slot.start as usize;
        self.bytes
            .get(start..start + usize::from(slot.len))
            .unwrap_or_default()
    }

    fn len_bytes(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<Slot>()
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        let name = |slot: &Slot| {
            let start = slot.start as usize;
            bytes
                .get(start..start + usize::from(slot.len))
                .unwrap_or_default()
        };
        self.slots.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        // Some network file systems list a name twice when the folder changes meanwhile.
        self.slots.dedup_by(|a, b| name(a) == name(b));
    }
}

/// Takes the names of a folder in any order.
pub(super) struct Builder<'a> {
    spill: &'a mut Spill,
    /// Bytes of names, with their places, that are sorted in memory at once.
    run_bytes: usize,
    list: List,
    runs: Vec<Run>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(spill: &'a mut Spill, run_bytes: usize) -> Builder<'a> {
        // Places are 32 bits wide.
        let run_bytes = run_bytes.clamp(1, 1 << 30);
        Builder {
            spill,
            run_bytes,
            list: List::default(),
            runs: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, name: &[u8], hint: Hint) -> io::Result<()> {
        let start = u32::try_from(self.list.bytes.len()).map_err(io::Error::other)?;
        let len = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.list.bytes.extend_from_slice(name);
        self.list.slots.push(Slot { start, len, hint });
        if self.list.len_bytes() >= self.run_bytes {
            self.spill_run()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Names> {
        if self.runs.is_empty() {
            self.list.sort();
            self.list.bytes.shrink_to_fit();
            self.list.slots.shrink_to_fit();
            return Ok(Names::Memory(self.list));
        }
        if !self.list.slots.is_empty() {
            self.spill_run()?;
        }
        Ok(Names::Spilled(Merge::new(self.runs, self.spill)?))
    }

    fn spill_run(&mut self) -> io::Result<()> {
        let mut list = std::mem::take(&mut self.list);
        list.sort();
        self.runs
            .push(write_run(&mut Names::Memory(list), self.spill)?);
        if self.runs.len() >= MAX_RUNS {
            let merge = Merge::new(std::mem::take(&mut self.runs), self.spill)?;
            self.runs
                .push(write_run(&mut Names::Spilled(merge), self.spill)?);
        }
        Ok(())
    }
}

/// Writes the rest of `names` as one run.
fn write_run(names: &mut Names, spill: &mut Spill) -> io::Result<Run> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut bounds: Option<(u64, u64)> = None;
    loop {
        let next = names.next(spill)?;
        let full = next
            .as_ref()
            .is_none_or(|(name, _)| block.len() + name.len() + 3 > BLOCK_BYTES);
        if full && !block.is_empty() {
            let (place, after) = spill.append(&block)?;
            bounds = Some((bounds.map_or(place, |(first, _)| first), after));
            block.clear();
        }
        let Some((name, hint)) = next else { break };
        let len = u16::try_from(name.len()).map_err(io::Error::other)?;
        block.extend_from_slice(&len.to_le_bytes());
        block.push(hint as u8);
        block.extend_from_slice(&name);
    }
    let (start, end) = bounds.unwrap_or_default();
    Ok(Run {
        place: start,
        after: start,
        end,
        block: Vec::new(),
        pos: 0,
    })
}

/// A sorted run on disk and the block of it that is being read.
#[derive(Debug)]
struct Run {
    /// Where the block that is being read begins, and where the next one does.
    place: u64,
    after: u64,
    end: u64,
    block: Vec<u8>,
    pos: usize,
}

impl Run {
    fn next(&mut self, spill: &Spill) -> io::Result<Option<(Vec<u8>, Hint)>> {
        if self.block.is_empty() && self.pos > 0 {
            self.after = spill.read(self.place, &mut self.block)?;
        }
        if self.pos >= self.block.len() {
            if self.after >= self.end {
                self.block = Vec::new();
                self.pos = 0;
                return Ok(None);
            }
            self.place = self.after;
            self.after = spill.read(self.place, &mut self.block)?;
            self.pos = 0;
        }
        let rest = self.block.get(self.pos..).unwrap_or_default();
        let (head, rest) = rest.split_at_checked(3).ok_or(io::ErrorKind::InvalidData)?;
        let len = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let name = rest.get(..len).ok_or(io::ErrorKind::InvalidData)?;
        self.pos += 3 + len;
        Ok(Some((name.to_vec(), Hint::from_byte(head[2]))))
    }
}

type Head = Reverse<(Vec<u8>, usize, Hint)>;

/// Several runs read as one.
#[derive(Debug)]
pub(super) struct Merge {
    runs: Vec<Run>,
    heads: BinaryHeap<Head>,
    last: Option<Vec<u8>>,
}

impl Merge {
    fn new(runs: Vec<Run>, spill: &Spill) -> io::Result<Merge> {
        let mut merge = Merge {
            heads: BinaryHeap::with_capacity(runs.len()),
            runs,
            last: None,
        };
        for run in 0..merge.runs.len() {
            merge.refill(run, spill)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, index: usize, spill: &Spill) -> io::Result<()> {
        let next = match self.runs.get_mut(index) {
            Some(run) => run.next(spill)?,
            None => None,
        };
        if let Some((name, hint)) = next {
            self.heads.push(Reverse((name, index, hint)));
        }
        Ok(())
    }

    fn next(&mut self, spill: &Spill) -> io::Result<Option<(Vec<u8>, Hint)>> {
        while let Some(Reverse((name, index, hint))) = self.heads.pop() {
            self.refill(index, spill)?;
            if self.last.as_deref() != Some(&name[..]) {
                self.last = Some(name.clone());
                return Ok(Some((name, hint)));
            }
        }
        Ok(None)
    }
}

/// The names of one folder, in byte order, each once.
#[derive(Debug)]
pub(super) enum Names {
    Memory(List),
    Spilled(Merge),
}

impl Names {
    /// The next name and what the listing said that it is.
    pub(super) fn next(&mut self, spill: &Spill) -> io::Result<Option<(Vec<u8>, Hint)>> {
        match self {
            Names::Memory(list) => {
                let Some(slot) = list.slots.get(list.next).copied() else {
                    return Ok(None);
                };
                list.next += 1;
                Ok(Some((list.name(slot).to_vec(), slot.hint)))
            }
            Names::Spilled(merge) => merge.next(spill),
        }
    }

    /// Memory that these names hold.
    pub(super) fn resident_bytes(&self) -> usize {
        match self {
            Names::Memory(list) => list.len_bytes(),
            Names::Spilled(merge) => merge.runs.iter().map(|run| run.block.len()).sum(),
        }
    }

    /// Whether these names lie on disk.
    pub(super) fn is_spilled(&self) -> bool {
        matches!(self, Names::Spilled(_))
    }

    /// Leaves memory until the next name is asked for.
    pub(super) fn park(&mut self, spill: &mut Spill) -> io::Result<()> {
        if let Names::Memory(_) = self {
            let run = write_run(self, spill)?;
            *self = Names::Spilled(Merge::new(vec![run], spill)?);
        }
        if let Names::Spilled(merge) = self {
            for run in &mut merge.runs {
                run.block = Vec::new();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use comity_core::random::TestRandom;
    use proptest::prelude::*;

    use super::*;

    fn drain(names: &mut Names, spill: &mut Spill, park: bool) -> io::Result<Vec<Vec<u8>>> {
        let mut out = Vec::new();
        while let Some((name, hint)) = names.next(spill)? {
            assert_eq!(hint, hint_of(&name));
            out.push(name);
            if park && out.len() % 3 == 0 {
                names.park(spill)?;
                assert_eq!(names.resident_bytes(), 0);
            }
        }
        Ok(out)
    }

    fn hint_of(name: &[u8]) -> Hint {
        Hint::from_byte(name.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 7)
    }

    proptest! {
        /// Sorting on disk, with runs as small as one name, gives what sorting in memory gives.
        #[test]
        fn names_sorted_on_disk_equal_names_sorted_in_memory(
            names in prop::collection::vec(prop::collection::vec(1u8..=255, 1..24), 0..400),
            run_bytes in 1usize..400,
            park: bool,
        ) {
            let folder = tempfile::tempdir()?;
            let mut spill = Spill::new(folder.path(), &TestRandom::new([2; 32]));
            let mut builder = Builder::new(&mut spill, run_bytes);
            for name in &names {
                builder.push(name, hint_of(name))?;
            }
            let mut sorted = builder.finish()?;
            let expected: Vec<Vec<u8>> =
                names.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(drain(&mut sorted, &mut spill, park)?, expected);
        }
    }

    #[test]
    fn long_names_fill_blocks_to_the_edge() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut spill = Spill::new(folder.path(), &TestRandom::new([2; 32]));
        let mut builder = Builder::new(&mut spill, 1 << 20);
        let names: Vec<Vec<u8>> = (0..10_000u32)
            .map(|n| format!("{n:0>255}").into_bytes())
            .collect();
        for name in names.iter().rev() {
            builder.push(name, hint_of(name))?;
        }
        let mut sorted = builder.finish()?;
        assert!(sorted.is_spilled());
        assert!(sorted.resident_bytes() <= 3 * BLOCK_BYTES);
        assert_eq!(drain(&mut sorted, &mut spill, false)?, names);
        Ok(())
    }
}
