//! A list comes in: it is looked through, sealed, and put on record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use comity_core::id::{ChainId, ObjectId};
use comity_core::json::Value;
use comity_index::Class;
use comity_lists::{FileLine, Kind, Line, ListError, read_files, read_names};
use comity_seal::Key;
use comity_vault::{Also, Hasher, Hashes, Placed, Streaming};

use super::List;
use super::database::Database;
use crate::centre::Centre;
use crate::commit::{Committed, Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, NumberedKey};
use crate::project::{ObjectAt, ObjectPlace};
use crate::sql::Session;

/// Entities of a list of names at most: their names are held in memory while items are held against them.
const MAX_ENTITIES: u64 = 8_000_000;
/// Bad lines that are named; all are counted.
const NAMED: usize = 1000;

/// What is brought.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The file.
    pub file: &'a Path,
    /// What it is for.
    pub class: Class,
    /// What the list is called. One of the same member that is called so gets a new version.
    pub name: &'a str,
    /// Whether all members may see what it says.
    pub shared: bool,
    /// What its names are, where it does not say so itself.
    pub kind: Option<Kind>,
    /// Whether lines that cannot be used are left out; otherwise the whole list is refused for them.
    pub skip_bad: bool,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Which, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its number.
    pub number: String,
    /// Which version of it this is.
    pub version: i64,
    /// The index of the leaf.
    pub leaf: u64,
    /// What was found in it.
    pub found: Looked,
    /// SHA-256 of the file in hex.
    pub sha256: String,
}

/// What a look through a list finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Entities, or digests.
    pub entries: u64,
    /// Entries by what they are: kinds of entities, or kinds of digests.
    pub by: BTreeMap<String, u64>,
    /// Entries that have nothing to be found by, by what they are.
    pub others: BTreeMap<String, u64>,
    /// Lines that cannot be used, the first thousand.
    pub bad: Vec<Bad>,
    /// How many there are.
    pub bad_count: u64,
}

impl Looked {
    pub(super) fn take_bad(&mut self, line: u64, what: String) {
        self.bad_count += 1;
        if self.bad.len() < NAMED {
            self.bad.push(Bad { line, what });
        }
    }
}

impl Centre {
    /// Brings a list of the actor's member. Nothing of it is recorded unless all of it is.
    pub fn import_list(&self, actor: &Actor, import: &Import<'_>) -> Result<Imported> {
        let name = import.name.trim();
        if name.is_empty() {
            return Err(AppError::Usage(
                "a list needs a name: --name \"…\"".to_owned(),
            ));
        }
        let database = match import.class {
            Class::Names => None,
            Class::Known | Class::Watch => Database::at(import.file)?,
        };
        let database = database.as_ref();
        let (found, looked_at) = look_through(import, database)?;
        if found.bad_count > 0 && !import.skip_bad {
            let first = found.bad.iter().take(20);
            let first: Vec<String> = first
                .map(|b| format!("line {}: {}", b.line, b.what))
                .collect();
            return Err(AppError::Usage(format!(
                "{} lines of {} cannot be used, and nothing was brought in ({}); --skip-bad leaves them out",
                found.bad_count,
                import.file.display(),
                first.join("; ")
            )));
        }
        if found.entries == 0 {
            return Err(AppError::Usage(format!(
                "{} has nothing in it that could be found",
                import.file.display()
            )));
        }
        let mut session = self.session()?;
        let former = self.former_version(&mut session, actor, import.class, name)?;
        let _stay = self.keep_packs()?;
        let scope = member_scope(&mut session, &actor.member)?;
        let chain = ChainId(self.ambient.bytes());
        let data_key = self.ambient.bytes::<32>();
        let (own, secret) = self.own_key(scope, &chain, Some(data_key))?;
        let object = ObjectId(self.ambient.bytes());
        let (placed, hashes) =
            self.seal_list(import, database, scope, &Key::new(data_key), object)?;
        if hashes.sha256 != looked_at.sha256 {
            return Err(AppError::Refused(format!(
                "{} changed while it was read: nothing was brought in",
                import.file.display()
            )));
        }
        let said = Said {
            import,
            database,
            name,
            found: &found,
            object,
            placed,
            hashes: &hashes,
            scope,
            own: &own,
        };
        let mut sequencer = self.sequencer();
        let (number, version, at) = sequencer.commit(&self.keys, |group| {
            let (number, version) = number_of(group.session, former.as_ref())?;
            let event = self.list_event(actor, &said, &number, version)?;
            let at: Committed = group.push(&Draft {
                subject: Subject::New(chain),
                event,
                secret: Some(secret),
                object: ObjectAt::Placed(ObjectPlace {
                    pack: placed.pack.0,
                    offset: placed.offset,
                }),
            })?;
            Ok((number, version, at))
        })?;
        Ok(Imported {
            number,
            version,
            leaf: at.index,
            found,
            sha256: hashes.sha256.to_string(),
        })
    }

