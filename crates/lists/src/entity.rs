//! What stands in a list of names, read as a stream: FollowTheMoney JSON lines, or a table.

use std::io::{BufRead, Read};

use serde_json::Value;

/// A line, or row of a table, may be so long, in bytes. A longer one is bad, and the whole of it is passed over.
pub const MAX_LINE: u64 = 4 << 20;
/// Names of one entity that are looked at.
const MAX_NAMES: usize = 1000;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A human being.
    Person,
    /// An organisation, company or authority.
    Organisation,
    /// A place or address.
    Place,
    /// A unit of armed forces.
    Unit,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Person, Kind::Organisation, Kind::Place, Kind::Unit];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Organisation => "organisation",
            Kind::Place => "place",
            Kind::Unit => "unit",
        }
    }

    /// From a word of ours or a schema of FollowTheMoney; `None` for what is not known by a name of its own.
    pub fn of(word: &str) -> Option<Kind> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "person" => Kind::Person,
            "organisation" | "organization" | "company" | "legalentity" | "publicbody" => {
                Kind::Organisation
            }
            "place" | "address" => Kind::Place,
            "unit" => Kind::Unit,
            _ => return None,
        })
    }
}

/// Somebody or something with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its id in the list.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// The name that it is shown by.
    pub caption: String,
    /// Its other names.
    pub names: Vec<String>,
    /// Surnames, where the list tells them apart: initials stand before or after these.
    pub surnames: Vec<String>,
    /// Dates of birth, as the list gives them.
    pub births: Vec<String>,
    /// Countries, as the list gives them.
    pub countries: Vec<String>,
    /// Where the list has it from.
    pub sources: Vec<String>,
}

/// A line of a list, or row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entity.
    Entity(Box<Entity>),
    /// It speaks of something that has no name to be found: the schema says what.
    Other(String),
    /// It is not what it should be.
    Bad {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// Why a list cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file does not come.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is no list of the kind.
    #[error("{0}")]
    Unlike(String),
}

/// Reads a list of names, a line at a time, until `each` answers `false`. What begins with `{` is FollowTheMoney (JSON, an
/// entity a line); anything else is a table with a head. `kind` is that of rows that do not say what they are.
///
/// # Errors
/// If the file cannot be read, or its head names no column of names. A single line that is wrong is [`Line::Bad`].
pub fn read_names(
    input: &mut dyn BufRead,
    kind: Option<Kind>,
    each: &mut dyn FnMut(Line) -> bool,
) -> Result<(), ListError> {
    let begin = input.fill_buf()?;
    if begin.starts_with(b"\xEF\xBB\xBF") {
        input.consume(3);
    }
    let begin = input.fill_buf()?;
    match begin.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => lines(input, each),
        Some(_) => crate::table::rows(input, kind, each),
        None => Err(ListError::Unlike("it is empty".to_owned())),
    }
}

fn lines(input: &mut dyn BufRead, each: &mut dyn FnMut(Line) -> bool) -> Result<(), ListError> {
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        let mut piece = Read::take(&mut *input, MAX_LINE);
        let count = piece.read_until(b'\n', &mut bytes)?;
        if count == 0 {
            break;
        }
        let read = if count as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
            skip_line(input)?;
            Err(format!("it is longer than {MAX_LINE} bytes"))
        } else if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        } else {
            ftm(&bytes)
        };
        if !each(read.unwrap_or_else(|what| Line::Bad { line, what })) {
            break;
        }
    }
    Ok(())
}

/// Goes on after the end of the line. Gives how many bytes were passed over.
pub(crate) fn skip_line(input: &mut dyn BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let piece = input.fill_buf()?;
        let (len, is_end) = match piece.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (piece.len(), piece.is_empty()),
        };
        input.consume(len);
        skipped += len as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}

/// An entity as FollowTheMoney writes it: `id`, `schema`, `caption`, and `properties` with lists of texts.
fn ftm(bytes: &[u8]) -> Result<Line, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("it is no JSON: {e}"))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::trim);
    let schema = text("schema").ok_or("it has no schema")?;
    let Some(kind) = Kind::of(schema) else {
        return Ok(Line::Other(schema.to_owned()));
    };
    let id = text("id")
        .filter(|id| !id.is_empty())
        .ok_or("it has no id")?;
    let all = |names: &[&str]| -> Vec<String> {
        let lists = names.iter().filter_map(|n| value.get("properties")?.get(n));
        let lists = lists.filter_map(Value::as_array).flatten();
        let texts = lists.filter_map(Value::as_str).map(|t| t.trim().to_owned());
        texts.filter(|t| !t.is_empty()).collect()
    };
    const NAMES: [&str; 6] = [
        "name",
        "alias",
        "previousName",
        "weakAlias",
        "abbreviation",
        "full",
    ];
    let mut names = all(&NAMES);
    let surnames = all(&["lastName"]);
    // Names that stand in parts alone are put together.
    let mut parts = all(&["firstName"]);
    parts.extend(all(&["lastName"]));
    if names.is_empty() && parts.len() > 1 {
        names.push(parts.join(" "));
    }
    let caption = text("caption").map(str::to_owned).filter(|c| !c.is_empty());
    let sources = match value.get("datasets").and_then(Value::as_array) {
        Some(list) => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        None => all(&["sourceUrl"]),
    };
    entity(Entity {
        id: id.to_owned(),
        kind,
        caption: caption.unwrap_or_default(),
        names,
        surnames,
        births: all(&["birthDate"]),
        countries: all(&["country", "nationality", "citizenship", "jurisdiction"]),
        sources,
    })
}

/// Puts the caption before the names, each name once.
pub(crate) fn entity(mut entity: Entity) -> Result<Line, String> {
    if entity.caption.is_empty() {
        entity.caption = match entity.names.first() {
            Some(name) => name.clone(),
            None => return Err("it has no name".to_owned()),
        };
    }
    let mut names: Vec<String> = Vec::with_capacity(entity.names.len());
    for name in entity.names.drain(..) {
        if name != entity.caption && !names.contains(&name) && names.len() < MAX_NAMES {
            names.push(name);
        }
    }
    entity.names = names;
    for list in [
        &mut entity.births,
        &mut entity.countries,
        &mut entity.sources,
    ] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(Line::Entity(Box::new(entity)))
}
