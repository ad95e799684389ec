//! What a witness keeps (`docs/format/witness.md`, What a witness keeps).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use comity_core::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use comity_core::cosigner::Cosigner;
use comity_core::digest::{Digest, hex, unhex_array};
use comity_core::json::{self, Value};
use comity_core::note::{Note, NoteSignature};
use comity_core::policy::Policy;
use comity_core::vkey::Vkey;
use comity_store::Disk;

use crate::decide::{Decision, Refusal, decide_parsed};
use crate::error::WitnessError;
use crate::request::Parsed;

const FORMAT: &str = "comity-witness-1";
const KEY_FORMAT: &str = "comity-witness-key-1";
const SETTINGS: &str = "witness.json";
const KEY: &str = "key";
/// At most so many refused checkpoints are kept for one log.
const MAX_REFUSED: usize = 64;

/// A witness: its keys, the logs that it follows, and what it cosigned.
pub struct Witness {
    dir: PathBuf,
    disk: Disk,
    cosigner: Cosigner,
}

impl Witness {
    /// Makes a witness in a new or empty folder, with the seeds of its Ed25519 and ML-DSA-44 keys.
    ///
    /// # Errors
    /// A folder that is not empty, a name that no key may have, the disk.
    pub fn create(
        dir: &Path,
        disk: Disk,
        name: &str,
        seeds: [&[u8; 32]; 2],
    ) -> Result<Witness, WitnessError> {
        let cosigner = Cosigner::new(name, seeds[0], seeds[1])?;
        if dir.exists() && !disk.list(dir)?.is_empty() {
            return Err(WitnessError::Usage(format!(
                "{} is not empty: name a new or an empty folder",
                dir.display()
            )));
        }
        for folder in ["", "logs", "seen", "refused", "lock"] {
            disk.create_dir_all(&dir.join(folder))?;
        }
        write_secret(&dir.join(KEY), seeds)?;
        let mut keys = String::new();
        for (vkey, ending) in cosigner.vkeys().iter().zip(["ed25519", "ml-dsa-44"]) {
            keys.push_str(&format!("witness {name}-{ending} {vkey}\n"));
        }
        disk.write_atomic(&dir.join("keys"), keys.as_bytes())?;
        let settings = Value::from_iter([
            ("format".to_owned(), Value::from(FORMAT)),
            ("name".to_owned(), name.into()),
        ]);
        let mut settings =
            json::canonical(&settings).map_err(|e| WitnessError::Usage(e.to_string()))?;
        settings.push(b'\n');
        // Last: a folder without this file is no witness. It also makes the key's name durable.
        disk.write_atomic(&dir.join(SETTINGS), &settings)?;
        Ok(Witness {
            dir: dir.to_owned(),
            disk,
            cosigner,
        })
    }

    /// Opens the witness in a folder.
    ///
    /// # Errors
    /// No witness there, or one whose files are damaged.
    pub fn open(dir: &Path, disk: Disk) -> Result<Witness, WitnessError> {
        let settings = disk.read(&dir.join(SETTINGS))?.ok_or_else(|| {
            WitnessError::Usage(format!(
                "there is no witness in {}: make one with `comity witness init`",
                dir.display()
            ))
        })?;
        let damaged = |file: &str, what: &str| WitnessError::Damaged {
            path: dir.join(file),
            what: what.to_owned(),
        };
        let settings = json::parse(&settings).map_err(|e| damaged(SETTINGS, &e.to_string()))?;
        let text = |name: &str| settings.get(name).and_then(Value::as_str);
        if text("format") != Some(FORMAT) {
            return Err(damaged(
                SETTINGS,
                "its format is not one that this program knows",
            ));
        }
        let name = text("name").ok_or_else(|| damaged(SETTINGS, "it names no witness"))?;
        let key = disk
            .read(&dir.join(KEY))?
            .ok_or_else(|| damaged(KEY, "it is missing"))?;
        let seeds = read_secret(&key).ok_or_else(|| damaged(KEY, "it holds no two seeds"))?;
        let cosigner = Cosigner::new(name, &seeds[0], &seeds[1])?;
        for folder in ["seen", "logs", "refused"] {
            disk.sweep_temporary(&dir.join(folder))?;
        }
        Ok(Witness {
            dir: dir.to_owned(),
            disk,
            cosigner,
        })
    }

    /// Its name and public keys.
    #[must_use]
    pub fn cosigner(&self) -> &Cosigner {
        &self.cosigner
    }

    /// Follows the log of these keys from now on. Each of them must sign a checkpoint.
    ///
    /// # Errors
    /// Keys of several logs, or none; other keys than those of a log that is followed already,
    /// which only [`Witness::follow_succession`] leads to; the disk.
    pub fn follow(&self, keys: &[Vkey]) -> Result<(), WitnessError> {
        let origin = keys.first().map(Vkey::name).unwrap_or_default();
        if self.log_keys(origin)?.is_some_and(|known| known != keys) {
            return Err(WitnessError::Usage(format!(
                "{origin} is followed with other keys, and nothing in the file shows that these succeed them: give the log's newest key file, which has the statements of its successions"
            )));
        }
        if keys.is_empty() || keys.iter().any(|key| key.name() != origin) {
            return Err(WitnessError::Usage(
                "give the keys of one log: \"log <vkey>\" lines of one name".to_owned(),
            ));
        }
        let mut file: String = keys.iter().map(|key| format!("log {key}\n")).collect();
        file.push_str("quorum none\n");
        let path = self.file("logs", origin);
        Ok(self.disk.write_atomic(&path, file.as_bytes())?)
    }

