//! What the inflected forms of a Ukrainian word share.
//!
//! The longest ending of nouns, adjectives and verbs is taken off, and what is left is levelled where Ukrainian changes
//! a stem between forms: книга and книзі, свідок and свідка, ніч and ночі, люблю and любити. The result is no word, only
//! a name for the family. Measured on families from a spelling dictionary with the example `families`
//! (`docs/search.md`), it leaves a sixth as many forms outside their family as the stemmer of the Snowball project.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Nouns on -ат, -ит, -от whose plural has the looks of an infinitive: солдати is no verb.
const NO_VERBS: [&str; 32] = [
    "солдат",
    "депутат",
    "кандидат",
    "адвокат",
    "результат",
    "автомат",
    "гранат",
    "апарат",
    "сертифікат",
    "мандат",
    "квадрат",
    "делегат",
    "дипломат",
    "магістрат",
    "препарат",
    "формат",
    "пірат",
    "плакат",
    "агрегат",
    "постулат",
    "дублікат",
    "фальсифікат",
    "мігрант",
    "комбат",
    "ракет",
    "бандит",
    "кредит",
    "ліміт",
    "візит",
    "депозит",
    "пілот",
    "флот",
];
const NOUN: &str = "а я о е є и і ї у ю ь й ом ем єм ам ям ами ями ах ях ів їв ей ою ею єю ові еві єві ьми \
                    ія ію ією ії ій іям іями іях";
const ADJECTIVE: &str =
    "ий ій а я е є і ї ого його ому йому им їм ім ої єї ою ею єю у ю их їх іх ими їми іми";
/// What stands between a verb's root and the endings of its infinitive and past.
const THEME: &str = "ува юва ову ова а я и і ї у ну о";
/// Endings after a theme; those longer than two letters also follow the bare root.
const PAST: &str = "в ла ло ли ти ть вши вшись тиму тимеш тиме тимемо тимем тимете тимуть";
const PRESENT: &str = "ю єш є ємо єм єте ють у еш е емо ем ете уть иш ить имо им ите ять ать їш їть їмо їте іть імо \
                       іте мо ме те й ймо йте ючи учи ячи ачи";
/// Endings of the present that follow a vowel of the stem.
const AFTER_VOWEL: &str = "ю єш є ємо єм єте ють й ймо йте ючи";
/// Nouns of an action: -ання, -ення.
const ACTION: &str = "ння нню нням нні ннями ннях нь";

static ENDINGS: LazyLock<HashSet<String>> = LazyLock::new(endings);
static LONGEST: LazyLock<usize> =
    LazyLock::new(|| ENDINGS.iter().map(|e| e.chars().count()).max().unwrap_or(0));

/// The stem of a word in lower case, whose apostrophes are `'` or gone.
pub(crate) fn stem(lower: &str) -> String {
    let mut word = without_inflection(lower);
    if word.len() > 6 && word.starts_with(&['н', 'а', 'й']) {
        word.drain(..3);
    }
    level(&mut word);
    word.into_iter().collect()
}

/// The word without its ending, its letters as they are.
pub(crate) fn base(lower: &str) -> String {
    without_inflection(lower).into_iter().collect()
}

fn without_inflection(lower: &str) -> Vec<char> {
    let mut word: Vec<char> = lower.chars().filter(|c| *c != '\'').collect();
    if word.len() > 5 && (word.ends_with(&['с', 'я']) || word.ends_with(&['с', 'ь'])) {
        word.truncate(word.len() - 2);
    }
    if word.len() > 3 {
        let kept = without_ending(&word);
        word.truncate(kept);
    }
    word
}

/// How many letters stay: at least three and the first vowel, four before a long ending.
fn without_ending(word: &[char]) -> usize {
    let text: String = word.iter().collect();
    if let Some(noun) = NO_VERBS.iter().find(|n| text.starts_with(**n)) {
        let ending: String = text[noun.len()..].to_owned();
        if ending.is_empty() || ENDINGS.contains(&ending) {
            return noun.chars().count();
        }
    }
    let first_vowel = word.iter().position(|c| is_vowel(*c)).unwrap_or(word.len());
    for kept in first_vowel.max(2) + 1..word.len() {
        let long = word.len() - kept;
        if long > *LONGEST || (long >= 5 && kept < 4) {
            continue;
        }
        let ending: String = word[kept..].iter().collect();
        if ENDINGS.contains(&ending) {
            return kept;
        }
    }
    word.len()
}

