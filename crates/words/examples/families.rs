//! How well stems hold the inflected forms of a word together, and other words apart, beside the Snowball project's:
//! `families LANGUAGE FILE`, a family of forms a line, as `bench/families` makes them.

use std::collections::{HashMap, HashSet};

use comity_words::{Language, fold, stems};
use snowball_stemmers_rs::{Algorithm, Stemmer};

fn main() {
    let mut args = std::env::args().skip(1);
    let language = args.next().and_then(|c| Language::from_code(&c));
    let (Some(language), Some(file)) = (language, args.next()) else {
        return eprintln!("families LANGUAGE FILE");
    };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let ours = |word: &str| stems(word, &[language]).pop().map(|s| s.text);
    row(language, "ours", &text, ours);
    let algorithm = match language {
        Language::Ukrainian => Algorithm::Ukrainian,
        Language::Russian => Algorithm::Russian,
        _ => return,
    };
    let snowball = Stemmer::create(algorithm);
    row(language, "Snowball", &text, |word| {
        Some(fold(&snowball.stem(word)))
    });
}

/// Pairs of forms of one family that have two stems, and stems that several families have.
fn row(language: Language, whose: &str, text: &str, stem: impl Fn(&str) -> Option<String>) {
    let pairs_of = |n: u64| n * n.saturating_sub(1) / 2;
    let (mut pairs, mut together) = (0, 0);
    let mut owners: HashMap<String, HashSet<usize>> = HashMap::new();
    for (family, line) in text.lines().enumerate() {
        let mut forms: HashMap<String, u64> = HashMap::new();
        for stem in line.split_whitespace().filter_map(&stem) {
            *forms.entry(stem).or_default() += 1;
        }
        pairs += pairs_of(forms.values().sum());
        together += forms.values().map(|n| pairs_of(*n)).sum::<u64>();
        for stem in forms.into_keys() {
            owners.entry(stem).or_default().insert(family);
        }
    }
    let shared = owners.values().filter(|o| o.len() > 1).count();
    let apart = 1.0 - together as f64 / pairs as f64;
    let shared = shared as f64 / owners.len() as f64;
    println!(
        "| {} | {whose} | {} | {apart:.3} | {shared:.3} |",
        language.code(),
        text.lines().count()
    );
}
