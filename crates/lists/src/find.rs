//! Names of a list in a text.

use std::collections::HashMap;
use std::rc::Rc;

use comity_words::{pairs, words};

use crate::how::{Compared, Given, How, Manner};
use crate::names::{ALONE, INITIAL, Names, initial};
use crate::tokens::Token;

/// Words of texts whose meaning is remembered: texts repeat them.
const REMEMBERED: usize = 100_000;
/// Pairs of words whose names are remembered.
const PAIRS: usize = 200_000;
/// Of a word whose meaning is not remembered.
const UNKNOWN: u64 = u64::MAX;
/// Bytes between two words of a name at most.
const GAP: usize = 8;

/// A name that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The entity's number.
    pub entity: u32,
    /// The first byte of the name in the text.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// How it was found.
    pub how: Manner,
}

/// Which words of names a word of a text may be, in the order of their numbers, and how.
type Means = Rc<[(Token, How)]>;

/// What words of texts mean, remembered from one text to the next of the same list.
#[derive(Default)]
pub struct Memory {
    known: HashMap<String, (u64, Means)>,
    /// The names under two words, by the numbers of the words: a text that says one name again and again is looked
    /// through as quickly as any other.
    pairs: HashMap<(u64, u64), Rc<[u32]>>,
    /// How many words were met; no number is given twice.
    met: u64,
}

/// A word of a text that may be part of a name.
struct Spot {
    place: u32,
    start: usize,
    end: usize,
    means: Means,
    /// Its number in the memory.
    word: u64,
    /// The letter, if it is an initial.
    initial: Option<u32>,
}

impl Spot {
    fn is(&self, token: Token) -> Option<How> {
        let found = self.means.binary_search_by_key(&token, |(t, _)| *t).ok()?;
        self.means.get(found).map(|(_, how)| *how)
    }
}

impl Names {
    /// The names that stand in a text, in the order of their places; of one entity, none over another. In running text a
    /// word that the list writes with a capital letter must have one; with `any_case` none needs to.
    pub fn find(&self, text: &str, any_case: bool, memory: &mut Memory) -> Vec<Named> {
        let spots = self.spots(text, any_case, memory);
        let mut found = Vec::new();
        for (at, spot) in spots.iter().enumerate() {
            for (token, how) in spot.means.iter().filter(|(_, how)| *how < How::Sound) {
                for name in self.under(*token, ALONE) {
                    self.take(&mut found, name, (spot.start, spot.end), *how, Given::Whole);
                }
            }
            let near = spots[at + 1..].iter();
            for other in near.take_while(|o| o.place - spot.place <= self.reach) {
                for name in self.under_both(spot, other, memory).iter() {
                    self.around(text, &spots, at, other.place, *name, &mut found);
                }
            }
            self.with_initials(text, &spots, at, &mut found);
        }
        apart(found)
    }

    fn spots(&self, text: &str, any_case: bool, memory: &mut Memory) -> Vec<Spot> {
        let nothing: Means = Rc::from([]);
        let mut spots = Vec::new();
        for word in words(text) {
            let is_capital = word.text.chars().next().is_some_and(char::is_uppercase);
            let mut letters = word.text.chars();
            let is_initial = is_capital && letters.next().is_some() && letters.next().is_none();
            let (number, means) = match is_initial {
                true => (UNKNOWN, nothing.clone()),
                false => self.means(word.text, memory),
            };
            let small = |t: &Token| !self.tokens.text(*t).starts_with(char::is_uppercase);
            let fits = any_case || is_capital || means.iter().all(|(t, _)| small(t));
            let (number, means) = match fits {
                true => (number, means),
                false => {
                    let small = means.iter().filter(|(t, _)| small(t)).copied();
                    (UNKNOWN, small.collect())
                }
            };
            if is_initial || !means.is_empty() {
                spots.push(Spot {
                    place: word.place,
                    start: word.start,
                    end: word.start + word.text.len(),
                    means,
                    word: number,
                    initial: is_initial.then(|| initial(word.text)).flatten(),
                });
            }
        }
        spots
    }

