//! Which items are nearly the same: a sketch of each text, and what each picture looks like.
//!
//! A sketch is made by one-permutation MinHash over runs of three folded words: each run has a hash, the hash says in
//! which of 128 lanes it competes, and of each lane the smallest stays. A lane without any takes that of another, chosen
//! by a rule that is the same for every text (optimal densification, Shrivastava 2017). A byte of each lane is kept: the
//! share of lanes that two texts have in common is close to the share of runs that they have in common (Jaccard), and
//! one of 256 lanes agrees by chance.
//!
//! Two items are compared when somebody asks, and only items that may be found are. There are no groups that are kept:
//! a chain from one item over a hidden one to a third would tell of the one between. Groups that are made when somebody
//! asks (`groups`) are made of what may be found alone.

use comity_search::query::{Field, Query, Value};
use tantivy::{DocId, SegmentReader};

use crate::error::{IndexError, Result};
use crate::fields::column;

/// Lanes of a sketch, a byte each.
pub(crate) const LANES: usize = 128;
/// Words of a run.
const RUN: usize = 3;
/// A text of fewer words has no sketch: greetings are like greetings.
const FEWEST: usize = 8;
/// The share of common runs from which on two texts are nearly the same.
const ALIKE: f64 = 0.7;
/// Bits in which two pictures that look alike differ at most, of 64.
pub(crate) const BITS: u32 = 8;

/// What of an item can be compared with another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// The sketch of its text, eight lanes in each number; empty where it has none.
    pub sketch: Vec<u64>,
    /// The perceptual hash of a picture.
    pub looks: Option<u64>,
}

/// How much alike two items are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Likeness {
    /// Two texts: the share of runs of words that they have in common, estimated.
    Text(f64),
    /// Two pictures: bits in which they differ.
    Looks(u32),
}

impl Likeness {
    /// From 0 to 1.
    pub fn weight(self) -> f32 {
        match self {
            Likeness::Text(share) => share as f32,
            Likeness::Looks(bits) => 1.0 - bits as f32 / 64.0,
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Likeness::Text(share) => format!("text, about {:.0} %", share * 100.0),
            Likeness::Looks(bits) => format!("picture, {bits} of 64 bits differ"),
        }
    }
}

impl Traits {
    /// How alike two items are, where they are nearly the same.
    pub fn likeness(&self, other: &Traits) -> Option<Likeness> {
        let looks = self.looks.zip(other.looks);
        let looks = looks.filter(|(a, b)| pictures_alike(*a, *b));
        let bits = looks.map(|(a, b)| Likeness::Looks((a ^ b).count_ones()));
        let text = share(&self.sketch, &other.sketch).filter(|share| *share >= ALIKE);
        text.map(Likeness::Text).or(bits)
    }

    /// How like another it is, in words, nearly the same or not.
    pub fn how_like(&self, other: &Traits) -> Option<String> {
        let looks = self.looks.zip(other.looks);
        let bits = looks.map(|(a, b)| Likeness::Looks((a ^ b).count_ones()));
        let text = share(&self.sketch, &other.sketch).map(Likeness::Text);
        text.or(bits).map(Likeness::words)
    }

    fn is_nothing(&self) -> bool {
        self.sketch.is_empty() && self.looks.is_none()
    }
}

/// The share of runs that two texts have in common, from their sketches.
fn share(a: &[u64], b: &[u64]) -> Option<f64> {
    if a.len() != LANES / 8 || b.len() != LANES / 8 {
        return None;
    }
    let same = |(a, b): (&u64, &u64)| {
        let lanes = a.to_be_bytes().into_iter().zip(b.to_be_bytes());
        lanes.filter(|(a, b)| a == b).count()
    };
    Some(share_of(a.iter().zip(b).map(same).sum()))
}

/// The share of runs that so many equal lanes tell of.
fn share_of(same: usize) -> f64 {
    let chance = 1.0 / 256.0;
    ((same as f64 / LANES as f64 - chance) / (1.0 - chance)).max(0.0)
}

