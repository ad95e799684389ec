//! An item's bytes as a file: under its name only when they are whole and the item's.
//!
//! Until then the file has no name at all, where the file system knows such files: a process that is killed leaves no
//! evidence in the clear behind.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use comity_store::{Disk, Op, StoreError};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::Opening;
use crate::error::{AppError, Result};
use crate::handover::parent;

const BUFFER: usize = 1 << 20;

impl Opening {
    /// Writes all bytes to the new file `file`, durable on return. Returns how many there were.
    ///
    /// # Errors
    /// Also when the file is there already: it is left as it is.
    pub fn restore(&self, disk: &Disk, file: &Path) -> Result<u64> {
        let done = self.restore_any(disk, file);
        done.map_err(|e| match e {
            AppError::Store(StoreError::Io { source, .. } | StoreError::Full { source, .. })
            | AppError::Io { source, .. } => AppError::Refused(format!(
                "{} cannot be written: {source}",
                comity_core::shown::shown(file.as_os_str().as_bytes())
            )),
            other => other,
        })
    }

    fn restore_any(&self, disk: &Disk, file: &Path) -> Result<u64> {
        let nameless = disk.step(Op::Create, file, || {
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(
                parent(file),
                flags,
                Mode::from_raw_mode(0o666),
            )?)
        });
        match nameless {
            Ok(out) => self.restore_nameless(disk, file, File::from(out)),
            Err(_) => self.restore_beside(disk, file),
        }
    }

    fn restore_nameless(&self, disk: &Disk, file: &Path, out: File) -> Result<u64> {
        let (out, bytes) = self.fill(disk, file, out)?;
        let own = format!("/proc/self/fd/{}", out.as_raw_fd());
        disk.step(Op::Rename, file, || {
            Ok(rustix::fs::linkat(
                CWD,
                own.as_str(),
                CWD,
                file,
                AtFlags::SYMLINK_FOLLOW,
            )?)
        })?;
        disk.sync_dir(parent(file))?;
        Ok(bytes)
    }

    /// Where files have names from the beginning, as on FAT: a hidden one, which a later run for the same file replaces.
    fn restore_beside(&self, disk: &Disk, file: &Path) -> Result<u64> {
        let name = format!(".{}-{}.comity-partial", self.item.ern, self.leaf);
        let beside = file.with_file_name(name);
        disk.remove_file(&beside)?;
        let out = disk.step(Op::Create, &beside, || File::create_new(&beside))?;
        let done = self.fill(disk, file, out).and_then(|(_, bytes)| {
            if disk.rename_new(&beside, file)? {
                disk.sync_dir(parent(file))?;
                Ok(bytes)
            } else {
                let there = std::io::ErrorKind::AlreadyExists.into();
                Err(AppError::io(file, there))
            }
        });
        if done.is_err() {
            let _ = disk.remove_file(&beside);
        }
        done
    }

    fn fill(&self, disk: &Disk, file: &Path, out: File) -> Result<(File, u64)> {
        let io = |e| AppError::io(file, e);
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let bytes = self.copy_to(&mut out)?;
        out.flush().map_err(io)?;
        let out = out.into_inner().map_err(|e| io(e.into_error()))?;
        disk.step(Op::Sync, file, || out.sync_all())?;
        Ok((out, bytes))
    }
}
