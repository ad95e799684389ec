//! All groups of items that are nearly the same, among what may be found.
//!
//! A group is what hangs together: from each of its items to each other leads a chain of which every two neighbours are
//! nearly the same. It is made of what may be found alone, anew each time: a hidden item joins nothing. Items are not
//! compared each with each: a sketch is cut into so many bands that two sketches that are nearly the same must have one
//! of them in common, and only those are compared. So nothing is missed.

use std::collections::BTreeMap;

use tantivy::{DocAddress, Searcher};

use crate::error::{IndexError, Result};
use crate::fields::{self, column};
use crate::index::Index;
use crate::kept::{Kept, broken};
use crate::near::{self, Traits};
use crate::scope::Scope;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Texts, by their runs of words.
    Texts,
    /// Pictures, by what they look like.
    Pictures,
}

/// An item of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its evidence registration number.
    pub ern: String,
    /// The code of its case.
    pub case: String,
    /// Its path as it is shown.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// How like the first of the group it is, in words; nothing of the first itself.
    pub like: Option<String>,
}

/// The groups that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// How many groups there are,
    pub count: u64,
    /// with so many items.
    pub items: u64,
    /// Those of the page, each in the order of numbers.
    pub page: Vec<Vec<Member>>,
}

/// Finds all groups, and tells those of a page: `limit` of them, in the order of their first items' numbers, from the one
/// on that follows the group whose first item is `after`. It holds 150 bytes of each text in memory, 32 of each picture.
///
/// # Errors
/// [`IndexError::Question`] if `after` is the first of no group; [`IndexError::Damaged`].
pub fn groups(
    indexes: &[Index],
    scope: &Scope,
    compared: Compared,
    after: Option<&str>,
    limit: usize,
) -> Result<Groups> {
    let found = all(indexes, scope, compared, after, limit);
    match indexes.iter().find_map(Index::damage) {
        Some(what) if found.is_err() => Err(IndexError::Damaged { what }),
        _ => found,
    }
}

fn all(
    indexes: &[Index],
    scope: &Scope,
    compared: Compared,
    after: Option<&str>,
    limit: usize,
) -> Result<Groups> {
    let searchers: Vec<Searcher> = indexes.iter().map(Index::searcher).collect();
    let gathered = Gathered::of(indexes, &searchers, scope, compared)?;
    let mut groups = gathered.groups();
    let place = |at: &u32| gathered.places.get(*at as usize);
    let order = |at: &u32| {
        place(at).map(|p| {
            (
                indexes.get(p.index as usize).map(|i| &i.member),
                p.order,
                p.at,
            )
        })
    };
    for group in &mut groups {
        group.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
    }
    groups.sort_unstable_by(|a, b| a.first().map(order).cmp(&b.first().map(order)));
    let kept = |at: u32| gathered.kept(at, &searchers);
    let start = match after {
        None => 0,
        Some(ern) => {
            let wanted = fields::Place::of(ern);
            let mut found = None;
            for (n, group) in groups.iter().enumerate() {
                let Some(first) = group.first() else { continue };
                let may_be = place(first).is_some_and(|p| p.order == wanted);
                if may_be && kept(*first)?.ern == ern {
                    found = Some(n + 1);
                }
            }
            found.ok_or_else(|| {
                IndexError::Question(format!(
                    "{ern} is the first of no group, so nothing comes after it"
                ))
            })?
        }
    };
    let mut page = Vec::new();
    for group in groups.iter().skip(start).take(limit) {
        let mut members = Vec::with_capacity(group.len());
        for at in group {
            let mut member = kept(*at)?;
            member.like = group
                .first()
                .filter(|first| *first != at)
                .and_then(|first| gathered.traits(*first).how_like(&gathered.traits(*at)));
            members.push(member);
        }
        page.push(members);
    }
    Ok(Groups {
        count: groups.len() as u64,
        items: groups.iter().map(|g| g.len() as u64).sum(),
        page,
    })
}

/// Where an item stands.
struct Place {
    index: u32,
    at: DocAddress,
    order: fields::Place,
}

/// What may be found and can be compared.
struct Gathered {
    compared: Compared,
    places: Vec<Place>,
    /// Of each, its sketch, or what it looks like: so many numbers each.
    numbers: Vec<u64>,
}

impl Gathered {
    fn of(
        indexes: &[Index],
        searchers: &[Searcher],
        scope: &Scope,
        compared: Compared,
    ) -> Result<Gathered> {
        let mut gathered = Gathered {
            compared,
            places: Vec::new(),
            numbers: Vec::new(),
        };
        let (name, width) = (gathered.column(), gathered.width());
        for (n, (index, searcher)) in indexes.iter().zip(searchers).enumerate() {
            let open = index.held.of(searcher, &index.fields)?;
            let (views, fields) = (&index.views, &index.fields);
            let view = views.of(scope, searcher, &open, fields, &index.member)?;
            let readers = searcher.segment_readers().iter().zip(view.iter());
            for (ord, (reader, visible)) in readers.enumerate() {
                let fast = reader.fast_fields();
                let Some(values) = fast.column_opt::<u64>(name)? else {
                    continue;
                };
                let orders = fast.column_opt::<u64>(column::ORDER)?;
                let inner = fast.column_opt::<u64>(column::INNER)?;
                for doc in (0..reader.max_doc()).filter(|doc| visible.docs.contains(*doc)) {
                    let before = gathered.numbers.len();
                    gathered.numbers.extend(values.values_for_doc(doc));
                    if gathered.numbers.len() != before + width {
                        gathered.numbers.truncate(before);
                        continue;
                    }
                    gathered.places.push(Place {
                        index: n as u32,
                        at: DocAddress::new(ord as u32, doc),
                        order: fields::Place {
                            order: orders.as_ref().and_then(|o| o.first(doc)).unwrap_or(0),
                            inner: inner.as_ref().and_then(|o| o.first(doc)).unwrap_or(0),
                        },
                    });
                }
            }
        }
        Ok(gathered)
    }