    /// The list of the actor's member that is called so.
    fn former_version(
        &self,
        session: &mut Session,
        actor: &Actor,
        class: Class,
        name: &str,
    ) -> Result<Option<List>> {
        let called = |list: &List| list.facts.as_ref().is_some_and(|f| f.name == name);
        let mut own = self.all_lists(session)?;
        own.retain(|list| list.member == actor.member && list.class == class && called(list));
        Ok(own.pop())
    }

    fn seal_list(
        &self,
        import: &Import<'_>,
        database: Option<&Database>,
        scope: u64,
        key: &Key,
        object: ObjectId,
    ) -> Result<(Placed, Hashes)> {
        let mut file = source(import, database)?;
        let mut pack = self.vault.pack(scope, self.ambient.bytes::<16>())?;
        let how = Streaming {
            threads: 1,
            also: Also::default(),
        };
        let salt = self.ambient.bytes();
        let sealed = pack.add_stream(object, key, salt, &mut file, &how)?;
        self.vault.commit(vec![pack.finish()?])?;
        Ok(sealed)
    }

    fn list_event(
        &self,
        actor: &Actor,
        said: &Said<'_>,
        number: &str,
        version: i64,
    ) -> Result<crate::event::SealedEvent> {
        let (found, hashes) = (said.found, said.hashes);
        let counts = |map: &BTreeMap<String, u64>| -> Value {
            map.iter()
                .map(|(k, n)| (k.clone(), Value::from(*n)))
                .collect()
        };
        let bad: Vec<Value> = found.bad.iter().map(|b| Value::from(b.line)).collect();
        let object = Value::from_iter([
            ("id".to_owned(), Value::from(said.object.to_string())),
            (
                "sealed_sha256".to_owned(),
                said.placed.sha256.to_string().into(),
            ),
            ("sealed_size".to_owned(), said.placed.len.into()),
        ]);
        let has_bad = !bad.is_empty();
        let event = self
            .draft("list_imported", actor)
            .custody("member", actor.member.as_str())
            .custody("list", number)
            .custody("version", version)
            .custody("class", said.import.class.word())
            .custody("shared", said.import.shared)
            .content("name", said.name)
            .content("entries", found.entries)
            .content("by", counts(&found.by))
            .content("others", counts(&found.others))
            .content("bad", found.bad_count)
            .content_opt("bad_lines", has_bad.then_some(Value::Array(bad)))
            .content_opt("kind_of_names", said.import.kind.map(Kind::word))
            .content("size", hashes.size)
            .content("sha256", hashes.sha256.to_string())
            .content("blake3", hashes.blake3.to_string())
            .content_opt("database", said.database.map(Database::said))
            .content("object", object)
            .signed(actor, &self.config.origin)?;
        let scope = self.keys.scope_key(said.scope)?;
        event.seal(&scope, said.own, &*self.ambient.random)
    }
}

/// What the event of an import says.
struct Said<'a> {
    import: &'a Import<'a>,
    database: Option<&'a Database>,
    name: &'a str,
    found: &'a Looked,
    object: ObjectId,
    placed: Placed,
    hashes: &'a Hashes,
    scope: u64,
    own: &'a NumberedKey,
}

