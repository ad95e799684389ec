//! How a name sounds, in one alphabet for Cyrillic and Latin.
//!
//! A name has as many Latin spellings as there are tables: Зеленський is Zelenskyi by Ukraine's resolution no. 55 of
//! 2010, Zelenskyy in his passport, Zelensky in newspapers, Zielenski in Polish ones. [`keys`] does not choose a table:
//! it lays together what the tables write differently, so that all these spellings have a key in common, and names that
//! merely look alike may have too. A match by it is a candidate, and must be shown as one.
//!
//! What is laid together: г, ґ, х, g, h, gh, kh; и, і, ї, й, ы, i, j, y; a glide before a vowel and none; щ and ш in all
//! their spellings; doubled letters; -ov and -off. Vowels at the end go, so that inflected names keep their key.

use crate::fold::lower;
use crate::language::{Language, Script, script_of, snowball};
use crate::ukrainian;

/// Latin spellings of more than one letter, the longer ones first, and what they sound like.
const LATIN: [(&str, &str); 46] = [
    ("schtsch", "S"),
    ("chtch", "S"),
    ("shch", "S"),
    ("szcz", "S"),
    ("stch", "S"),
    ("tsch", "C"),
    ("tch", "C"),
    ("sch", "S"),
    ("dsch", "dZ"),
    ("šč", "S"),
    ("sh", "S"),
    ("sz", "S"),
    ("ch", "C"),
    ("cz", "C"),
    ("zh", "Z"),
    ("rz", "Z"),
    ("kh", "h"),
    ("gh", "h"),
    ("ph", "f"),
    ("th", "t"),
    ("ts", "c"),
    ("tz", "c"),
    ("ck", "k"),
    ("qu", "kv"),
    ("ou", "u"),
    ("ce", "ce"),
    ("ci", "ci"),
    ("cy", "ci"),
    ("š", "S"),
    ("ś", "S"),
    ("ş", "S"),
    ("ș", "S"),
    ("ŝ", "S"),
    ("č", "C"),
    ("ć", "C"),
    ("ž", "Z"),
    ("ż", "Z"),
    ("ź", "Z"),
    ("û", "iu"),
    ("â", "ia"),
    ("ł", "l"),
    ("ß", "s"),
    ("x", "ks"),
    ("w", "v"),
    ("q", "k"),
    ("c", "k"),
];
/// A key shorter than this keeps its last vowel.
const SHORT: usize = 3;

/// The keys of a name, at most six, in no particular order and each once; none for a word of another alphabet, or with
/// digits, or of one letter.
pub fn keys(name: &str) -> Vec<String> {
    if name.chars().any(char::is_numeric) || name.chars().nth(1).is_none() {
        return Vec::new();
    }
    let lower = lower(name).replace('\'', "");
    let sounds: Vec<String> = match script_of(&lower) {
        Some(Script::Cyrillic) => {
            let base = ukrainian::base(&lower);
            let stem = snowball(Language::Russian, &lower);
            [&lower, &base, stem.as_ref()]
                .into_iter()
                .flat_map(|form| {
                    // Latin spellings follow the sound of ё, texts leave its dots away.
                    [form.replace('ё', "йо"), form.replace('ё', "е")]
                })
                .map(|form| form.chars().map(cyrillic).collect())
                .collect()
        }
        Some(Script::Latin) => vec![latin(&lower, false), latin(&lower, true)],
        None => return Vec::new(),
    };
    let mut keys: Vec<String> = sounds.iter().map(|s| reduce(s)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| !key.is_empty());
    keys
}

fn cyrillic(letter: char) -> &'static str {
    match letter {
        'а' => "a",
        'б' => "b",
        'в' | 'ў' => "v",
        'г' | 'ґ' | 'х' => "h",
        'д' => "d",
        'е' | 'э' => "e",
        'є' => "ie",
        'ж' => "Z",
        'з' => "z",
        'и' | 'і' | 'ї' | 'й' | 'ы' | 'ј' => "i",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'ц' => "c",
        'ч' => "C",
        'ш' | 'щ' => "S",
        'ю' => "iu",
        'я' => "ia",
        _ => "",
    }
}

