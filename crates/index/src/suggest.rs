//! Words that the one who asks may have meant, and words that begin as typed: only those that stand in something that
//! may be found, with how many such items have each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use comity_search::query::{Form, Query, Word};
use comity_words::fold;
use levenshtein_automata::{DFA, Distance};
use tantivy::postings::TermInfo;
use tantivy::termdict::TermStreamer;

use crate::error::Result;
use crate::eval::{Asking, Slots};
use crate::sets::each_doc;
use crate::slot::{Close, How, close_to};
use crate::terms::MARKS;

/// A word of the question that stands in nothing that may be found, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// As it was typed.
    pub typed: String,
    /// What could be asked instead, the nearest and most frequent first.
    pub instead: Vec<Instead>,
}

/// What could be asked instead of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// The word, in small letters and without accents.
    pub word: String,
    /// How it is like the one that was typed.
    pub how: How,
    /// In how many items it stands.
    pub items: u64,
}

/// Suggestions for a word, and words that begin as typed, at most.
const MOST: usize = 5;
const MOST_WORDS: usize = 20;
/// Letters of the shortest word for which others are suggested, and from how many on two letters may differ.
const SHORTEST: usize = 3;
const LONG: usize = 8;

/// What to suggest for the words of a question that match nothing. Words under NOT are no reason for it. `found` says
/// that the question has hits: then every word stands somewhere of which that is asked.
pub(crate) fn instead(asking: &Asking<'_>, query: &Query, found: bool) -> Result<Vec<Suggestion>> {
    let mut words = Vec::new();
    gather(query, found, &mut words);
    let mut suggestions = Vec::new();
    for word in words {
        if asking.stands(word)? {
            continue;
        }
        let mut instead = other_forms(asking, word)?;
        instead.extend(similar(asking, word)?);
        if !instead.is_empty() {
            suggestions.push(Suggestion {
                typed: word.text.clone(),
                instead,
            });
        }
    }
    Ok(suggestions)
}

fn gather<'a>(query: &'a Query, found: bool, out: &mut Vec<&'a Word>) {
    let mut put = |word: &'a Word| {
        if !found && matches!(word.form, Form::Any | Form::Exact) && !out.contains(&word) {
            out.push(word);
        }
    };
    match query {
        Query::Word(word) => put(word),
        Query::Phrase(words) => words.iter().for_each(put),
        Query::Near { left, right, .. } => {
            gather(left, found, out);
            gather(right, found, out);
        }
        Query::And(parts) => parts.iter().for_each(|p| gather(p, found, out)),
        // One of them is found, and nobody knows which.
        Query::Or(parts) => parts.iter().for_each(|p| gather(p, false, out)),
        Query::Field { .. } | Query::Has(_) | Query::Around(_) | Query::Not(_) => {}
    }
}

/// The word itself, where it would be found in another form or another alphabet if these were asked for.
fn other_forms(asking: &Asking<'_>, word: &Word) -> Result<Vec<Instead>> {
    let freely = |exact, transliterate| {
        let asking = Asking {
            segments: asking.segments,
            likes: asking.likes,
            lists: asking.lists,
            exact,
            transliterate,
            slots: Slots::default(),
        };
        asking.items_with(&Word {
            text: word.text.clone(),
            form: Form::Any,
        })
    };
    let inflected = freely(false, false)?;
    let (how, items) = match inflected {
        0 => (How::Transliterated, freely(false, true)?),
        items => (How::Inflected, items),
    };
    let word = word.text.clone();
    Ok((items > 0)
        .then_some(Instead { word, how, items })
        .into_iter()
        .collect())
}

