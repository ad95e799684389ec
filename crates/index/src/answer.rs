//! What a question finds: how many, which, how they are spread, and where the words stand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use comity_search::query::Query;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::Value;
use tantivy::Searcher;

use crate::document::read_parts;
use crate::error::{IndexError, Result};
use crate::eval::{self, Asking, Segment, Slots};
use crate::fields::{self, column};
use crate::highlight::{Found, Marker};
use crate::index::Index;
use crate::kept::{Kept, broken};
use crate::known::{Conditions, Known};
use crate::lexicon::Words;
use crate::lists::{Class, Mention, OnList, Seen, SeenList};
use crate::near;
use crate::order::{Hits, Of, Place};
use crate::scope::{Scope, Visible};
use crate::suggest::{self, Suggestion};
use crate::values::Open;

/// What is asked of the indexes.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The question.
    pub query: Query,
    /// What may be found.
    pub scope: Scope,
    /// Whether words without a sign mean their exact form alone.
    pub exact: bool,
    /// Whether names are found in another alphabet.
    pub transliterate: bool,
    /// In which order hits come.
    pub sort: Sort,
    /// The lists that may be looked at.
    pub lists: Vec<SeenList>,
}

/// The order of hits. What is equal comes in the order of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// What fits best first.
    Relevance,
    /// The earliest date of the item first; items without one last.
    Date,
    /// By evidence registration number.
    Ern,
}

/// How many hits have each value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The column's name, as it is typed in a question.
    pub field: String,
    /// Values and counts, the most frequent first.
    pub counts: Vec<(String, u64)>,
}

/// Columns that are counted.
const FACETS: [&str; 8] = [
    column::TYPE,
    column::LANGUAGE,
    column::SOURCE,
    column::CASE,
    column::STATE,
    column::YEAR,
    column::PLACE,
    column::HANDLING,
];

/// An item that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its evidence registration number.
    pub ern: String,
    /// The code of its case.
    pub case: String,
    /// Its states.
    pub states: Vec<String>,
    /// Its path as it is shown.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// When it was received, microseconds since 1970.
    pub received: i64,
    /// The type of its content.
    pub media_type: Option<String>,
    /// Where the words of the question stand in it, the first few.
    pub found: Vec<Found>,
    /// Who on the lists that may be looked at is named in it.
    pub names: Vec<Mention>,
    /// Which of these lists know it as a file.
    pub on_lists: Vec<OnList>,
    /// Which of its dates, places and languages fit what was asked, and where they come from.
    pub known: Vec<Known>,
}

/// The answer to a question.
pub struct Answer<'a> {
    indexes: &'a [Index],
    searchers: Vec<Searcher>,
    found: Hits,
    marker: Marker,
    conditions: Conditions,
    seen: Seen,
    /// How they are spread, exactly.
    pub facets: Vec<Facet>,
    /// For words that stand in nothing that may be found: what was perhaps meant.
    pub instead: Vec<Suggestion>,
    /// For a question that is the beginning of a word: the words that begin so, and in how many items each stands.
    pub begin_so: Vec<(String, u64)>,
    /// How many items may be found at all.
    pub items: u64,
    /// How many of these have each set of states: how they ended when they were met, and when they were read.
    pub states: BTreeMap<Vec<String>, u64>,
    /// Where it was asked what lists of files say: how many of these could not be held against a list, by its number.
    pub not_held: Vec<(String, u64)>,
}

/// Asks these indexes.
///
/// # Errors
/// [`IndexError::Question`] where the question cannot be honoured exactly; [`IndexError::Damaged`].
pub fn ask<'a>(indexes: &'a [Index], ask: &Ask) -> Result<Answer<'a>> {
    let asked = answered(indexes, ask);
    // The first index whose file did not open names it.
    match indexes.iter().find_map(Index::damage) {
        Some(what) if asked.is_err() => Err(IndexError::Damaged { what }),
        _ => asked,
    }
}