/// In the West c is k and ch is ч; in the `slavic` languages that have Latin letters c is ц and ch is х.
fn latin(lower: &str, slavic: bool) -> String {
    let mut out = String::with_capacity(lower.len());
    let mut rest = lower;
    while let Some(letter) = rest.chars().next() {
        if let Some((spelling, sound)) = LATIN.iter().find(|(s, _)| rest.starts_with(s)) {
            out.push_str(match *spelling {
                "ch" if slavic => "h",
                "c" if slavic => "c",
                _ => sound,
            });
            rest = &rest[spelling.len()..];
            continue;
        }
        match crate::fold(&rest[..letter.len_utf8()]).as_str() {
            "g" => out.push('h'),
            "j" | "y" => out.push('i'),
            plain => out.push_str(plain),
        }
        rest = &rest[letter.len_utf8()..];
    }
    out
}

/// Levels what is left between the spellings.
fn reduce(sounds: &str) -> String {
    let mut key: Vec<char> = Vec::with_capacity(sounds.len());
    for sound in sounds.chars().filter(char::is_ascii_alphabetic) {
        if key.last() == Some(&sound) {
            continue;
        }
        // A glide is written or not: Yurii and Iurii, Andriienko and Andrienko.
        if key.last() == Some(&'i') && is_vowel(sound) {
            key.pop();
            if key.last() == Some(&sound) {
                continue;
            }
        }
        key.push(sound);
    }
    if key.ends_with(&['o', 'f']) || key.ends_with(&['e', 'f']) {
        key.pop();
        key.push('v');
    }
    while key.len() > SHORT && key.last().is_some_and(|c| is_vowel(*c)) {
        key.pop();
    }
    key.into_iter().collect()
}

fn is_vowel(sound: char) -> bool {
    matches!(sound, 'a' | 'e' | 'i' | 'o' | 'u')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(one: &str, other: &str) -> bool {
        let others = keys(other);
        keys(one).iter().any(|k| others.contains(k))
    }

    #[test]
    fn spellings_of_one_name_meet() {
        // The examples of Ukraine's resolution no. 55 of 27 January 2010, tables of passports, and newspapers.
        let cases: [(&str, &[&str]); 22] = [
            (
                "Зеленський",
                &[
                    "Zelenskyi",
                    "Zelenskyy",
                    "Zelensky",
                    "Zelenskiy",
                    "Зеленский",
                    "Зеленського",
                ],
            ),
            ("Алушта", &["Alushta"]),
            ("Згурський", &["Zghurskyi"]),
            ("Єнакієве", &["Yenakiieve", "Enakievo"]),
            ("Гоща", &["Hoshcha"]),
            ("Щербухи", &["Shcherbukhy", "Szczerbuchy"]),
            ("Житомир", &["Zhytomyr", "Zhitomir", "Żytomyr"]),
            ("Яготин", &["Yahotyn", "Yagotin"]),
            ("Юрій", &["Yurii", "Iurii", "Yuriy"]),
            ("Йосипівка", &["Yosypivka"]),
            ("Харків", &["Kharkiv", "Харкові"]),
            ("Харьков", &["Kharkov", "Charków", "Харькова"]),
            ("Київ", &["Kyiv"]),
            ("Шойгу", &["Shoigu", "Shoygu"]),
            ("Путин", &["Putin", "Путіна", "Путиным"]),
            ("Горбачёв", &["Gorbachev", "Gorbatschow", "Горбачева"]),
            ("Фёдор", &["Fedor", "Fyodor", "Федор"]),
            ("Смирнов", &["Smirnov", "Smirnoff", "Smirnow", "Смирновым"]),
            ("Олександр", &["Oleksandr", "Олександром"]),
            ("Александр", &["Aleksandr", "Alexandr"]),
            ("Цой", &["Tsoi", "Tsoy", "Coj"]),
            ("Буча", &["Bucha", "Бучі", "Бучею"]),
        ];
        for (name, spellings) in cases {
            for spelling in spellings {
                assert!(
                    meet(name, spelling),
                    "{name} {:?}, {spelling} {:?}",
                    keys(name),
                    keys(spelling)
                );
            }
        }
    }

    #[test]
    fn other_names_stay_apart() {
        let pairs = [
            ("Путін", "Патон"),
            ("Ткаченко", "Tymoshenko"),
            ("Київ", "Kharkiv"),
            ("Буча", "Bakhmut"),
        ];
        for (one, other) in pairs {
            assert!(!meet(one, other), "{one} {other}");
        }
        assert!(keys("АА1234").is_empty() && keys("王").is_empty() && keys("я").is_empty());
    }
}