/// The number of a list and of its version: the next one of the former version's, or a new list's.
fn number_of(session: &mut Session, former: Option<&List>) -> Result<(String, i64)> {
    let count = |session: &mut Session, sql: &str, values: &[crate::sql::Value]| -> Result<i64> {
        let row = session.query_one(sql, values)?;
        Ok(row
            .map(|r| r.opt_int(0))
            .transpose()?
            .flatten()
            .unwrap_or(0))
    };
    match former {
        Some(former) => {
            let number = former.number.clone();
            let sql = "SELECT max(version) FROM lists WHERE number = ?";
            let last = count(session, sql, &[number.as_str().into()])?;
            Ok((number, last + 1))
        }
        None => {
            let lists = count(session, "SELECT count(DISTINCT number) FROM lists", &[])?;
            Ok((format!("L{:04}", lists + 1), 1))
        }
    }
}

fn member_scope(session: &mut Session, member: &str) -> Result<u64> {
    let sql = "SELECT scope_key FROM members WHERE code = ?";
    let row = session.query_one(sql, &[member.into()])?;
    Ok(row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64)
}

pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| AppError::Io {
        path: path.display().to_string(),
        source,
    })
}

/// The bytes that are brought: those of the file, or the text of its table.
fn source(import: &Import<'_>, database: Option<&Database>) -> Result<Box<dyn Read + Send>> {
    Ok(match database {
        Some(database) => Box::new(database.rows(import.file)),
        None => Box::new(open(import.file)?),
    })
}

/// Hashes what passes.
struct Passing<'a> {
    file: Box<dyn Read + Send>,
    hasher: &'a mut Hasher,
}

impl Read for Passing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Counts what is in the file, and hashes it: what is sealed afterwards must be the same.
fn look_through(import: &Import<'_>, database: Option<&Database>) -> Result<(Looked, Hashes)> {
    let mut hasher = Hasher::new(Also::default());
    let passing = Passing {
        file: source(import, database)?,
        hasher: &mut hasher,
    };
    let mut input = BufReader::with_capacity(1 << 20, passing);
    let mut found = Looked::default();
    if import.class == Class::Names {
        names(&mut input, import, &mut found)?;
    } else {
        files(&mut input, import, &mut found)?;
    }
    drop(input);
    Ok((found, hasher.finish()))
}

/// Why the file is no list.
fn unlike(import: &Import<'_>, error: &ListError) -> AppError {
    let file = import.file.display();
    AppError::Usage(format!("{file}: {error}; nothing was brought in"))
}

/// Looks through a list of files.
fn files(input: &mut dyn BufRead, import: &Import<'_>, found: &mut Looked) -> Result<()> {
    read_files(input, &mut |line| {
        match line {
            FileLine::File { digests, .. } => {
                found.entries += 1;
                let sums: Vec<&str> = digests.iter().map(|d| d.sum.name()).collect();
                *found.by.entry(sums.join(", ")).or_default() += 1;
            }
            FileLine::Head { .. } => {}
            FileLine::Bad { line, what } => found.take_bad(line, what),
        }
        true
    })
    .map_err(|e| unlike(import, &e))
}

/// Looks through a list of names.
fn names(input: &mut dyn BufRead, import: &Import<'_>, found: &mut Looked) -> Result<()> {
    read_names(input, import.kind, &mut |line| {
        match line {
            Line::Entity(entity) => {
                found.entries += 1;
                *found.by.entry(entity.kind.word().to_owned()).or_default() += 1;
            }
            Line::Other(schema) => {
                let many = found.others.len() >= 100;
                let schema = if many { "other".to_owned() } else { schema };
                *found.others.entry(schema).or_default() += 1;
            }
            Line::Bad { line, what } => found.take_bad(line, what),
        }
        found.entries <= MAX_ENTITIES
    })
    .map_err(|e| unlike(import, &e))?;
    if found.entries > MAX_ENTITIES {
        return Err(AppError::Usage(format!(
            "{} has more than {MAX_ENTITIES} entities, which is more than can be held in memory: bring it in parts",
            import.file.display()
        )));
    }
    Ok(())
}
