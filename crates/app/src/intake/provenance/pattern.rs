//! Path patterns over characters, so that `?` stands for a letter of any script. (`globset`
//! matches bytes: its `?` takes half of a Cyrillic letter.)

/// Patterns that one pair of braces, or several, may stand for.
const MAX_ALTERNATIVES: usize = 64;

/// A pattern over shown paths.
///
/// `*` and `?` stay within one component, `**` alone between separators crosses them, `[a-z]`
/// and `[!a-z]` choose a character, `{jpg,png}` chooses a word, and a backslash takes the next
/// character as it is. Case counts, and nothing is normalised.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<Alternative>);

#[derive(Clone, Debug)]
struct Alternative {
    /// What every match begins with: most patterns are dismissed by it.
    prefix: String,
    /// The rest.
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    AnyChar,
    /// `*`
    Star,
    /// `**/`: nothing, or any number of whole components.
    Folders,
    /// `**` at the end: anything but nothing.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let alternatives = expand(text)?;
        let parsed: Result<_, String> = alternatives.iter().map(|text| parse(text)).collect();
        Ok(Pattern(parsed?))
    }

    /// Whether the whole of `path` matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|alternative| {
            path.strip_prefix(alternative.prefix.as_str())
                .is_some_and(|rest| run(&alternative.tokens, rest))
        })
    }
}

/// Whether `text` is more than the path that it spells.
pub(super) fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

/// Writes out the choices of braces.
fn expand(text: &str) -> Result<Vec<String>, String> {
    let mut done = vec![String::new()];
    let mut chars = text.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let next = chars.next().ok_or("it ends in a backslash")?;
                done.iter_mut().for_each(|text| text.extend(['\\', next]));
            }
            '{' if !in_class => {
                let choices = choices(&mut chars)?;
                done = done
                    .iter()
                    .flat_map(|text| choices.iter().map(move |choice| format!("{text}{choice}")))
                    .collect();
                if done.len() > MAX_ALTERNATIVES {
                    return Err(format!(
                        "its braces stand for more than {MAX_ALTERNATIVES} patterns"
                    ));
                }
            }
            '}' if !in_class => return Err("a } has no {".into()),
            c => {
                in_class = (in_class || c == '[') && c != ']';
                done.iter_mut().for_each(|text| text.push(c));
            }
        }
    }
    Ok(done)
}

fn choices(chars: &mut std::str::Chars<'_>) -> Result<Vec<String>, String> {
    let mut choices = vec![String::new()];
    while let Some(c) = chars.next() {
        let Some(last) = choices.last_mut() else {
            break;
        };
        match c {
            '\\' => last.extend(['\\', chars.next().ok_or("it ends in a backslash")?]),
            '{' => return Err("braces within braces are not understood".into()),
            ',' => choices.push(String::new()),
            '}' => return Ok(choices),
            c => last.push(c),
        }
    }
    Err("a { is not closed".into())
}

fn parse(text: &str) -> Result<Alternative, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    let mut at_start = true;
    while let Some(c) = chars.next() {
        let starts_component = std::mem::replace(&mut at_start, c == '/');
        tokens.push(match c {
            '\\' => Token::Char(chars.next().ok_or("it ends in a backslash")?),
            '?' => Token::AnyChar,
            '[' => class(&mut chars)?,
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                match chars.next() {
                    _ if !starts_component => {
                        return Err("`**` must be a component of its own".into());
                    }
                    None => Token::Rest,
                    Some('/') => {
                        at_start = true;
                        Token::Folders
                    }
                    Some(_) => return Err("`**` must be a component of its own".into()),
                }
            }
            '*' => Token::Star,
            c => Token::Char(c),
        });
    }
    let is_char = |token: &&Token| matches!(token, Token::Char(_));
    let fixed = tokens.iter().take_while(is_char).count();
    let rest = tokens.split_off(fixed);
    let prefix = tokens.into_iter().filter_map(|token| match token {
        Token::Char(c) => Some(c),
        _ => None,
    });
    Ok(Alternative {
        prefix: prefix.collect(),
        tokens: rest,
    })
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, String> {
    const OPEN: &str = "a [ is not closed";
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let mut take = || match chars.next() {
            Some('\\') => chars.next().ok_or(OPEN).map(Some),
            Some(']') if !ranges.is_empty() => Ok(None),
            Some(c) => Ok(Some(c)),
            None => Err(OPEN),
        };
        let Some(first) = take()? else {
            return Ok(Token::Class { negated, ranges });
        };
        if chars.next_if_eq(&'-').is_none() {
            ranges.push((first, first));
            continue;
        }
        match chars.next() {
            Some(']') => {
                ranges.extend([(first, first), ('-', '-')]);
                return Ok(Token::Class { negated, ranges });
            }
            Some(last) if last >= first => ranges.push((first, last)),
            Some(last) => return Err(format!("the range {first}-{last} runs backwards")),
            None => return Err(OPEN.into()),
        }
    }
}

