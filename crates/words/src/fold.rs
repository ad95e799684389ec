//! The form in which the spellings of one word are equal.

use unicode_normalization::UnicodeNormalization;

/// Folds a word: lower case, compatibility forms, accents and other combining marks away, ґ as г, ё as е, letters with
/// strokes as their plain ones, apostrophes and invisible signs away.
///
/// й and ї stay letters of their own, though Unicode writes them as и and і with a mark. Folding twice is folding once.
pub fn fold(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    fold_into(word, &mut out);
    out
}

/// As [`fold`], in place of what is in `out`: for those who fold each word of a text.
pub fn fold_into(word: &str, out: &mut String) {
    out.clear();
    if !plainly_into(word, folded, out) {
        *out = fold_any(word);
    }
}

/// The letter that a folded word ends in, where its last one says so by itself; `None` where the whole word is to be
/// folded to know it.
pub fn folded_end(word: &str) -> Option<char> {
    word.chars()
        .next_back()
        .and_then(folded)
        .filter(|c| *c != '\0')
}

fn fold_any(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    // Lower case before and after: some capitals become a letter and a mark, and some signs decompose into capitals.
    let lower = word.chars().flat_map(char::to_lowercase);
    for c in lower.nfkd().flat_map(char::to_lowercase) {
        match c {
            '\u{306}' if out.ends_with('и') => put_instead(&mut out, 'й'),
            '\u{308}' if out.ends_with('і') => put_instead(&mut out, 'ї'),
            c if is_dropped(c) => {}
            c => match letter(c) {
                Some(letters) => out.push_str(letters),
                None => out.push(c),
            },
        }
    }
    out
}

/// A word of common letters alone, each of which becomes another or, as a NUL, none; `None` where one is not common.
fn plainly(word: &str, letter: impl Fn(char) -> Option<char>) -> Option<String> {
    let mut out = String::with_capacity(word.len());
    plainly_into(word, letter, &mut out).then_some(out)
}

/// As [`plainly`]; `false` where a letter is not common.
fn plainly_into(word: &str, letter: impl Fn(char) -> Option<char>, out: &mut String) -> bool {
    for c in word.chars() {
        match letter(c) {
            None => return false,
            Some('\0') => {}
            Some(c) => out.push(c),
        }
    }
    true
}

/// What a common letter is folded to, whatever stands beside it.
fn folded(c: char) -> Option<char> {
    Some(match c {
        'a'..='z' | '0'..='9' | 'а'..='я' | 'і' | 'ї' | 'є' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        'А'..='Я' => char::from_u32(u32::from(c) + 32)?,
        'І' => 'і',
        'Ї' => 'ї',
        'Є' => 'є',
        'ґ' | 'Ґ' => 'г',
        'ё' | 'Ё' => 'е',
        '\'' | '’' | 'ʼ' => '\0',
        _ => return None,
    })
}

fn put_instead(out: &mut String, letter: char) {
    out.pop();
    out.push(letter);
}

/// Lower case with its accents, one apostrophe for all of them, without marks of stress and invisible signs: what the
/// rules of a language go by.
pub(crate) fn lower(word: &str) -> String {
    let plain = |c| match c {
        'ґ' | 'Ґ' => Some('ґ'),
        'ё' | 'Ё' => Some('ё'),
        '\'' | '’' | 'ʼ' => Some('\''),
        c => folded(c),
    };
    plainly(word, plain).unwrap_or_else(|| lower_any(word))
}

fn lower_any(word: &str) -> String {
    let mut cyrillic = false;
    let stressed = |c: &char| matches!(c, '\u{300}' | '\u{301}');
    let signs = word.chars().flat_map(char::to_lowercase).nfd();
    let kept = signs.filter(|c| {
        let drop = is_invisible(*c) || (cyrillic && stressed(c));
        cyrillic = matches!(c, '\u{400}'..='\u{52F}') || (cyrillic && stressed(c));
        !drop
    });
    kept.map(|c| if is_apostrophe(c) { '\'' } else { c })
        .nfc()
        .collect()
}

fn is_dropped(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c) || is_apostrophe(c) || is_invisible(c)
}

/// The signs that people type for an apostrophe.
fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '´'
            | '‘'
            | '’'
            | '‛'
            | '′'
            | 'ʼ'
            | 'ʻ'
            | 'ʽ'
            | 'ʹ'
            | 'ˈ'
            | 'ˊ'
            | 'ˋ'
            | '＇'
    )
}

/// Signs that nobody sees: soft hyphens, joiners, marks of direction.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206F}'
            | '\u{FEFF}'
    )
}

/// Letters that Unicode does not take apart, and that people write without their stroke.
fn letter(c: char) -> Option<&'static str> {
    Some(match c {
        'ґ' => "г",
        'ё' => "е",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ø' => "o",
        'ħ' => "h",
        'ı' => "i",
        'ŧ' => "t",
        'þ' => "th",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ς' => "σ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_are_equal() {
        let cases: [(&str, &[&str]); 9] = [
            (
                "зобовязання",
                &[
                    "Зобов’язання",
                    "ЗОБОВ'ЯЗАННЯ",
                    "зобовʼязання",
                    "зобов`язання",
                ],
            ),
            ("грунт", &["ґрунт", "Ґрунт", "грунт"]),
            ("елка", &["ёлка", "е\u{308}лка", "ЁЛКА"]),
            ("замок", &["за\u{301}мок", "замо\u{301}к"]),
            ("їжак", &["їжак", "і\u{308}жак", "ЇЖАК"]),
            ("район", &["район", "раи\u{306}он"]),
            ("zolw", &["żółw", "Żółw"]),
            ("siauliai", &["Šiauliai", "S\u{30C}iauliai"]),
            ("istanbul", &["İstanbul", "ISTANBUL"]),
        ];
        for (folded, spellings) in cases {
            for spelling in spellings {
                assert_eq!(fold(spelling), folded, "{spelling}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_folds_the_same(pieces in proptest::collection::vec(proptest::prop_oneof![
            "[а-яіїєґёА-ЯІЇЄҐЁa-zA-Z0-9'’ʼ]{1,3}",
            "[іиеІИ][\u{301}\u{306}\u{308}]",
            "\\PC",
        ], 0..6)) {
            let word: String = pieces.concat();
            proptest::prop_assert_eq!(fold(&word), fold_any(&word));
            proptest::prop_assert_eq!(lower(&word), lower_any(&word));
            if let Some(end) = folded_end(&word) {
                proptest::prop_assert!(fold(&word).ends_with(end));
            }
        }
    }

    #[test]
    fn letters_of_their_own_stay() {
        assert_ne!(fold("їх"), fold("іх"));
        assert_ne!(fold("мий"), fold("мии"));
        assert_ne!(fold("Київ"), fold("Киев"));
    }
}