/// How many lanes two texts that are nearly the same have in common at least.
pub(crate) fn fewest_same_lanes() -> usize {
    let nearly = |same: &usize| share_of(*same) >= ALIKE;
    (0..=LANES).find(nearly).unwrap_or(LANES)
}

/// Whether two texts are nearly the same, by their sketches.
pub(crate) fn texts_alike(a: &[u64], b: &[u64]) -> bool {
    share(a, b).is_some_and(|share| share >= ALIKE)
}

/// Whether two pictures look alike, by their hashes.
pub(crate) fn pictures_alike(a: u64, b: u64) -> bool {
    (a ^ b).count_ones() <= BITS
}

/// A sketch that is being made, of the hashes of a text's folded words one after the other.
pub(crate) struct Sketch {
    least: [u64; LANES],
    run: [u64; RUN],
    count: usize,
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch {
            least: [u64::MAX; LANES],
            run: [0; RUN],
            count: 0,
        }
    }
}

impl Sketch {
    /// The next word, by its hash.
    pub fn add(&mut self, word: u64) {
        self.run.rotate_left(1);
        self.run[RUN - 1] = word;
        self.count += 1;
        if self.count >= RUN {
            let hash = self.run.iter().fold(0, |hash, word| mixed(hash ^ word));
            // The first seven bits say the lane; the rest competes.
            if let Some(lane) = self.least.get_mut((hash >> 57) as usize) {
                *lane = (*lane).min(hash << 7 >> 7);
            }
        }
    }

    /// The sketch; empty for a text that is too short.
    pub fn finish(self) -> Vec<u64> {
        if self.count < FEWEST {
            return Vec::new();
        }
        let of_lane = |lane: usize| {
            let mut from = lane;
            let mut tries = 0_u64;
            while self.least[from] == u64::MAX {
                tries += 1;
                from = (mixed((lane as u64) << 32 | tries) % LANES as u64) as usize;
            }
            self.least[from] as u8
        };
        let lanes: Vec<u8> = (0..LANES).map(of_lane).collect();
        let (numbers, _) = lanes.as_chunks::<8>();
        numbers.iter().map(|n| u64::from_be_bytes(*n)).collect()
    }
}

/// The hash of a folded word: FNV-1a, the same in every release.
pub(crate) fn of_word(word: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    word.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The finalizer of MurmurHash3: each bit of it depends on all bits.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// The traits of one document.
pub(crate) fn traits(segment: &SegmentReader, doc: DocId) -> Result<Traits> {
    let fast = segment.fast_fields();
    let sketches = fast.column_opt::<u64>(column::SKETCH)?;
    let looks = fast.column_opt::<u64>(column::LOOKS)?;
    Ok(Traits {
        sketch: sketches.map_or_else(Vec::new, |s| s.values_for_doc(doc).collect()),
        looks: looks.and_then(|l| l.first(doc)),
    })
}

/// The documents of a segment that are nearly the same as an item of these traits, with how alike they are.
pub(crate) fn alike(
    segment: &SegmentReader,
    item: &Traits,
    wanted: &dyn Fn(DocId) -> bool,
) -> Result<Vec<(DocId, f32)>> {
    let fast = segment.fast_fields();
    let sketches = fast.column_opt::<u64>(column::SKETCH)?;
    let looks = fast.column_opt::<u64>(column::LOOKS)?;
    let mut found = Vec::new();
    let mut other = Traits::default();
    for doc in (0..segment.max_doc()).filter(|doc| wanted(*doc)) {
        other.sketch.clear();
        if let Some(sketches) = sketches.as_ref().filter(|_| !item.sketch.is_empty()) {
            other.sketch.extend(sketches.values_for_doc(doc));
        }
        other.looks = looks.as_ref().and_then(|l| l.first(doc));
        if let Some(likeness) = item.likeness(&other) {
            found.push((doc, likeness.weight()));
        }
    }
    Ok(found)
}

/// The numbers that a question compares with.
pub(crate) fn compared<'a>(query: &'a Query, out: &mut Vec<&'a Value>) {
    match query {
        Query::Field {
            field: Field::Like,
            value,
        } => out.push(value),
        Query::And(parts) | Query::Or(parts) => parts.iter().for_each(|p| compared(p, out)),
        Query::Not(part) => compared(part, out),
        _ => {}
    }
}

