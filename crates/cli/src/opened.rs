//! A centre that shares opened, for the commands of one sitting.
//!
//! The key that the shares came to lies in memory of the kernel that has no name (memfd): the command that
//! `comity keys open` runs inherits it, and so do the commands that this one runs. It is never on a disk, nobody else
//! finds it by name, and it is gone when the last of them ends.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use comity_app::keyring::SharesKey;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Resource, Rlimit, setrlimit};
use zeroize::Zeroizing;

use crate::world::Failure;

/// Where a command finds the number of the file that it inherited.
pub const VARIABLE: &str = "COMITY_OPENED_FD";

/// Puts the key where commands that are run from here find it, as long as the answer is kept.
pub fn hand_on(key: &SharesKey) -> Result<OwnedFd, Failure> {
    let failed = |e: std::io::Error| {
        Failure::Wrong(format!(
            "the opened key cannot be handed on to a command: {e}"
        ))
    };
    // No core dump of any of them may hold it.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|e| failed(e.into()))?;
    let memory =
        memfd_create("comity-opened", MemfdFlags::ALLOW_SEALING).map_err(|e| failed(e.into()))?;
    let mut file = File::from(memory);
    file.write_all(key.bytes()).map_err(failed)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).map_err(|e| failed(e.into()))?;
    Ok(file.into())
}

/// The number by which a command finds it.
pub fn number(memory: &OwnedFd) -> String {
    memory.as_raw_fd().to_string()
}

/// The key that this command inherited.
pub fn inherited() -> Result<Option<SharesKey>, Failure> {
    let Ok(number) = std::env::var(VARIABLE) else {
        return Ok(None);
    };
    let lost = || {
        Failure::Usage(format!(
            "{VARIABLE} is set, and what `comity keys open` handed on is not there: this command was not run by it, or by something that closed it; unset it, or open again"
        ))
    };
    let number: u32 = number.parse().map_err(|_| lost())?;
    let mut file = File::open(format!("/proc/self/fd/{number}")).map_err(|_| lost())?;
    let mut bytes = Zeroizing::new([0; 32]);
    file.read_exact(&mut bytes[..]).map_err(|_| lost())?;
    Ok(Some(SharesKey::from_bytes(*bytes)))
}
