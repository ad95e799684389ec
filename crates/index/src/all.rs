//! Words joined by AND, and what is taken away by NOT: only documents that all of them have are weighed.
//!
//! Nothing here depends on what may not be found: neither which word is looked up first nor what a document weighs.

use comity_search::query::{Query, Word};
use tantivy::DocId;

use crate::error::Result;
use crate::eval::{Asking, Segment, rarity, speaking, weight};
use crate::sets::{self, Set, both, less};

/// A word that all documents must have, and what it weighs for being rare.
struct Rare<'q> {
    word: &'q Word,
    /// In how many documents that may be found its lists stand, added up.
    with: u64,
    rare: f32,
}

impl Asking<'_> {
    /// The documents that have all of these parts.
    pub(crate) fn all(&self, parts: &[Query]) -> Result<Vec<Set>> {
        let mut words = Vec::new();
        let mut others: Option<Vec<Set>> = None;
        let (mut no_words, mut no_others) = (Vec::new(), Vec::new());
        // What is no word may be refused, whatever the words find: so it is asked first.
        for part in parts {
            match part {
                Query::Word(word) => words.push(self.rare(word)?),
                Query::Not(part) => match &**part {
                    Query::Word(word) => no_words.push(word),
                    part => no_others.push(self.eval(part)?),
                },
                part => {
                    let found = self.eval(part)?;
                    others = Some(match others {
                        None => found,
                        Some(sets) => joined(sets, found),
                    });
                }
            }
        }
        words.sort_by_key(|word| word.with);
        let segments = self.segments.iter().enumerate();
        let one = |(at, s): (usize, &Segment<'_>)| {
            let of = |sets: &Vec<Set>| sets.get(at).cloned().unwrap_or_default();
            let set = match (words.is_empty(), &others) {
                (true, None) => sets::without(s.visible, &[]),
                (true, Some(others)) => of(others),
                (false, None) => self.with_all(s, &words)?,
                (false, Some(others)) => both(&self.with_all(s, &words)?, &of(others)),
            };
            let mut set = set;
            for none in &no_others {
                less(&mut set, none.get(at).map_or(&[], Vec::as_slice));
            }
            for word in &no_words {
                self.take_out(s, word, &mut set)?;
            }
            Ok(set)
        };
        segments.map(one).collect()
    }

    /// How rare a word is among all that may be found.
    fn rare<'q>(&self, word: &'q Word) -> Result<Rare<'q>> {
        let mut with = 0;
        for s in self.segments {
            let column = s.fields.words;
            for list in self.lists_of(s, column, word)?.iter() {
                if s.whole && list.spoken.is_none() {
                    with += u64::from(list.info.doc_freq);
                    continue;
                }
                let among = list.spoken.map(|bits| speaking(s.open, bits));
                let reader = s.reader.inverted_index(column)?;
                sets::each_doc(&reader, &list.info, |doc| {
                    let counts = among.as_ref().is_none_or(|among| among.contains(doc));
                    with += u64::from(counts && s.visible.contains(doc));
                })?;
            }
        }
        let all = self.segments.iter().map(|s| s.count).sum();
        Ok(Rare {
            word,
            with,
            rare: rarity(with.min(all), all),
        })
    }

    /// The documents of a segment in which all these words stand, the rarest of which comes first.
    fn with_all(&self, s: &Segment<'_>, words: &[Rare<'_>]) -> Result<Set> {
        let Some((first, others)) = words.split_first() else {
            return Ok(Set::new());
        };
        let weigh = |doc, often, rare: f32| rare * weight(s, doc, often);
        let found = self.word(s, s.fields.words, first.word)?;
        // The rarest word is weighed where the others stand too, which may be nowhere.
        let (mut docs, mut often): (Vec<DocId>, Vec<u32>) = found.into_iter().unzip();
        let mut sums = vec![0.0; docs.len()];
        for other in others {
            let counts = self.often(s, other.word, &docs)?;
            let mut at = 0;
            for from in 0..docs.len() {
                if counts[from] > 0 {
                    docs[at] = docs[from];
                    often[at] = often[from];
                    sums[at] = sums[from] + weigh(docs[from], counts[from], other.rare);
                    at += 1;
                }
            }
            docs.truncate(at);
        }
        let each = docs.into_iter().zip(often).zip(sums);
        Ok(each
            .map(|((doc, often), sum)| (doc, weigh(doc, often, first.rare) + sum))
            .collect())
    }

    /// How often a word stands in each of these documents, all of which may be found.
    fn often(&self, s: &Segment<'_>, word: &Word, docs: &[DocId]) -> Result<Vec<u32>> {
        let mut counts = vec![0; docs.len()];
        if docs.is_empty() {
            return Ok(counts);
        }
        let column = s.fields.words;
        let reader = s.reader.inverted_index(column)?;
        for list in self.lists_of(s, column, word)?.iter() {
            let among = list.spoken.map(|bits| speaking(s.open, bits));
            sets::each_of(&reader, &list.info, docs, |at, often| {
                if among.as_ref().is_none_or(|among| among.contains(docs[at])) {
                    counts[at] += often * list.weight;
                }
            })?;
        }
        Ok(counts)
    }

    /// Takes the documents out in which a word stands.
    fn take_out(&self, s: &Segment<'_>, word: &Word, set: &mut Set) -> Result<()> {
        let docs: Vec<DocId> = set.iter().map(|(doc, _)| *doc).collect();
        let mut often = self.often(s, word, &docs)?.into_iter();
        set.retain(|_| often.next().unwrap_or(0) == 0);
        Ok(())
    }
}

fn joined(sets: Vec<Set>, others: Vec<Set>) -> Vec<Set> {
    let pairs = sets.iter().zip(&others);
    pairs.map(|(set, other)| both(set, other)).collect()
}