/// Runs all ways through the tokens at once, character by character.
fn run(tokens: &[Token], text: &str) -> bool {
    let mut states = vec![false; tokens.len() + 1];
    let mut next = states.clone();
    enter(tokens, &mut states, 0);
    for c in text.chars() {
        next.fill(false);
        for (at, token) in tokens.iter().enumerate() {
            if !states.get(at).copied().unwrap_or(false) {
                continue;
            }
            match token {
                Token::Char(expected) if c == *expected => enter(tokens, &mut next, at + 1),
                Token::AnyChar if c != '/' => enter(tokens, &mut next, at + 1),
                Token::Class { negated, ranges } if c != '/' => {
                    let within = ranges
                        .iter()
                        .any(|(first, last)| (*first..=*last).contains(&c));
                    if within != *negated {
                        enter(tokens, &mut next, at + 1);
                    }
                }
                Token::Star if c != '/' => enter(tokens, &mut next, at),
                Token::Folders => {
                    // Only whole components: on to the next token after a separator alone.
                    if let Some(state) = next.get_mut(at) {
                        *state = true;
                    }
                    if c == '/' {
                        enter(tokens, &mut next, at + 1);
                    }
                }
                Token::Rest => {
                    for reached in [at, at + 1] {
                        if let Some(state) = next.get_mut(reached) {
                            *state = true;
                        }
                    }
                }
                _ => {}
            }
        }
        std::mem::swap(&mut states, &mut next);
    }
    states.last().copied().unwrap_or(false)
}

/// Reaches the token at `at`, and those behind it when it may stand for nothing.
fn enter(tokens: &[Token], states: &mut [bool], mut at: usize) {
    loop {
        if let Some(state) = states.get_mut(at) {
            *state = true;
        }
        if !matches!(tokens.get(at), Some(Token::Star | Token::Folders)) {
            return;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_mean_what_the_documentation_says() -> Result<(), String> {
        for (pattern, path, matches) in [
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*", "a/", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**", "a/", false),
            ("**", "a/b", true),
            ("**/c", "a/b/c", true),
            ("**/c", "c", true),
            ("**/c", "a/bc", false),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/x/y/c", true),
            ("a/**/c", "a/xc", false),
            ("a/**/**/c", "a/x/c", true),
            ("a/?.txt", "a/б.txt", true),
            ("a/?.txt", "a/бб.txt", false),
            ("[а-яіїєґ]*.pdf", "їжак.pdf", true),
            ("[!а-я]*.pdf", "акт.pdf", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[{]x", "{x", true),
            ("a/[0-9].txt", "a/5.txt", true),
            ("*.{jpg,png}", "x.png", true),
            ("{a,b/**}/x", "b/y/x", true),
            ("{a,b/**}/x", "a/x", true),
            ("*.jpg", "x.JPG", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"\{a\}", "{a}", true),
            ("e\u{301}", "\u{e9}", false),
            ("*", ".hidden", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("", "", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern)?.matches(path),
                matches,
                "{pattern} {path}"
            );
        }
        for pattern in [
            "[a", "[z-a]", "{a", "a}", "{a,{b}}", "a\\", "a**", "**b", "[", "[!",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::parse(&"{a,b}".repeat(7)).is_err());
        Ok(())
    }

    #[test]
    fn a_pattern_made_to_take_for_ever_does_not() -> Result<(), String> {
        let pattern = Pattern::parse(&format!("{}b", "*a".repeat(200)))?;
        assert!(!pattern.matches(&"a".repeat(4000)));
        Ok(())
    }

    proptest! {
        /// On ASCII, where bytes are characters, `globset` is the oracle.
        #[test]
        fn patterns_agree_with_globset_on_ascii(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "b", "*", "?", "[ab]", "[!a]", "{a,b*b}", "a*b"]), 1..4),
            folders in prop::collection::vec(prop::sample::select(vec!["a", "*", "**", "b?"]), 0..3),
            path in prop::collection::vec("[ab]{1,3}", 1..4),
        ) {
            let path = path.join("/");
            let text = folders.iter().map(|f| format!("{f}/")).collect::<String>() + &parts.concat();
            prop_assume!(!parts.concat().contains("**"));
            // A class of `globset` takes a separator, ours never does.
            let oracle = GlobBuilder::new(&text.replace("[!a]", "[!a/]")).literal_separator(true).build();
            let oracle = oracle.map_err(|e| TestCaseError::reject(e.to_string()))?.compile_matcher();
            let ours = Pattern::parse(&text).map_err(TestCaseError::fail)?;
            prop_assert_eq!(ours.matches(&path), oracle.is_match(&path), "{} {}", text, path);
        }
    }
}
