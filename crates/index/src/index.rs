//! One index: opened, written, and how far it has come.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use comity_core::random::Random;
use comity_seal::Key;
use comity_store::{Disk, FileLock};
use serde_json::json;
use tantivy::schema::Term;
use tantivy::{IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher};

use crate::document::Document;
use crate::error::{IndexError, Result};
use crate::fields::{Fields, NO_ITEM, VERSION};
use crate::folder::SealedFolder;
use crate::lexicon::{LookedUp, Standing};
use crate::scope::Views;
use crate::terms::{Lexicon, TOKENIZER, Terms};
use crate::values::Held;
use crate::written::{Draft, Way};

/// How far an index follows the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// The number of leaves that it knows.
    pub size: u64,
    /// The hash of the last of them in hex: a ledger of another past is noticed.
    pub leaf: String,
    /// The lists, by the leaves of their import, that every document was held against.
    pub lists: Vec<u64>,
}

/// Memory of the one that writes, in bytes.
const MEMORY: usize = 128 << 20;
/// Entries of the lexicon that are written together.
const ENTRIES: usize = 4096;

/// An index of the items of one member.
pub struct Index {
    folder: SealedFolder,
    inner: tantivy::Index,
    reader: IndexReader,
    pub(crate) fields: Fields,
    pub(crate) views: Views,
    pub(crate) held: Held,
    pub(crate) looked_up: LookedUp,
    /// The member's code.
    pub member: String,
    position: Position,
    /// What is remembered of the words that were committed: a long log is followed in many changes.
    lexicon: Lexicon,
}

impl Index {
    /// Opens the index in `dir`, which is there and under `key`; makes an empty one where there is none.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] names the file that does not open.
    pub fn open(
        dir: &Path,
        member: &str,
        disk: &Disk,
        key: &Key,
        random: Arc<dyn Random>,
    ) -> Result<Index> {
        let folder = SealedFolder::new(dir, disk.clone(), key.clone(), random);
        let fields = Fields::new();
        let opened = open_or_create(&folder, &fields);
        let (inner, reader) = named(&folder, opened)?;
        let position = named(&folder, position(&inner))?;
        Ok(Index {
            folder,
            inner,
            reader,
            fields,
            views: Views::default(),
            held: Held::default(),
            looked_up: LookedUp::default(),
            member: member.to_owned(),
            position,
            lexicon: Lexicon::default(),
        })
    }

    /// How far it follows the ledger.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// What answers questions, as of the last commit.
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// The file that did not open, where one did not.
    pub fn damage(&self) -> Option<String> {
        self.folder.damage()
    }

    /// Names the damaged file in an error that only says that something did not open.
    pub(crate) fn named<T>(&self, result: Result<T>) -> Result<T> {
        named(&self.folder, result)
    }

    /// Begins to write. Nobody else writes until it is done.
    pub fn write(&mut self) -> Result<IndexChange<'_>> {
        let opened = self.inner.writer_with_num_threads(1, MEMORY);
        let writer = self.named(opened.map_err(IndexError::from))?;
        self.named(self.reader.reload().map_err(IndexError::from))?;
        let standing = self.named(Standing::open(&self.searcher(), &self.fields))?;
        // Of a change that is not committed nothing is remembered.
        let lexicon = std::mem::take(&mut self.lexicon);
        Ok(IndexChange {
            index: self,
            writer,
            way: Arc::default(),
            lexicon,
            standing,
            put: HashSet::new(),
        })
    }

    /// How many documents it has.
    pub fn len(&self) -> u64 {
        let searcher = self.searcher();
        let no_items = Term::from_field_text(self.fields.ern, NO_ITEM);
        // No document of the lexicon is ever taken out.
        searcher.num_docs() - searcher.doc_freq(&no_items).unwrap_or(0)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is being written. Dropped without [`IndexChange::commit`], nothing of it was.
pub struct IndexChange<'a> {
    index: &'a mut Index,
    writer: IndexWriter<Draft>,
    /// The documents that wait for the one that writes.
    way: Arc<Way>,
    lexicon: Lexicon,
    standing: Standing,
    /// The numbers of the documents that were put.
    put: HashSet<String>,
}

