//! The pieces of a question: parentheses, quoted text, and runs without spaces.

use super::QueryError;

/// A piece, and where it begins, in characters from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) at: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Open,
    Close,
    /// What stands before a quotation, and what is quoted: `path:"a b"`, `="word"`, `"words"`.
    Quoted(String, String),
    /// A run of letters and signs.
    Run(String),
}

/// Cuts a question into its pieces. Quotation marks of print count as the plain one.
pub(super) fn pieces(question: &str) -> Result<Vec<Piece>, QueryError> {
    let letters: Vec<char> = question.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at) {
        let begins = at;
        let what = match letter {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => {
                at += 1;
                What::Open
            }
            ')' => {
                at += 1;
                What::Close
            }
            _ => run(&letters, &mut at)?,
        };
        pieces.push(Piece { at: begins, what });
    }
    Ok(pieces)
}

/// A run goes to the next space or parenthesis; `near(…)` takes its own along.
fn run(letters: &[char], at: &mut usize) -> Result<What, QueryError> {
    let mut run = String::new();
    while let Some(letter) = letters.get(*at).copied() {
        if is_quotation_mark(letter) {
            let quoted = quoted(letters, at)?;
            return Ok(What::Quoted(run, quoted));
        }
        let circle = letter == '(' && run.eq_ignore_ascii_case("near");
        if circle {
            let end = letters[*at..].iter().position(|c| *c == ')');
            let Some(end) = end else {
                return Err(QueryError {
                    what: "near( needs latitude, longitude and kilometres and a closing parenthesis: near(50.45,30.52,10)".to_owned(),
                    at: *at + 1,
                });
            };
            run.extend(&letters[*at..=*at + end]);
            *at += end + 1;
            return Ok(What::Run(run));
        }
        if letter.is_whitespace() || matches!(letter, '(' | ')') {
            break;
        }
        run.push(letter);
        *at += 1;
    }
    Ok(What::Run(run))
}

/// The text between this mark and the next.
fn quoted(letters: &[char], at: &mut usize) -> Result<String, QueryError> {
    let begins = *at;
    let text: String = letters[begins + 1..]
        .iter()
        .take_while(|c| !is_quotation_mark(**c))
        .collect();
    let end = begins + 1 + text.chars().count();
    if end == letters.len() {
        return Err(QueryError {
            what: "a quotation is opened and not closed".to_owned(),
            at: begins + 1,
        });
    }
    *at = end + 1;
    Ok(text)
}

fn is_quotation_mark(c: char) -> bool {
    matches!(c, '"' | '«' | '»' | '“' | '”' | '„' | '‟')
}
