//! What a file system says about a file: the `file` field of an intake event.
//!
//! Device and inode numbers are left out of the record: they name the deliverer's disk, not the
//! evidence. The time of last access is left out too: reading and copying change it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use aws_lc_rs::digest;
use comity_core::digest::hex;
use comity_core::shown::shown;
use jiff::Timestamp;
use rustix::fs::{AtFlags, StatxFlags, StatxTimestamp, statx};
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use xattr::FileExt;

/// A longer value of an extended attribute is recorded by its digest.
const XATTR_VALUE_BYTES: usize = 4 * 1024;

/// Values of one file's extended attributes that are recorded whole, together.
const XATTR_TOTAL_BYTES: usize = 32 * 1024;

/// Extended attributes recorded for one file.
const XATTR_COUNT: usize = 256;

/// Above this, a number is no integer to every reader of JSON (RFC 8785, appendix D).
const MAX_JSON_INTEGER: u64 = (1 << 53) - 1;

/// A time of a file system: seconds and nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime {
    /// Whole seconds, before 1970 below zero.
    pub seconds: i64,
    /// The rest, from 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl FileTime {
    fn of(time: StatxTimestamp) -> FileTime {
        FileTime {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        }
    }

    /// RFC 3339 in UTC with nine digits of a second; a year that it cannot hold is written as
    /// `@seconds.nanoseconds`.
    fn text(self) -> String {
        let nanoseconds = i32::try_from(self.nanoseconds).unwrap_or_default();
        match Timestamp::new(self.seconds, nanoseconds) {
            Ok(time) => format!("{time:.9}"),
            Err(_) => format!("@{}.{:09}", self.seconds, self.nanoseconds),
        }
    }
}

/// What the file system says about a file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// Length in bytes.
    pub size_bytes: u64,
    /// Bytes that the file system holds for it; less than its length when it is sparse.
    pub allocated_bytes: u64,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Names that lead to this file.
    pub links: u32,
    /// When its bytes last changed.
    pub modified: FileTime,
    /// When its bytes or its metadata last changed.
    pub changed: FileTime,
    /// When it came to be on that file system, where that is known.
    pub created: Option<FileTime>,
    /// Device and inode, to tell one file from another while both are looked at.
    id: (u64, u64),
}

impl FileStat {
    /// Asks about an open file.
    ///
    /// # Errors
    /// What the system answers.
    pub fn of(file: impl AsFd) -> io::Result<FileStat> {
        FileStat::at(file, OsStr::new(""), AtFlags::EMPTY_PATH)
    }

    /// Asks about a name in an open folder; a link is not followed.
    pub(super) fn at(folder: impl AsFd, name: &OsStr, flags: AtFlags) -> io::Result<FileStat> {
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let flags = flags | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let stat = statx(folder, name, flags, mask)?;
        let has_created = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        let device = (u64::from(stat.stx_dev_major) << 32) | u64::from(stat.stx_dev_minor);
        Ok(FileStat {
            size_bytes: stat.stx_size,
            allocated_bytes: stat.stx_blocks.saturating_mul(512),
            mode: u32::from(stat.stx_mode),
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            links: stat.stx_nlink,
            modified: FileTime::of(stat.stx_mtime),
            changed: FileTime::of(stat.stx_ctime),
            created: has_created.then(|| FileTime::of(stat.stx_btime)),
            id: (device, stat.stx_ino),
        })
    }

    /// Device and inode.
    pub(super) fn id(&self) -> (u64, u64) {
        self.id
    }

    /// Whether fewer bytes are stored than the file is long.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.allocated_bytes < self.size_bytes
    }

    /// The record of this: a JSON object with `size`, `allocated`, `mode` (octal, as `st_mode`
    /// has it), `uid`, `gid`, `nlink`, `mtime`, `ctime` and, where known, `btime`. Numbers that
    /// JSON readers would round are strings.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("size".into(), number(self.size_bytes));
        fields.insert("allocated".into(), number(self.allocated_bytes));
        fields.insert("mode".into(), format!("{:07o}", self.mode).into());
        fields.insert("uid".into(), self.uid.into());
        fields.insert("gid".into(), self.gid.into());
        fields.insert("nlink".into(), self.links.into());
        fields.insert("mtime".into(), self.modified.text().into());
        fields.insert("ctime".into(), self.changed.text().into());
        if let Some(created) = self.created {
            fields.insert("btime".into(), created.text().into());
        }
        Value::Object(fields)
    }
}