/// What a comparison needs, or why there is none. An item that may not be found is told of like one that never was.
pub(crate) fn comparable(number: &str, found: Option<Traits>) -> Result<Traits> {
    let why = match found {
        Some(traits) if !traits.is_nothing() => return Ok(traits),
        Some(_) => "it has neither a text of eight words nor a picture's pixels to compare",
        None => "nothing that you may find has this number",
    };
    Err(IndexError::Question(format!("like:{number}: {why}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comity_words::{fold, words};

    fn sketch<'a>(passages: impl Iterator<Item = &'a str>) -> Vec<u64> {
        let mut sketch = Sketch::default();
        passages
            .flat_map(words)
            .for_each(|w| sketch.add(of_word(&fold(w.text))));
        sketch.finish()
    }

    /// A text of so many words, of which every `n`-th is another one.
    fn text(words: usize, changed_every: usize) -> String {
        let word = |n: usize| match n % changed_every {
            0 => format!("other{n}"),
            _ => format!("word{n}"),
        };
        let words: Vec<String> = (1..=words).map(word).collect();
        words.join(" ")
    }

    fn alike(a: &str, b: &str) -> f64 {
        share(&sketch([a].into_iter()), &sketch([b].into_iter())).unwrap()
    }

    /// The share of runs that two texts have in common, counted.
    fn counted(a: &str, b: &str) -> f64 {
        let runs = |text: &str| -> std::collections::BTreeSet<Vec<String>> {
            let words: Vec<String> = words(text).map(|w| fold(w.text)).collect();
            words.windows(RUN).map(<[String]>::to_vec).collect()
        };
        let (a, b) = (runs(a), runs(b));
        a.intersection(&b).count() as f64 / a.union(&b).count() as f64
    }

    #[test]
    fn a_sketch_tells_how_much_of_two_texts_is_the_same() {
        let plain = text(2000, usize::MAX);
        for every in [10, 20, 40, 100, 500] {
            let other = text(2000, every);
            let (told, real) = (alike(&plain, &other), counted(&plain, &other));
            assert!((told - real).abs() < 0.12, "{every}: {told} and {real}");
        }
        assert!(alike(&plain, &text(2000, 1)) < 0.05);
        assert_eq!(alike(&plain, &plain), 1.0);
    }

    #[test]
    fn short_texts_have_sketches_and_greetings_have_none() {
        let ours = "Командир бригади підписав наказ про обстріл міста вночі";
        let typed = "КОМАНДИР бригади, підписав наказ про обстріл міста — вночі!";
        assert_eq!(alike(ours, typed), 1.0);
        let other = "Лікарня зруйнована вщент унаслідок ракетного удару по місту";
        assert!(alike(ours, other) < 0.1);
        assert!(sketch(["Добрий день, колеги"].into_iter()).is_empty());
        // However a text is cut into passages, it is the same text.
        let cut =
            sketch(["Командир бригади підписав", "наказ про обстріл міста вночі"].into_iter());
        assert_eq!(cut, sketch([ours].into_iter()));
    }

    #[test]
    fn pictures_are_alike_by_their_bits() {
        let of = |looks| Traits {
            sketch: Vec::new(),
            looks: Some(looks),
        };
        assert_eq!(of(0).likeness(&of(0b111)), Some(Likeness::Looks(3)));
        assert_eq!(of(0).likeness(&of(0x1ff)), None);
        assert_eq!(of(0).likeness(&Traits::default()), None);
    }
}
