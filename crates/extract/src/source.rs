//! Where the bytes of an item come from: a range at a time, never all at once.

use std::{fs::File, io, os::unix::fs::FileExt};

/// The bytes of one item.
pub trait Source {
    /// Size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Sizes in bytes of files that follow the item in the same image of a disk, in their order, which a reader may take
    /// for parts of it. Ranges go on over them: the first byte of the first one is that after the item's last.
    fn more(&self) -> &[u64] {
        &[]
    }

    /// Fills `buffer` from `offset` on; the range lies within the size, or goes on over what follows.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let range = from
            .checked_add(buffer.len())
            .and_then(|to| self.get(from..to));
        buffer.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}