/// One form for what changes at the end of a stem.
fn level(stem: &mut Vec<char>) {
    while stem.len() > 3 && matches!(stem.last(), Some('ь' | 'й')) {
        stem.pop();
    }
    if let [.., before, last] = stem[..]
        && stem.len() > 3
        && ((before == last && !is_vowel(last)) || (last == 'л' && "бпвмф".contains(before)))
    {
        stem.pop();
    }
    if let [.., vowel, last] = stem[..]
        && stem.len() > 4
        && matches!((vowel, last), ('о' | 'е', 'к' | 'ч') | ('е' | 'є', 'ц'))
    {
        stem.remove(stem.len() - 2);
    }
    if let Some(last) = stem.last_mut() {
        *last = match *last {
            'з' | 'ж' => 'г',
            'ц' | 'ч' => 'к',
            'с' | 'ш' => 'х',
            other => other,
        };
    }
    // A closed syllable has і where an open one has о: рік and року, -ість and -ості.
    if let Some(at) = stem.iter().rposition(|c| is_vowel(*c))
        && at + 1 < stem.len()
        && stem[at] == 'і'
    {
        stem[at] = 'о';
    }
}

fn is_vowel(c: char) -> bool {
    "аеєиіїоуюя".contains(c)
}

fn endings() -> HashSet<String> {
    let list = |words: &'static str| words.split_whitespace();
    let mut all: HashSet<String> = list(NOUN)
        .chain(list(ADJECTIVE))
        .chain(list(PRESENT))
        .map(str::to_owned)
        .collect();
    let mut put = |parts: &[&str]| {
        all.insert(parts.concat());
    };
    for theme in list(THEME).chain([""]) {
        for past in list(PAST).filter(|p| !theme.is_empty() || p.chars().count() > 2) {
            put(&[theme, past]);
        }
    }
    // Participles: читаний, колотий.
    for (themes, letter) in [
        ("ува юва ову ова а я у ну", "н"),
        ("и у ну о", "т"),
        ("е є", "н"),
    ] {
        for theme in list(themes) {
            list(ADJECTIVE)
                .chain(["о"])
                .for_each(|a| put(&[theme, letter, a]));
        }
    }
    for theme in list("ува юва ова а я е є і и") {
        list(ACTION).for_each(|a| put(&[theme, a]));
    }
    for theme in list("у ю а я і ї о") {
        list(AFTER_VOWEL).for_each(|p| put(&[theme, p]));
        list(ADJECTIVE).for_each(|a| put(&[theme, "юч", a]));
    }
    for middle in list("уч яч ач юч іш") {
        list(ADJECTIVE).for_each(|a| put(&[middle, a]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_share_a_stem() {
        let families = [
            "наказ наказу наказом наказами наказів",
            "зобов'язання зобов'язанню зобов'язаннями зобов'язань",
            "свідок свідка свідкові свідками",
            "обстріл обстрілу обстрілів обстріляти обстріляли",
            "катування катуванням катувати катували",
            "книга книзі книг книгою",
            "рік року роки років",
            "ніч ночі ночами",
            "школа школи школі шкіл",
            "солдат солдата солдати солдатів солдатами",
            "ракета ракети ракет ракетою",
            "депортація депортації депортацією депортацій",
            "полонений полонених полоненими",
            "важливість важливості",
            "любити люблю любила",
            "м'який м'яка м'якого",
            "зеленський зеленського зеленським",
            "маріуполь маріуполя маріуполі",
        ];
        for family in families {
            let mut stems: Vec<String> = family.split(' ').map(stem).collect();
            stems.dedup();
            assert_eq!(stems.len(), 1, "{family}: {stems:?}");
        }
    }

    #[test]
    fn other_words_stay_apart() {
        let pairs = [
            ("наказ", "накип"),
            ("солдат", "сольфеджіо"),
            ("ракета", "рак"),
            ("свідок", "свідомість"),
        ];
        for (one, other) in pairs {
            assert_ne!(stem(one), stem(other), "{one} and {other}");
        }
    }

    #[test]
    fn a_base_keeps_its_letters() {
        assert_eq!(base("книзі"), "книз");
        assert_eq!(base("зеленського"), "зеленськ");
    }

    #[test]
    fn a_short_word_stays() {
        for word in ["", "і", "два", "''", "ься", "ььь"] {
            assert_eq!(stem(word), word.replace('\'', ""));
        }
    }
}