/// The `file` field of an intake event: [`FileStat::to_json`], and `xattrs` where the file has
/// extended attributes.
///
/// An attribute is an object with its shown `name`, `name_hex` where the name is not UTF-8, and
/// `value` in hex; a value over 4 KiB, or beyond 32 KiB of values for one file, is recorded as
/// `size` and `sha256`, one that cannot be read as `unreadable` with the reason. Beyond 256
/// attributes `xattrs_left_out` counts the rest; `xattrs_unreadable` says why none are listed.
pub fn provenance_of_file(file: &File, stat: &FileStat) -> Value {
    let mut record = stat.to_json();
    if let Value::Object(fields) = &mut record {
        match file.list_xattr() {
            Ok(names) => add_xattrs(file, names, fields),
            Err(error) if is_unsupported(&error) => {}
            Err(error) => {
                fields.insert("xattrs_unreadable".into(), error.to_string().into());
            }
        }
    }
    record
}

/// What changed between two looks at one file while it was read, or `None`.
///
/// A change of metadata alone (`changed`) counts: bytes can be altered and the time of
/// modification set back.
#[must_use]
pub fn changed_while_read(before: &FileStat, after: &FileStat) -> Option<String> {
    let mut what = Vec::new();
    if before.id != after.id {
        what.push("another file took its place".to_owned());
    }
    if before.size_bytes != after.size_bytes {
        what.push(format!(
            "size {} became {} bytes",
            before.size_bytes, after.size_bytes
        ));
    }
    for (name, then, now) in [
        ("time of modification", before.modified, after.modified),
        ("time of change", before.changed, after.changed),
    ] {
        if then != now {
            what.push(format!("{name} {} became {}", then.text(), now.text()));
        }
    }
    (!what.is_empty()).then(|| what.join("; "))
}

fn add_xattrs(file: &File, names: xattr::XAttrs, fields: &mut Map<String, Value>) {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let mut room = XATTR_TOTAL_BYTES;
    let mut list = Vec::new();
    for name in names.iter().take(XATTR_COUNT) {
        list.push(xattr_record(name, file.get_xattr(name), &mut room));
    }
    if !list.is_empty() {
        fields.insert("xattrs".into(), list.into());
    }
    if names.len() > XATTR_COUNT {
        fields.insert(
            "xattrs_left_out".into(),
            number((names.len() - XATTR_COUNT) as u64),
        );
    }
}

fn xattr_record(name: &OsStr, value: io::Result<Option<Vec<u8>>>, room: &mut usize) -> Value {
    let mut record = Map::new();
    record.insert("name".into(), shown(name.as_bytes()).into());
    if name.to_str().is_none() {
        record.insert("name_hex".into(), hex(name.as_bytes()).into());
    }
    match value {
        Ok(Some(value)) if value.len() <= XATTR_VALUE_BYTES.min(*room) => {
            *room -= value.len();
            record.insert("value".into(), hex(&value).into());
        }
        Ok(Some(value)) => {
            record.insert("size".into(), number(value.len() as u64));
            let digest = digest::digest(&digest::SHA256, &value);
            record.insert("sha256".into(), hex(digest.as_ref()).into());
        }
        Ok(None) => {
            record.insert("unreadable".into(), "it vanished before it was read".into());
        }
        Err(error) => {
            record.insert("unreadable".into(), error.to_string().into());
        }
    }
    Value::Object(record)
}

fn is_unsupported(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::NOTSUP.raw_os_error()) || code == Some(Errno::NOSYS.raw_os_error())
}

