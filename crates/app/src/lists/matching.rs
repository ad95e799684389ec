//! Items are held against lists when they are brought into the search index.

use std::collections::BTreeMap;
use std::io::BufReader;

use comity_index::{Class, Document, Mention, OnList};
use comity_lists::{Digest, Kind, Line, Memory, Named, Names, Sum, read_names};

use super::List;
use super::digests::OpenList;
use crate::centre::Centre;
use crate::error::{AppError, Result};

/// Entities of one list that are kept of one item. A list that was itself taken in as evidence names all of them.
const MOST: usize = 10_000;
/// Other names of an entity that are kept with a match, so that it is found by them.
const OTHER_NAMES: usize = 50;

/// The lists that a member's items are held against, loaded when the first item comes.
pub(crate) struct Matching<'a> {
    centre: &'a Centre,
    lists: Vec<List>,
    loaded: Option<AllLoaded>,
    /// What had to be made anew, and why, a sentence each.
    pub said: Vec<String>,
}

/// All lists, ready to hold items against.
struct AllLoaded {
    names: Vec<Loaded>,
    /// Lists of files, each with the leaf of its import.
    files: Vec<(u64, OpenList)>,
}

struct Loaded {
    leaf: u64,
    names: Names,
    /// Other names of entities, by number, from `start` of `all` on.
    others: Others,
    memory: Memory,
}

/// The other names of all entities, one after the other.
#[derive(Default)]
struct Others {
    text: String,
    ends: Vec<usize>,
}

impl Others {
    fn push(&mut self, names: &[String]) {
        for name in names.iter().take(OTHER_NAMES) {
            self.text.push_str(&name.replace('\n', " "));
            self.text.push('\n');
        }
        self.ends.push(self.text.len());
    }

    fn of(&self, entity: u32) -> Vec<String> {
        let at = entity as usize;
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = at
            .checked_sub(1)
            .and_then(|n| self.ends.get(n))
            .copied()
            .unwrap_or(0);
        let text = self.text.get(start..end).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Centre {
    /// What the items of a member are held against: the lists in force, but those of another member whose scope is
    /// locked, of which nothing may be written under a key that opens without its desk.
    pub(crate) fn matching(&self, member: &str) -> Result<Matching<'_>> {
        let mut session = self.session()?;
        let rows = session.query("SELECT code FROM members WHERE lock = 1", &[])?;
        let locked: Vec<String> = rows
            .iter()
            .map(|row| Ok(row.text(0)?.to_owned()))
            .collect::<Result<_>>()?;
        let mut lists = self.lists_in_force(&mut session)?;
        lists.retain(|list| {
            let open = list.member == member || !locked.contains(&list.member);
            open && list.facts.is_some()
        });
        Ok(Matching {
            centre: self,
            lists,
            loaded: None,
            said: Vec::new(),
        })
    }
}

impl Matching<'_> {
    /// The leaves of the lists.
    pub fn leaves(&self) -> Vec<u64> {
        let mut leaves: Vec<u64> = self.lists.iter().map(|l| l.leaf).collect();
        leaves.sort_unstable();
        leaves
    }

    /// Adds to an item what the lists say of it.
    pub fn add_to(&mut self, document: &mut Document) -> Result<()> {
        let AllLoaded { names, files } = match &mut self.loaded {
            Some(loaded) => loaded,
            loaded => {
                let mut session = self.centre.session()?;
                let (mut names, mut files) = (Vec::new(), Vec::new());
                for list in &self.lists {
                    match list.class {
                        Class::Names => names.push(self.centre.load_names(list)?),
                        Class::Known | Class::Watch => {
                            let opened =
                                self.centre.open_list(&mut session, list, &mut self.said)?;
                            files.push((list.leaf, opened));
                        }
                    }
                }
                loaded.insert(AllLoaded { names, files })
            }
        };
        for list in names {
            list.add_to(document);
        }
        let mut digests = digests(document);
        digests.sort_by_key(|d| std::cmp::Reverse(d.sum));
        for (leaf, list) in files {
            hold_against(*leaf, list, &digests, document)?;
        }
        Ok(())
    }
}

/// Holds an item with these digests, the strongest first, against a list of files. An item has the SHA-256 of its bytes;
/// where a list has lines by another kind of digest alone that the item has none of, it could not be held against it.
fn hold_against(
    leaf: u64,
    list: &mut OpenList,
    digests: &[Digest],
    document: &mut Document,
) -> Result<()> {
    for digest in digests {
        if let Some(name) = list.find(digest)? {
            document.on_lists.push(OnList {
                list: leaf,
                name,
                by: digest.sum.name().to_owned(),
            });
            return Ok(());
        }
    }
    let lacks = |sum: &Sum| list.has(*sum) && digests.iter().all(|d| d.sum != *sum);
    if !digests.is_empty() && [Sum::Sha1, Sum::Md5].iter().any(lacks) {
        document.not_held.push(leaf);
    }
    Ok(())
}