    /// Follows a log whose keys were succeeded, from now on with the keys that its statements lead
    /// to (`docs/format/succession.md`).
    ///
    /// # Errors
    /// Statements that do not lead from the keys that are followed to these, or that deny what this
    /// witness cosigned; a damaged file, the disk.
    pub fn follow_succession(&self, keys: &LogKeys) -> Result<(), WitnessError> {
        let origin = keys.origin();
        let _lock = self.disk.lock(&self.file("lock", origin))?;
        let keys = match self.key_file(origin)?.map(|file| LogKeys::parse(&file)) {
            None => keys.clone(),
            Some(known) => {
                let joined = known.ok().and_then(|known| known.joined(keys));
                joined.ok_or_else(|| WitnessError::Usage(format!(
                    "the statements in the file do not lead from the keys with which {origin} is followed to these: nothing is changed. Keep the file: if the log's keeper did not make it, somebody else has its keys"
                )))?
            }
        };
        if let Some(seen) = self.seen(origin)? {
            let held = SignedCheckpoint::parse(&seen).and_then(|seen| seen.verify(&keys));
            held.map_err(|error| WitnessError::Usage(format!(
                "the statements in the file deny what this witness cosigned of {origin}: {error}. Nothing is changed; keep the file, it is evidence"
            )))?;
        }
        let path = self.file("logs", origin);
        Ok(self.disk.write_atomic(&path, keys.to_file().as_bytes())?)
    }

    /// The key file of a log that is followed here.
    ///
    /// # Errors
    /// The disk.
    pub fn key_file(&self, origin: &str) -> Result<Option<Vec<u8>>, WitnessError> {
        Ok(self.disk.read(&self.file("logs", origin))?)
    }

    /// The keys that sign a tree of `size` of a log that is followed here.
    fn keys_at(&self, origin: &str, size: u64) -> Result<Option<Vec<Vkey>>, WitnessError> {
        let file = self.key_file(origin)?;
        // A log of another program may have other kinds of keys, and then no successions.
        match file.and_then(|file| LogKeys::parse(&file).ok()) {
            Some(keys) if keys.origin() == origin => Ok(Some(keys.at(size).to_vec())),
            _ => self.log_keys(origin),
        }
    }

    /// The keys that sign now of a log that is followed here.
    ///
    /// # Errors
    /// A damaged file, the disk.
    pub fn log_keys(&self, origin: &str) -> Result<Option<Vec<Vkey>>, WitnessError> {
        let path = self.file("logs", origin);
        let Some(bytes) = self.disk.read(&path)? else {
            return Ok(None);
        };
        let damaged = |what: String| WitnessError::Damaged {
            path: path.clone(),
            what,
        };
        let policy = Policy::parse(&bytes).map_err(|e| damaged(e.to_string()))?;
        let keys: Vec<Vkey> = policy.logs().iter().map(|l| l.vkey.clone()).collect();
        if keys.is_empty() || keys.iter().any(|key| key.name() != origin) {
            return Err(damaged("it is of another log".to_owned()));
        }
        Ok(Some(keys))
    }

    /// The origins of the logs that are followed.
    ///
    /// # Errors
    /// A damaged file, the disk.
    pub fn logs(&self) -> Result<Vec<String>, WitnessError> {
        let folder = self.dir.join("logs");
        let mut origins = Vec::new();
        for name in self.disk.list(&folder)? {
            let Some(bytes) = self.disk.read(&folder.join(&name))? else {
                continue;
            };
            if let Some(log) = Policy::parse(&bytes)
                .ok()
                .and_then(|p| p.logs().first().cloned())
            {
                origins.push(log.vkey.name().to_owned());
            }
        }
        origins.sort();
        Ok(origins)
    }

    /// What it cosigned last of a log: the note, with the log's signatures and its own.
    ///
    /// # Errors
    /// The disk.
    pub fn seen(&self, origin: &str) -> Result<Option<Vec<u8>>, WitnessError> {
        Ok(self.disk.read(&self.file("seen", origin))?)
    }

    /// As [`Witness::seen`], by the name of the file: SHA-256 of the origin in hex.
    ///
    /// # Errors
    /// The disk.
    pub fn seen_by_hash(&self, origin_sha256: &str) -> Result<Option<Vec<u8>>, WitnessError> {
        match unhex_array::<32>(origin_sha256.as_bytes()) {
            Some(hash) => Ok(self.disk.read(&self.dir.join("seen").join(hex(&hash)))?),
            None => Ok(None),
        }
    }