impl IndexChange<'_> {
    /// Puts a document in place of the one of the same number, if any.
    pub fn put(&mut self, document: &Document) -> Result<()> {
        // There is nothing to be taken out where the number is new: looking for it later costs more.
        if !self.put.insert(document.ern.clone()) || self.standing.has_item(&document.ern) {
            self.remove(&document.ern);
        }
        let stands = |entry: &str| self.standing.has(entry);
        let fields = &self.index.fields;
        let converted = fields.tantivy(document, &mut self.lexicon, &stands);
        self.add(converted)?;
        self.learn(ENTRIES)
    }

    /// Writes what the lexicon lacks, if that are at least so many entries.
    fn learn(&mut self, at_least: usize) -> Result<()> {
        match self.lexicon.fresh(at_least) {
            entries if entries.is_empty() => Ok(()),
            entries => self.add(self.index.fields.entries(&entries)),
        }
    }

    fn add(&self, document: Draft) -> Result<()> {
        let added = self.writer.add_document(document.on(&self.way));
        self.index.named(added.map(drop).map_err(IndexError::from))
    }

    /// Takes the document of a number out.
    pub fn remove(&mut self, ern: &str) {
        let term = Term::from_field_text(self.index.fields.ern, ern);
        self.writer.delete_term(term);
    }

    /// Makes it durable, with how far it follows the ledger, and seen by who asks next.
    pub fn commit(mut self, position: Position) -> Result<()> {
        self.learn(1)?;
        let done = (|| -> Result<()> {
            let mut prepared = self.writer.prepare_commit()?;
            prepared.set_payload(
                &json!({ "version": VERSION, "size": position.size, "leaf": position.leaf, "lists": position.lists })
                    .to_string(),
            );
            prepared.commit()?;
            self.writer.wait_merging_threads()?;
            self.index.reader.reload()?;
            Ok(())
        })();
        self.index.named(done)?;
        self.index.position = position;
        self.index.lexicon = self.lexicon;
        Ok(())
    }
}

fn open_or_create(folder: &SealedFolder, fields: &Fields) -> Result<(tantivy::Index, IndexReader)> {
    let inner = if tantivy::Index::exists(folder).map_err(tantivy::TantivyError::from)? {
        tantivy::Index::open(folder.clone())?
    } else {
        let settings = IndexSettings {
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        tantivy::Index::create(folder.clone(), fields.schema.clone(), settings)?
    };
    inner.tokenizers().register(TOKENIZER, Terms);
    let reader = inner
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .try_into()?;
    Ok((inner, reader))
}

fn position(inner: &tantivy::Index) -> Result<Position> {
    let Some(payload) = inner.load_metas()?.payload else {
        return Ok(Position::default());
    };
    let read = || {
        let value: serde_json::Value = serde_json::from_str(&payload).ok()?;
        (value.get("version")?.as_u64()? == u64::from(VERSION)).then_some(())?;
        Some(Position {
            size: value.get("size")?.as_u64()?,
            leaf: value.get("leaf")?.as_str()?.to_owned(),
            lists: value
                .get("lists")?
                .as_array()?
                .iter()
                .filter_map(|v| v.as_u64())
                .collect(),
        })
    };
    read().ok_or_else(|| IndexError::Damaged {
        what: "meta.json: it was written by another release".to_owned(),
    })
}

fn named<T>(folder: &SealedFolder, result: Result<T>) -> Result<T> {
    result.map_err(|error| match (error, folder.damage()) {
        (IndexError::Damaged { .. }, Some(what)) => IndexError::Damaged { what },
        (error, _) => error,
    })
}

/// The folder of one member's index in the folder of all indexes, and the file by which processes take turns at it.
pub fn place(all: &Path, member: &str) -> (PathBuf, PathBuf) {
    (all.join(member), all.join(format!("{member}.lock")))
}

/// Waits for one's turn at a member's index; it ends with the process.
///
/// # Errors
/// If the folder of all indexes cannot be written to.
pub fn turn(all: &Path, member: &str, disk: &Disk) -> Result<FileLock> {
    prepare(all, disk)?;
    Ok(disk.lock(&place(all, member).1)?)
}

/// As [`turn`], but `None` at once if another process has it.
///
/// # Errors
/// As [`turn`].
pub fn try_turn(all: &Path, member: &str, disk: &Disk) -> Result<Option<FileLock>> {
    prepare(all, disk)?;
    Ok(disk.try_lock(&place(all, member).1)?)
}

/// Makes the folder of all indexes. Whoever cleans up may have taken it away under a running process.
fn prepare(all: &Path, disk: &Disk) -> Result<()> {
    if !all.is_dir() {
        disk.remove_dir_all(all)?;
    }
    Ok(disk.create_dir_all(all)?)
}

/// Takes a member's index away, durably. Needs its turn.
///
/// # Errors
/// If it cannot be removed; then it is open what is left of it.
pub fn remove(all: &Path, member: &str, disk: &Disk) -> Result<()> {
    disk.remove_dir_all(&place(all, member).0)?;
    Ok(disk.sync_dir(all)?)
}