fn answered<'a>(indexes: &'a [Index], ask: &Ask) -> Result<Answer<'a>> {
    let searchers: Vec<Searcher> = indexes.iter().map(Index::searcher).collect();
    let held = indexes.iter().zip(&searchers);
    let held = held.map(|(index, searcher)| index.held.of(searcher, &index.fields));
    let held: Vec<Vec<Arc<Open>>> = held.collect::<Result<_>>()?;
    let lexicons = indexes.iter().zip(&searchers).zip(&held).enumerate();
    let lexicons: Vec<Words<'_>> = lexicons
        .map(|(number, ((index, searcher), open))| {
            Words::new(number, open, searcher, &index.looked_up)
        })
        .collect();
    let views = indexes.iter().zip(&searchers).zip(&held);
    let views = views.map(|((index, searcher), open)| {
        let (views, fields) = (&index.views, &index.fields);
        views.of(&ask.scope, searcher, open, fields, &index.member)
    });
    let views: Vec<Arc<Vec<Visible>>> = views.collect::<Result<_>>()?;
    let mut segments = Vec::new();
    let mut of = Vec::new();
    let opened = indexes.iter().zip(&searchers).zip(&lexicons);
    let opened = opened.zip(held.iter().zip(&views));
    for (i, (((index, searcher), words), (held, view))) in opened.enumerate() {
        let readers = searcher.segment_readers().iter().zip(held).zip(view.iter());
        for (ord, ((reader, open), visible)) in readers.enumerate() {
            segments.push(Segment {
                number: segments.len(),
                reader,
                open,
                fields: &index.fields,
                words,
                member: &index.member,
                visible: &visible.docs,
                count: visible.count,
                whole: visible.whole,
            });
            of.push(Of {
                index: i as u32,
                member: indexes.iter().filter(|o| o.member < index.member).count() as u32,
                segment: ord as u32,
                open: Arc::clone(open),
            });
        }
    }
    let likes = eval::likes(&segments, &ask.query)?;
    let seen = Seen::new(&ask.lists);
    let asking = Asking {
        lists: &seen,
        segments: &segments,
        likes: &likes,
        exact: ask.exact,
        transliterate: ask.transliterate,
        slots: Slots::default(),
    };
    let sets = asking.eval(&ask.query)?;
    let any = sets.iter().any(|set| !set.is_empty());
    let instead = suggest::instead(&asking, &ask.query, any)?;
    let begin_so = suggest::completions(&asking, &ask.query)?;
    let mut facets: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); FACETS.len()];
    let mut members: BTreeMap<String, u64> = BTreeMap::new();
    let (mut names, mut known) = (BTreeMap::new(), BTreeMap::new());
    let found_in = segments.iter().zip(&sets);
    for (segment, set) in found_in.filter(|(_, set)| !set.is_empty()) {
        let open = segment.open;
        let kinds = open.values.kinds(set.iter().map(|(doc, _)| *doc));
        for (name, counts) in FACETS.iter().zip(&mut facets) {
            open.count(name, &kinds, set, counts)?;
        }
        for (name, counts) in [(column::NAME, &mut names), (column::KNOWN, &mut known)] {
            open.count(name, &kinds, set, counts)?;
        }
        *members.entry(segment.member.to_owned()).or_default() += set.len() as u64;
    }
    let found = Hits::new(of, sets, ask.sort);
    let mut on_files = BTreeMap::new();
    if Seen::asks_files(&ask.query) {
        for s in &segments {
            let docs = (0..s.reader.max_doc()).filter(|doc| s.visible.contains(*doc));
            let docs: Vec<_> = docs.map(|doc| (doc, 0.0)).collect();
            let kinds = s.open.values.kinds(docs.iter().map(|(doc, _)| *doc));
            s.open.count(column::KNOWN, &kinds, &docs, &mut on_files)?;
        }
    }
    let not_held = seen.not_held(&on_files);
    let items = segments.iter().map(|s| s.count).sum();
    let mut states = BTreeMap::new();
    for (state, count) in views.iter().flat_map(|v| v.iter()).flat_map(|v| &v.states) {
        *states.entry(state.clone()).or_default() += count;
    }
    let marker = Marker::new(&ask.query, &|word| asking.slot(word), &lexicons)?;
    drop(segments);
    let mut spread = vec![facet("member", members)];
    spread.extend(
        FACETS
            .iter()
            .zip(facets)
            .map(|(name, counts)| facet(name, counts)),
    );
    for (name, counts, class) in [
        ("name", &names, Class::Names),
        ("known", &known, Class::Known),
        ("watch", &known, Class::Watch),
    ] {
        spread.push(facet(name, seen.shown(counts.clone(), class)));
    }
    Ok(Answer {
        indexes,
        marker,
        conditions: Conditions::of(&ask.query, likes)?,
        searchers,
        found,
        seen,
        facets: spread,
        instead,
        begin_so,
        items,
        states,
        not_held,
    })
}

fn facet(field: &str, counts: BTreeMap<String, u64>) -> Facet {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Facet {
        field: field.to_owned(),
        counts,
    }
}