    /// The words of names that a word may be, in the order of their numbers.
    fn means(&self, word: &str, memory: &mut Memory) -> (u64, Means) {
        if let Some(known) = memory.known.get(word) {
            return known.clone();
        }
        let compared = Compared::new(word);
        let mut tokens: Vec<Token> = Vec::new();
        for key in compared.keys() {
            tokens.extend(self.tokens.with_key(key));
        }
        tokens.sort_unstable();
        tokens.dedup();
        let how = |token: Token| {
            let how = compared.how(&Compared::new(self.tokens.text(token)));
            how.map(|how| (token, how))
        };
        let means: Means = tokens.into_iter().filter_map(how).collect();
        if memory.known.len() >= REMEMBERED {
            memory.known.clear();
            memory.pairs.clear();
        }
        let number = memory.met;
        memory.met += 1;
        memory
            .known
            .insert(word.to_owned(), (number, means.clone()));
        (number, means)
    }

    /// The names that stand under two words of a text.
    fn under_both(&self, one: &Spot, other: &Spot, memory: &mut Memory) -> Rc<[u32]> {
        let words = (one.word, other.word);
        let is_known = one.word != UNKNOWN && other.word != UNKNOWN;
        if let Some(names) = memory.pairs.get(&words).filter(|_| is_known) {
            return names.clone();
        }
        let mut names: Vec<u32> = Vec::new();
        for (a, _) in one.means.iter() {
            for (b, _) in other.means.iter() {
                names.extend(self.under(*a, *b));
            }
        }
        names.sort_unstable();
        names.dedup();
        let names: Rc<[u32]> = names.into();
        if is_known {
            if memory.pairs.len() >= PAIRS {
                memory.pairs.clear();
            }
            memory.pairs.insert(words, names.clone());
        }
        names
    }

    /// Looks whether a name stands around the word at `at` and the one at the place `other`.
    fn around(
        &self,
        text: &str,
        spots: &[Spot],
        at: usize,
        other: u32,
        name: u32,
        found: &mut Vec<Named>,
    ) {
        let Some((of, tokens)) = self.name(name) else {
            return;
        };
        let (len, here) = (tokens.len(), spots[at].place);
        if let ([a, b], true) = (tokens, of.any_order && other == here + 2) {
            self.over_a_patronymic(text, spots, at, (*a, *b), name, found);
        }
        // Runs of as many words as the name has that hold both.
        for first in (at + 1).saturating_sub(len)..=at {
            let Some(run) = spots.get(first..first + len) else {
                continue;
            };
            let begin = run[0].place;
            let is_run = run.iter().zip(begin..).all(|(s, place)| s.place == place);
            if !is_run || begin > here || begin + (len as u32) <= other || !joined(text, run) {
                continue;
            }
            let how = match of.any_order {
                true => matched(tokens, run, &mut vec![false; len]),
                false => in_order(tokens, run),
            };
            if let Some(how) = how {
                self.take(
                    found,
                    name,
                    (run[0].start, run[len - 1].end),
                    how,
                    Given::Whole,
                );
            }
        }
    }

    /// A name of two words with a patronymic between them that the list does not have.
    fn over_a_patronymic(
        &self,
        text: &str,
        spots: &[Spot],
        at: usize,
        (a, b): (Token, Token),
        name: u32,
        found: &mut Vec<Named>,
    ) {
        let first = &spots[at];
        let Some(last) = spots[at..].iter().find(|s| s.place == first.place + 2) else {
            return;
        };
        let between = text.get(first.end..last.start).unwrap_or_default();
        if between.contains('.') || !pairs::is_patronymic(between.trim()) {
            return;
        }
        let way = |a, b| Some(first.is(a)?.and(last.is(b)?));
        if let Some(how) = way(a, b).into_iter().chain(way(b, a)).min() {
            let span = (first.start, last.end);
            self.take(found, name, span, how, Given::MorePatronymic);
        }
    }