/// Words a letter away, or two for a long one.
fn similar(asking: &Asking<'_>, word: &Word) -> Result<Vec<Instead>> {
    let folded = fold(&word.text);
    let letters = folded.chars().count();
    if letters < SHORTEST {
        return Ok(Vec::new());
    }
    // Two letters that changed places count as one.
    let close = close_to(&folded, if letters < LONG { 1 } else { 2 }, true);
    let mut words = Gathered::new();
    for segment in asking.segments {
        let reader = segment.reader.inverted_index(segment.fields.words)?;
        let stream = reader.terms().search(Close(&close)).into_stream()?;
        gather_lists(stream, "", segment.number, &mut words);
    }
    let mut found: Vec<(String, u64)> = Vec::new();
    for (word, lists) in words {
        let items = count(asking, &lists)?;
        // A word of hidden items alone is no word.
        if items > 0 {
            found.push((word, items));
        }
    }
    let distance = |dfa: &DFA, word: &str| match dfa.eval(word) {
        Distance::Exact(n) => n,
        Distance::AtLeast(n) => n,
    };
    found.sort_by_key(|(word, items)| (distance(&close, word), Reverse(*items)));
    let instead = |(word, items)| Instead {
        word,
        how: How::Similar,
        items,
    };
    Ok(found.into_iter().take(MOST).map(instead).collect())
}

/// For a question that is the beginning of a word: the words that begin so, the most frequent first.
pub(crate) fn completions(asking: &Asking<'_>, query: &Query) -> Result<Vec<(String, u64)>> {
    let Query::Word(Word {
        text,
        form: Form::Begins,
    }) = query
    else {
        return Ok(Vec::new());
    };
    let folded = fold(text);
    let mut words = Gathered::new();
    for segment in asking.segments {
        let reader = segment.reader.inverted_index(segment.fields.words)?;
        for mark in MARKS {
            let from = format!("{mark}{folded}");
            let stream = reader.terms().range().ge(&from).into_stream()?;
            gather_lists(stream, &from, segment.number, &mut words);
        }
    }
    // Of most words it is plain, without counting, that they are not among the most frequent.
    let mut words: Vec<(String, u64, Lists)> = words
        .into_iter()
        .map(|(word, lists)| {
            let at_most = lists.iter().map(|(_, info)| u64::from(info.doc_freq)).sum();
            (word, at_most, lists)
        })
        .collect();
    words.sort_by_key(|(_, at_most, _)| Reverse(*at_most));
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut enough = BinaryHeap::new();
    for (word, at_most, lists) in words {
        let least = enough.peek().map_or(0, |Reverse(least)| *least);
        if enough.len() == MOST_WORDS && at_most < least {
            break;
        }
        let items = count(asking, &lists)?;
        if items > 0 {
            found.push((word, items));
            enough.push(Reverse(items));
            if enough.len() > MOST_WORDS {
                enough.pop();
            }
        }
    }
    found.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    found.truncate(MOST_WORDS);
    Ok(found)
}

/// The lists of a word, each with the number of its segment: it has one for each mark under which it stands.
type Lists = Vec<(usize, TermInfo)>;
/// The lists of words.
type Gathered = BTreeMap<String, Lists>;

/// Takes the terms of a segment in, as long as they begin so.
fn gather_lists<A: tantivy_fst::Automaton>(
    mut terms: TermStreamer<'_, A>,
    begin: &str,
    segment: usize,
    words: &mut Gathered,
) where
    A::State: Clone,
{
    while terms.advance() && terms.key().starts_with(begin.as_bytes()) {
        // Every mark is one byte.
        let word = String::from_utf8_lossy(terms.key().get(1..).unwrap_or_default());
        let of_word = words.entry(word.into_owned()).or_default();
        of_word.push((segment, terms.value().clone()));
    }
}

/// In how many items that may be found a word stands.
fn count(asking: &Asking<'_>, lists: &Lists) -> Result<u64> {
    let mut items = 0;
    for segment in asking.segments {
        let reader = segment.reader.inverted_index(segment.fields.words)?;
        let mut docs = Vec::new();
        let here = lists.iter().filter(|(of, _)| *of == segment.number);
        for (_, list) in here {
            each_doc(&reader, list, |doc| {
                if segment.visible.contains(doc) {
                    docs.push(doc);
                }
            })?;
        }
        docs.sort_unstable();
        docs.dedup();
        items += docs.len() as u64;
    }
    Ok(items)
}