    fn column(&self) -> &'static str {
        match self.compared {
            Compared::Texts => column::SKETCH,
            Compared::Pictures => column::LOOKS,
        }
    }

    /// Numbers of an item.
    fn width(&self) -> usize {
        match self.compared {
            Compared::Texts => near::LANES / 8,
            Compared::Pictures => 1,
        }
    }

    fn numbers(&self, at: u32) -> &[u64] {
        let (width, at) = (self.width(), at as usize);
        self.numbers
            .get(at * width..(at + 1) * width)
            .unwrap_or_default()
    }

    fn traits(&self, at: u32) -> Traits {
        let numbers = self.numbers(at);
        match self.compared {
            Compared::Texts => Traits {
                sketch: numbers.to_vec(),
                looks: None,
            },
            Compared::Pictures => Traits {
                sketch: Vec::new(),
                looks: numbers.first().copied(),
            },
        }
    }

    fn nearly_the_same(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.numbers(a), self.numbers(b));
        match (self.compared, a.first(), b.first()) {
            (Compared::Texts, ..) => near::texts_alike(a, b),
            (Compared::Pictures, Some(a), Some(b)) => near::pictures_alike(*a, *b),
            (Compared::Pictures, ..) => false,
        }
    }

    /// A band of an item: what it is in each of its parts.
    fn band(&self, at: u32, band: usize, bands: usize) -> u64 {
        let numbers = self.numbers(at);
        let (parts, width) = match self.compared {
            Compared::Texts => (near::LANES, 8),
            Compared::Pictures => (64, 1),
        };
        let of_number = 64 / width;
        let range = band * parts / bands..(band + 1) * parts / bands;
        range.fold(0, |key, part| {
            let number = numbers.get(part / of_number).copied().unwrap_or(0);
            let part = number >> (64 - width * (part % of_number + 1));
            key << width | part & ((1 << width) - 1)
        })
    }

    /// The groups, in no order.
    fn groups(&self) -> Vec<Vec<u32>> {
        let bands = match self.compared {
            Compared::Texts => near::LANES - near::fewest_same_lanes() + 1,
            Compared::Pictures => near::BITS as usize + 1,
        };
        let count = self.places.len() as u32;
        let mut joined = Joined((0..count).collect());
        let mut keys: Vec<(u64, u32)> = Vec::with_capacity(self.places.len());
        for band in 0..bands {
            keys.clear();
            keys.extend((0..count).map(|at| (self.band(at, band, bands), at)));
            keys.sort_unstable();
            for same in keys
                .chunk_by(|(a, _), (b, _)| a == b)
                .filter(|same| same.len() > 1)
            {
                self.join(same, &mut joined);
            }
        }
        let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for at in 0..count {
            groups.entry(joined.root(at)).or_default().push(at);
        }
        groups
            .into_values()
            .filter(|group| group.len() > 1)
            .collect()
    }

    /// Joins those of these items that are nearly the same. What is joined already is not compared again.
    fn join(&self, same: &[(u64, u32)], joined: &mut Joined) {
        let mut parts: Vec<Vec<u32>> = Vec::new();
        let mut by_root: BTreeMap<u32, usize> = BTreeMap::new();
        for (_, at) in same {
            let part = *by_root.entry(joined.root(*at)).or_insert_with(|| {
                parts.push(Vec::new());
                parts.len() - 1
            });
            if let Some(part) = parts.get_mut(part) {
                part.push(*at);
            }
        }
        let mut done: Vec<Vec<u32>> = Vec::new();
        for mut part in parts {
            // It swallows every part before it of which one item is nearly the same as one of its own.
            let near = |other: &Vec<u32>, part: &Vec<u32>| {
                let pairs = other
                    .iter()
                    .flat_map(|a| part.iter().map(move |b| (*a, *b)));
                pairs
                    .into_iter()
                    .find(|(a, b)| self.nearly_the_same(*a, *b))
            };
            let own = part.clone();
            let mut at = 0;
            while let Some(other) = done.get(at) {
                match near(other, &own) {
                    Some((a, b)) => {
                        joined.join(a, b);
                        part.append(&mut done.swap_remove(at));
                    }
                    None => at += 1,
                }
            }
            done.push(part);
        }
    }

    /// What is shown of an item.
    fn kept(&self, at: u32, searchers: &[Searcher]) -> Result<Member> {
        let place = self.places.get(at as usize).ok_or_else(broken)?;
        let searcher = searchers.get(place.index as usize).ok_or_else(broken)?;
        let kept = Kept::of(searcher, place.at)?;
        let (value, _) = kept.read()?;
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Ok(Member {
            ern: text("ern").ok_or_else(broken)?,
            case: text("case").ok_or_else(broken)?,
            path: text("path").ok_or_else(broken)?,
            size: value
                .get("size")
                .and_then(|s| s.as_u64())
                .ok_or_else(broken)?,
            like: None,
        })
    }
}

/// Which items hang together: of each the next on the way to the one that stands for all.
struct Joined(Vec<u32>);

impl Joined {
    fn root(&mut self, mut at: u32) -> u32 {
        loop {
            let next = self.0.get(at as usize).copied().unwrap_or(at);
            if next == at {
                return at;
            }
            let over = self.0.get(next as usize).copied().unwrap_or(next);
            if let Some(way) = self.0.get_mut(at as usize) {
                *way = over;
            }
            at = over;
        }
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(way) = self.0.get_mut(a as usize) {
            *way = b;
        }
    }
}