impl Answer<'_> {
    /// How many items fit.
    pub fn count(&self) -> u64 {
        self.found.len() as u64
    }

    /// The hits of a page, with highlights. `after` names the last hit of the page before.
    ///
    /// # Errors
    /// [`IndexError::Question`] if `after` is no hit; [`IndexError::Damaged`].
    pub fn page(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Hit>> {
        let start = match after {
            None => 0,
            Some(ern) => self.after(ern)?,
        };
        let end = start.saturating_add(limit).min(self.found.len());
        self.found.order_to(end);
        self.hits(start..end, true)
    }

    /// Calls `each` with every hit, in order, without highlights.
    ///
    /// # Errors
    /// What `each` answers; [`IndexError::Damaged`].
    pub fn each<E: From<IndexError>>(
        &mut self,
        each: &mut dyn FnMut(Hit) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.found.order_to(self.found.len());
        for start in (0..self.found.len()).step_by(1000) {
            let end = (start + 1000).min(self.found.len());
            for hit in self.hits(start..end, false)? {
                each(hit)?;
            }
        }
        Ok(())
    }

    /// Where the hits after this one begin.
    fn after(&mut self, ern: &str) -> Result<usize> {
        self.found.order_to(self.found.len());
        let wanted = fields::Place::of(ern);
        for (i, place) in self.found.places(0..self.found.len()).enumerate() {
            let Some(index) = self.indexes.get(place.index as usize) else {
                continue;
            };
            // Only numbers of its member come into question, and they are read one by one.
            if ern.starts_with(index.member.as_str())
                && place.order() == wanted
                && self.hit(place, false)?.ern == ern
            {
                return Ok(i + 1);
            }
        }
        Err(IndexError::Question(format!(
            "{ern} is not among the hits, so nothing comes after it"
        )))
    }

    fn hits(&self, range: Range<usize>, mark: bool) -> Result<Vec<Hit>> {
        let places: Vec<Place<'_>> = self.found.places(range).collect();
        let read = |place: Place<'_>| {
            let mut hit = self.hit(place, mark)?;
            hit.names.retain(|n| self.seen.has(n.list));
            hit.on_lists.retain(|k| self.seen.has(k.list));
            Ok(hit)
        };
        let read: Result<Vec<Hit>> = places.into_par_iter().map(read).collect();
        match self.indexes.iter().find_map(Index::damage) {
            Some(what) if read.is_err() => Err(IndexError::Damaged { what }),
            _ => read,
        }
    }

    fn hit(&self, place: Place<'_>, mark: bool) -> Result<Hit> {
        let searcher = self.searchers.get(place.index as usize);
        let searcher = searcher.ok_or_else(broken)?;
        let kept = Kept::of(searcher, place.at)?;
        let (head, words) = kept.read()?;
        let mut hit = read_hit(&head).ok_or_else(broken)?;
        if mark {
            let parts = read_parts(&head, words).ok_or_else(broken)?;
            let languages = languages(&head).ok_or_else(broken)?;
            hit.found = self.marker.mark(&parts, &languages);
        }
        hit.known = self.conditions.known(&head).ok_or_else(broken)?;
        if self.conditions.compare() {
            let traits = near::traits(
                searcher.segment_reader(place.at.segment_ord),
                place.at.doc_id,
            )?;
            hit.known.extend(self.conditions.alike(&traits));
        }
        Ok(hit)
    }
}

fn languages(head: &Value) -> Option<Vec<String>> {
    let languages = head.get("languages")?.as_array()?.iter();
    let code = |spoken: &Value| Some(spoken.get(0)?.as_str()?.to_owned());
    languages.map(code).collect()
}

fn read_hit(value: &Value) -> Option<Hit> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let texts = |name: &str| -> Option<Vec<String>> {
        let list = value.get(name)?.as_array()?.iter();
        list.map(|v| v.as_str().map(str::to_owned)).collect()
    };
    Some(Hit {
        ern: text("ern")?,
        case: text("case")?,
        states: texts("states")?,
        path: text("path")?,
        size: value.get("size")?.as_u64()?,
        received: value.get("received")?.as_i64()?,
        media_type: text("type"),
        found: Vec::new(),
        known: Vec::new(),
        names: value
            .get("names")?
            .as_array()?
            .iter()
            .map(Mention::read)
            .collect::<Option<_>>()?,
        on_lists: value
            .get("lists")?
            .as_array()?
            .iter()
            .map(OnList::read)
            .collect::<Option<_>>()?,
    })
}
