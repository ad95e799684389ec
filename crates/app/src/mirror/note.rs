//! `mirror.json`: on record in the centre's folder for as long as its mirror may lack something.

use std::path::Path;

use comity_core::json::{self, Value};
use comity_store::{Disk, StoreError};

/// The file's name in the centre's folder.
pub const FILE: &str = "mirror.json";
const FORMAT: &str = "comity-mirror-1";
/// Why a mirror lacks something that was never filled.
pub(crate) const ADDED: &str = "it was added";

/// What a mirror missed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Since when it may lack something.
    pub since: String,
    /// Why, by the error that came first.
    pub why: String,
    /// So many events of the log it is known to hold.
    pub size: u64,
    /// How often it missed something; who brings the mirror up to date knows by it whether more has come meanwhile.
    pub misses: u64,
    /// How many packs were removed since, and not there.
    pub removals: u64,
}

impl Note {
    /// The note in the centre's folder. One that cannot be read says that anything may be lacking.
    pub fn read(dir: &Path, disk: &Disk) -> Result<Option<Note>, StoreError> {
        let Some(bytes) = disk.read(&dir.join(FILE))? else {
            return Ok(None);
        };
        let value = json::parse(&bytes).unwrap_or(Value::Null);
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            let why = format!("the file {FILE} cannot be read");
            return Ok(Some(Note {
                why,
                ..Note::default()
            }));
        }
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
        Ok(Some(Note {
            since: text("since"),
            why: text("why"),
            size: number("size"),
            misses: number("misses"),
            removals: number("removals"),
        }))
    }

    /// Puts it in place, durable on return.
    pub fn write(&self, dir: &Path, disk: &Disk) -> Result<(), StoreError> {
        let value = Value::from_iter([
            ("format".to_owned(), Value::from(FORMAT)),
            ("since".to_owned(), self.since.as_str().into()),
            ("why".to_owned(), self.why.as_str().into()),
            ("size".to_owned(), self.size.into()),
            ("misses".to_owned(), self.misses.into()),
            ("removals".to_owned(), self.removals.into()),
        ]);
        // Numbers this large are not reached; a file that cannot be read still says that something is lacking.
        let mut bytes = json::canonical(&value).unwrap_or_default();
        bytes.push(b'\n');
        disk.write_atomic(&dir.join(FILE), &bytes)
    }

    /// Takes it away, durable on return.
    pub fn remove(dir: &Path, disk: &Disk) -> Result<(), StoreError> {
        disk.remove_file(&dir.join(FILE))?;
        disk.sync_dir(dir)
    }
}