/// The digests of an item, as its document has them.
fn digests(document: &Document) -> Vec<Digest> {
    let sums = ["sha256", "sha1", "md5"];
    let details = document.details.iter();
    let own = details.filter(|(label, _)| sums.contains(&label.as_str()));
    own.filter_map(|(_, digits)| Digest::parse(digits))
        .collect()
}

impl Centre {
    fn load_names(&self, list: &List) -> Result<Loaded> {
        let bytes = self.list_reader(&mut self.session()?, list)?;
        let kind = list
            .facts
            .as_ref()
            .and_then(|f| Kind::of(f.kind.as_deref()?));
        let (mut building, mut others) = (Names::build(), Others::default());
        let mut input = BufReader::with_capacity(1 << 20, bytes);
        let read = read_names(&mut input, kind, &mut |line| {
            if let Line::Entity(entity) = line {
                building.add(&entity);
                others.push(&entity.names);
            }
            !building.is_full()
        });
        let wrong = |what: String| AppError::damaged(format!("list {}", list.number), what);
        read.map_err(|e| wrong(e.to_string()))?;
        if building.is_full() {
            return Err(wrong("its names take more than 4 GiB".to_owned()));
        }
        Ok(Loaded {
            leaf: list.leaf,
            names: building.finish(),
            others,
            memory: Memory::default(),
        })
    }
}

/// A part of an item in which an entity stands.
struct Seen {
    first: Mention,
    places: u64,
}

impl Loaded {
    fn add_to(&mut self, document: &mut Document) {
        let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
        let named = document
            .named
            .iter()
            .map(|(f, words)| (f.word(), words.as_str()));
        let details = document
            .details
            .iter()
            .map(|(l, words)| (l.as_str(), words.as_str()));
        let path = [("path", document.path.as_str())].into_iter();
        for (part, words) in path.chain(named).chain(details) {
            for found in self.names.find(words, true, &mut self.memory) {
                self.meet(&mut seen, &found, part, words);
            }
        }
        for run in document.text.chunk_by(|_, next| next.flows) {
            // Where a text flows on, a name may stand at the end of one passage and the beginning of the next.
            let mut whole = String::new();
            let mut starts = Vec::with_capacity(run.len());
            for passage in run {
                starts.push(whole.len());
                whole.push_str(&passage.text);
                whole.push('\n');
            }
            for found in self.names.find(&whole, false, &mut self.memory) {
                let at = starts
                    .partition_point(|s| *s <= found.start)
                    .saturating_sub(1);
                let part = run.get(at).map_or("text", |p| p.anchor.as_str());
                self.meet(&mut seen, &found, part, &whole);
            }
        }
        document
            .mentions
            .extend(seen.into_values().map(|s| Mention {
                places: s.places,
                ..s.first
            }));
    }

    fn meet(&self, seen: &mut BTreeMap<u32, Seen>, found: &Named, part: &str, text: &str) {
        if let Some(known) = seen.get_mut(&found.entity) {
            known.places += 1;
            return;
        }
        if seen.len() == MOST {
            seen.insert(
                u32::MAX,
                Seen {
                    first: self.and_more(),
                    places: 0,
                },
            );
        }
        if seen.len() > MOST {
            return;
        }
        let of = self.names.entity(found.entity);
        let stands = text.get(found.start..found.end).unwrap_or_default();
        let first = Mention {
            list: self.leaf,
            id: of.id.to_owned(),
            kind: of.kind.word().to_owned(),
            caption: of.caption.to_owned(),
            names: self.others.of(found.entity),
            how: found.how.to_string(),
            part: part.to_owned(),
            text: stands.replace(['\n', '\r', '\t'], " "),
            places: 0,
        };
        seen.insert(found.entity, Seen { first, places: 1 });
    }

    /// Says that not all were kept.
    fn and_more(&self) -> Mention {
        Mention {
            list: self.leaf,
            id: "and-more".to_owned(),
            kind: "note".to_owned(),
            caption: format!(
                "more than {MOST} of the list's names stand in it: the others are not found by name"
            ),
            names: Vec::new(),
            how: String::new(),
            part: String::new(),
            text: String::new(),
            places: 0,
        }
    }
}