fn number(value: u64) -> Value {
    if value <= MAX_JSON_INTEGER {
        json!(value)
    } else {
        json!(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    #[test]
    fn times_permissions_and_holes_are_recorded() -> Result {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("disk.img");
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.set_len(1 << 20)?;
        file.set_permissions(fs::Permissions::from_mode(0o640))?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789))?;

        let file = File::open(&path)?;
        let stat = FileStat::of(&file)?;
        let record = provenance_of_file(&file, &stat);
        assert!(stat.is_sparse());
        assert_eq!(record["size"], 1 << 20);
        assert_eq!(record["allocated"], stat.allocated_bytes);
        assert_eq!(record["mode"], "0100640");
        assert_eq!(record["nlink"], 1);
        assert_eq!(record["mtime"], "2023-11-14T22:13:20.123456789Z");
        assert!(
            record["ctime"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z'))
        );
        assert!(comity_core::json::canonical(&record).is_ok());
        let text = record.to_string();
        assert!(!text.contains("ino") && !text.contains("dev"), "{text}");
        Ok(())
    }

    #[test]
    fn extended_attributes_are_recorded_and_bounded() -> Result {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("photo.jpg");
        fs::write(&path, b"x")?;
        let file = File::open(&path)?;
        if let Err(error) = file.set_xattr("user.origin", b"\x00\xffphone") {
            assert!(is_unsupported(&error), "{error}");
            return Ok(());
        }
        file.set_xattr(OsStr::from_bytes(b"user.caf\xe9"), b"")?;
        let record = provenance_of_file(&file, &FileStat::of(&file)?);
        assert_eq!(
            record["xattrs"],
            json!([
                {"name": "user.caf\\xe9", "name_hex": "757365722e636166e9", "value": ""},
                {"name": "user.origin", "value": "00ff70686f6e65"},
            ])
        );

        let mut room = XATTR_TOTAL_BYTES;
        let long = vec![7; XATTR_VALUE_BYTES + 1];
        let digest = hex(digest::digest(&digest::SHA256, &long).as_ref());
        assert_eq!(
            xattr_record(OsStr::new("user.icon"), Ok(Some(long)), &mut room),
            json!({"name": "user.icon", "size": XATTR_VALUE_BYTES + 1, "sha256": digest})
        );
        let whole = (0..20)
            .map(|_| xattr_record(OsStr::new("user.n"), Ok(Some(vec![0; 4096])), &mut room))
            .filter(|record| record.get("value").is_some())
            .count();
        assert_eq!(whole, XATTR_TOTAL_BYTES / 4096);
        Ok(())
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_noticed() -> Result {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log.txt");
        fs::write(&path, b"one")?;
        let file = File::open(&path)?;
        let before = FileStat::of(&file)?;
        assert_eq!(changed_while_read(&before, &FileStat::of(&file)?), None);

        OpenOptions::new()
            .append(true)
            .open(&path)?
            .write_all(b"two")?;
        let grown = changed_while_read(&before, &FileStat::of(&file)?);
        assert!(grown.is_some_and(|what| what.contains("size 3 became 6 bytes")));

        let mut set_back = before.clone();
        set_back.changed.nanoseconds ^= 1;
        let what = changed_while_read(&before, &set_back);
        assert!(what.is_some_and(|what| what.starts_with("time of change")));

        fs::remove_file(&path)?;
        fs::write(&path, b"one")?;
        let replaced = FileStat {
            modified: before.modified,
            changed: before.changed,
            ..FileStat::of(File::open(&path)?)?
        };
        let what = changed_while_read(&before, &replaced);
        assert!(what.is_some_and(|what| what == "another file took its place"));
        Ok(())
    }

    #[test]
    fn what_json_or_a_calendar_cannot_hold_is_written_out() {
        assert_eq!(number(MAX_JSON_INTEGER), json!(9_007_199_254_740_991_u64));
        assert_eq!(number(MAX_JSON_INTEGER + 1), json!("9007199254740992"));
        let time = FileTime {
            seconds: i64::MAX,
            nanoseconds: 5,
        };
        assert_eq!(time.text(), "@9223372036854775807.000000005");
        let time = FileTime {
            seconds: -1,
            nanoseconds: 5,
        };
        assert_eq!(time.text(), "1969-12-31T23:59:59.000000005Z");
    }
}