    /// Surnames with initials before or after them.
    fn with_initials(&self, text: &str, spots: &[Spot], at: usize, found: &mut Vec<Named>) {
        let surname = &spots[at];
        if surname.means.is_empty() {
            return;
        }
        let begin = (at.saturating_sub(2)..at).find(|i| {
            spots[*i..at].iter().all(|s| s.initial.is_some()) && run(text, &spots[*i..=at])
        });
        let end = (at + 1..(at + 3).min(spots.len())).rev().find(|i| {
            spots[at + 1..=*i].iter().all(|s| s.initial.is_some()) && run(text, &spots[at..=*i])
        });
        let sides = [
            begin.map(|i| (&spots[i..at], (spots[i].start, surname.end))),
            end.map(|i| (&spots[at + 1..=i], (surname.start, spots[i].end))),
        ];
        for (initials, span) in sides.into_iter().flatten() {
            let letters: Vec<u32> = initials.iter().filter_map(|s| s.initial).collect();
            let Some(first) = letters.first() else {
                continue;
            };
            for (token, how) in surname.means.iter() {
                for name in self.under(*token, INITIAL | first) {
                    let Some((_, tokens)) = self.name(name) else {
                        continue;
                    };
                    let others = tokens.iter().filter(|t| *t != token);
                    let mut theirs: Vec<u32> = others
                        .filter_map(|t| initial(self.tokens.text(*t)))
                        .collect();
                    // Each initial must be that of a word of the name; a name without the second one may be meant too.
                    let fits = letters.iter().enumerate().all(|(i, letter)| {
                        match theirs.iter().position(|l| l == letter) {
                            Some(at) => {
                                theirs.remove(at);
                                true
                            }
                            None => i > 0 && theirs.is_empty(),
                        }
                    });
                    if fits {
                        self.take(found, name, span, *how, Given::Initials);
                    }
                }
            }
        }
    }

    fn take(
        &self,
        found: &mut Vec<Named>,
        name: u32,
        (start, end): (usize, usize),
        how: How,
        given: Given,
    ) {
        if let Some((of, _)) = self.name(name) {
            let how = Manner {
                how,
                given: match given {
                    Given::Whole if of.no_patronymic => Given::NoPatronymic,
                    given => given,
                },
                alias: of.is_alias,
            };
            found.push(Named {
                entity: of.entity,
                start,
                end,
                how,
            });
        }
    }
}

/// Whether the words stand one after the other, with nothing between them that divides.
fn run(text: &str, spots: &[Spot]) -> bool {
    let follows = |pair: &[Spot]| pair[1].place == pair[0].place + 1;
    spots.windows(2).all(follows) && joined(text, spots)
}

/// Whether nothing stands between the words that ends a sentence or a line of a table.
fn joined(text: &str, spots: &[Spot]) -> bool {
    spots.windows(2).all(|pair| {
        let gap = text.get(pair[0].end..pair[1].start).unwrap_or_default();
        let dot = pair[0].initial.is_some() || pair[0].end - pair[0].start <= 6;
        gap.len() <= GAP
            && gap.matches('\n').count() <= 1
            && !gap.contains(['!', '?', ';', ':', '(', ')', '[', ']', '|', '/', '\t', '…'])
            && (dot || !gap.contains('.'))
    })
}

/// How a run of words is a name whose words may stand in any order: the best of all ways to lay them on each other.
fn matched(tokens: &[Token], run: &[Spot], taken: &mut Vec<bool>) -> Option<How> {
    let Some((token, others)) = tokens.split_first() else {
        return Some(How::Exact);
    };
    let mut best: Option<How> = None;
    for at in 0..run.len() {
        if taken[at] {
            continue;
        }
        let Some(how) = run[at].is(*token) else {
            continue;
        };
        taken[at] = true;
        if let Some(rest) = matched(others, run, taken) {
            let how = how.and(rest);
            best = Some(best.map_or(how, |b| b.min(how)));
        }
        taken[at] = false;
    }
    best
}

fn in_order(tokens: &[Token], run: &[Spot]) -> Option<How> {
    let mut how = How::Exact;
    for (token, spot) in tokens.iter().zip(run) {
        how = how.and(spot.is(*token)?);
    }
    Some(how)
}

/// Of matches of one entity that lie over each other the longest, and of these the nearest, in the order of places.
fn apart(mut found: Vec<Named>) -> Vec<Named> {
    found.sort_by_key(|n| (n.entity, std::cmp::Reverse(n.end - n.start), n.how, n.start));
    let mut kept: Vec<Named> = Vec::with_capacity(found.len());
    for of_entity in found.chunk_by(|a, b| a.entity == b.entity) {
        // Those that are kept, by where they begin: they do not lie over each other.
        let mut spans = std::collections::BTreeMap::new();
        for named in of_entity {
            let before = spans.range(..named.end).next_back();
            if before.is_none_or(|(_, end): (&usize, &usize)| *end <= named.start) {
                spans.insert(named.start, named.end);
                kept.push(*named);
            }
        }
    }
    kept.sort_by_key(|n| (n.start, n.end, n.entity));
    kept
}