    /// The refused checkpoints that are kept of a log, as notes.
    ///
    /// # Errors
    /// The disk.
    pub fn refused(&self, origin: &str) -> Result<Vec<Vec<u8>>, WitnessError> {
        let folder = self.dir.join("refused");
        let prefix = format!("{}-", Digest::of(origin.as_bytes()));
        let mut names = self.disk.list(&folder)?;
        names.retain(|name| name.to_string_lossy().starts_with(&prefix));
        names.sort();
        let mut notes = Vec::new();
        for name in names {
            notes.extend(self.disk.read(&folder.join(name))?);
        }
        Ok(notes)
    }

    /// Answers a request: the cosignature lines, or why not. What is cosigned is kept before this
    /// returns. `now_secs` is the time in seconds since 1970.
    ///
    /// # Errors
    /// What the witness keeps is damaged or could not be kept; nothing was cosigned then.
    pub fn add_checkpoint(
        &self,
        body: &[u8],
        now_secs: u64,
    ) -> Result<Result<Vec<NoteSignature>, Refusal>, WitnessError> {
        let request = match Parsed::parse(body) {
            Ok(request) => request,
            Err(what) => return Ok(Err(Refusal::Malformed(what))),
        };
        let origin = request.checkpoint.origin.clone();
        let Some(keys) = self.keys_at(&origin, request.checkpoint.size)? else {
            return Ok(Err(Refusal::UnknownLog(origin)));
        };
        // Of two requests at once, here or in another process, the second sees what the first kept.
        let _lock = self.disk.lock(&self.file("lock", &origin))?;
        let last = self.last(&origin)?;
        match decide_parsed(&request, Some(&keys), last.as_ref()) {
            Decision::Refuse(refusal) => {
                if let Refusal::Contradicts(_) = refusal {
                    self.keep_refused(&origin, &request)?;
                }
                Ok(Err(refusal))
            }
            Decision::Cosign(_) => {
                let lines = self.cosigner.cosign(request.note.text(), now_secs)?;
                let mut note = Note::new(request.note.text().to_owned())
                    .map_err(|e| WitnessError::Usage(e.to_string()))?;
                let of_the_log = |s: &&NoteSignature| {
                    let key = |k: &Vkey| k.name() == s.name && k.key_id() == s.key_id;
                    keys.iter().any(key)
                };
                for signature in request.note.signatures().iter().filter(of_the_log) {
                    note.push(signature.clone());
                }
                lines.iter().for_each(|line| note.push(line.clone()));
                self.disk
                    .write_atomic(&self.file("seen", &origin), &note.encode())?;
                Ok(Ok(lines.into()))
            }
        }
    }

    fn last(&self, origin: &str) -> Result<Option<Checkpoint>, WitnessError> {
        let path = self.file("seen", origin);
        let Some(bytes) = self.disk.read(&path)? else {
            return Ok(None);
        };
        let damaged = |what: String| WitnessError::Damaged {
            path: path.clone(),
            what,
        };
        let note = Note::parse(&bytes).map_err(|e| damaged(e.to_string()))?;
        // Its own signature says that these bytes are what it kept, and not a damaged disk's.
        let own = note.verify(self.cosigner.vkeys());
        own.map_err(|e| damaged(e.to_string()))?;
        let (checkpoint, _) =
            Checkpoint::parse_extended(note.text()).map_err(|e| damaged(e.to_string()))?;
        if checkpoint.origin != origin {
            return Err(damaged("it is of another log".to_owned()));
        }
        Ok(Some(checkpoint))
    }

    fn keep_refused(&self, origin: &str, request: &Parsed) -> Result<(), WitnessError> {
        if self.refused(origin)?.len() >= MAX_REFUSED {
            return Ok(());
        }
        let of_note = Digest::of(&request.bytes);
        let name = format!(
            "{}-{:016x}-{}",
            Digest::of(origin.as_bytes()),
            request.checkpoint.size,
            of_note.to_string().get(..16).unwrap_or_default()
        );
        let path = self.dir.join("refused").join(name);
        Ok(self.disk.write_atomic(&path, &request.bytes)?)
    }

    fn file(&self, folder: &str, origin: &str) -> PathBuf {
        let name = Digest::of(origin.as_bytes()).to_string();
        self.dir.join(folder).join(name)
    }
}

/// The secret is made with its mode, so that there is no moment at which others may read it.
fn write_secret(path: &Path, seeds: [&[u8; 32]; 2]) -> Result<(), WitnessError> {
    let io = |source| WitnessError::Io {
        what: path.display().to_string(),
        source,
    };
    let text = format!("{KEY_FORMAT}\n{}\n{}\n", hex(seeds[0]), hex(seeds[1]));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    file.sync_all().map_err(io)
}

fn read_secret(bytes: &[u8]) -> Option<[[u8; 32]; 2]> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next() != Some(KEY_FORMAT) {
        return None;
    }
    let first = unhex_array(lines.next()?.as_bytes())?;
    let second = unhex_array(lines.next()?.as_bytes())?;
    lines.next().is_none().then_some([first, second])
}
