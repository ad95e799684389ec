//! Words that the one who asks may have meant, and words that begin as typed: only those that stand in something that
//! may be found, with how many such items have each.

use std::collections::BTreeMap;

use comity_search::query::{Form, Query, Word};
use comity_words::fold;
use levenshtein_automata::{DFA, Distance};
use tantivy::postings::TermInfo;
use tantivy::termdict::TermStreamer;

use crate::error::Result;
use crate::eval::{Asking, Segment, Slots, each};
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

/// What to suggest for the words of a question that match nothing. Words under NOT are no reason for it.
pub(crate) fn instead(asking: &Asking<'_>, query: &Query) -> Result<Vec<Suggestion>> {
    let mut words = Vec::new();
    gather(query, &mut words);
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

fn gather<'a>(query: &'a Query, out: &mut Vec<&'a Word>) {
    let mut put = |word: &'a Word| {
        if matches!(word.form, Form::Any | Form::Exact) && !out.contains(&word) {
            out.push(word);
        }
    };
    match query {
        Query::Word(word) => put(word),
        Query::Phrase(words) => words.iter().for_each(put),
        Query::Near { left, right, .. } => {
            gather(left, out);
            gather(right, out);
        }
        Query::And(parts) | Query::Or(parts) => parts.iter().for_each(|p| gather(p, out)),
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
    let mut counts = BTreeMap::new();
    for segment in asking.segments {
        let mut lists = Lists::new();
        let reader = segment.reader.inverted_index(segment.fields.words)?;
        gather_lists(
            reader.terms().search(Close(&close)).into_stream()?,
            "",
            &mut lists,
        );
        count(segment, &lists, &mut counts)?;
    }
    let distance = |dfa: &DFA, word: &str| match dfa.eval(word) {
        Distance::Exact(n) => n,
        Distance::AtLeast(n) => n,
    };
    let mut found: Vec<(String, u64)> = counts.into_iter().collect();
    found.sort_by_key(|(word, items)| (distance(&close, word), std::cmp::Reverse(*items)));
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
    let mut counts = BTreeMap::new();
    for segment in asking.segments {
        let mut lists = Lists::new();
        let reader = segment.reader.inverted_index(segment.fields.words)?;
        for mark in MARKS {
            let from = format!("{mark}{folded}");
            let stream = reader.terms().range().ge(&from).into_stream()?;
            gather_lists(stream, &from, &mut lists);
        }
        count(segment, &lists, &mut counts)?;
    }
    let mut found: Vec<(String, u64)> = counts.into_iter().collect();
    found.sort_by_key(|(_, items)| std::cmp::Reverse(*items));
    found.truncate(MOST_WORDS);
    Ok(found)
}

/// The lists of a segment by word: a word has one for each mark under which it stands.
type Lists = BTreeMap<String, Vec<TermInfo>>;

/// Takes terms in, as long as they begin so.
fn gather_lists<A: tantivy_fst::Automaton>(
    mut terms: TermStreamer<'_, A>,
    begin: &str,
    lists: &mut Lists,
) where
    A::State: Clone,
{
    while terms.advance() && terms.key().starts_with(begin.as_bytes()) {
        // Every mark is one byte.
        let word = String::from_utf8_lossy(terms.key().get(1..).unwrap_or_default());
        let of_word = lists.entry(word.into_owned()).or_default();
        of_word.push(terms.value().clone());
    }
}

/// Adds up in how many items that may be found each word stands.
fn count(segment: &Segment<'_>, lists: &Lists, counts: &mut BTreeMap<String, u64>) -> Result<()> {
    let reader = segment.reader.inverted_index(segment.fields.words)?;
    for (word, lists) in lists {
        let mut docs = Vec::new();
        for list in lists {
            each(&reader, list, &mut |doc, _| {
                if segment.visible.contains(doc) {
                    docs.push(doc);
                }
            })?;
        }
        docs.sort_unstable();
        docs.dedup();
        // A word of hidden items alone is no word.
        if !docs.is_empty() {
            *counts.entry(word.clone()).or_default() += docs.len() as u64;
        }
    }
    Ok(())
}
