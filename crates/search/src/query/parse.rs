//! From a question as it is typed to what it asks.

use comity_words::words;

use super::lex::{Piece, What, pieces};
use super::{
    Around, Field, Form, MAX_DEPTH, MAX_LEN, MAX_NEAR, Query, QueryError, Thing, Value, Word,
};

/// Letters that a word must have before `*` or `~`: fewer would find half of everything.
const MIN_BEGINNING: usize = 2;
const MIN_FUZZY: usize = 4;

/// Reads a question.
///
/// # Errors
/// What is not understood is named with its place; nothing is guessed.
pub fn parse(question: &str) -> Result<Query, QueryError> {
    let refuse = |what: &str| Err(QueryError::new(0, what));
    if question.len() > MAX_LEN {
        return refuse(
            "the question is too long: 16,384 bytes at most; a list of terms can be given as a file",
        );
    }
    let mut parser = Parser {
        pieces: pieces(question)?,
        next: 0,
        depth: 0,
    };
    if parser.pieces.is_empty() {
        return refuse("nothing is asked");
    }
    let query = parser.any_of()?;
    match parser.peek() {
        None => Ok(query),
        Some(piece) => Err(QueryError::new(
            piece.at,
            "a parenthesis is closed that was not opened",
        )),
    }
}

impl QueryError {
    fn new(at: usize, what: impl Into<String>) -> QueryError {
        QueryError {
            what: what.into(),
            at: at + 1,
        }
    }
}

struct Parser {
    pieces: Vec<Piece>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Piece> {
        self.pieces.get(self.next)
    }

    /// Takes the next piece if it is this word.
    fn take(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Piece { what: What::Run(run), .. }) if run == word);
        self.next += usize::from(is_it);
        is_it
    }

    /// The end of what belongs together: of the question, or of the parentheses.
    fn at_end(&self) -> bool {
        self.peek().is_none_or(|p| p.what == What::Close)
    }

    /// Where the next piece stands, or the last one ended.
    fn place(&self) -> usize {
        let last = |p: &Piece| p.at;
        self.peek()
            .map(last)
            .or(self.pieces.last().map(last))
            .unwrap_or(0)
    }

    fn any_of(&mut self) -> Result<Query, QueryError> {
        let mut parts = vec![self.all_of()?];
        while self.take("OR") {
            parts.push(self.all_of()?);
        }
        Ok(one_or(parts, Query::Or))
    }

    fn all_of(&mut self) -> Result<Query, QueryError> {
        let mut parts = vec![self.negated()?];
        while !self.at_end() && !self.is_next("OR") {
            self.take("AND");
            parts.push(self.negated()?);
        }
        Ok(one_or(parts, Query::And))
    }

    fn is_next(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Piece { what: What::Run(run), .. }) if run == word)
    }

    fn negated(&mut self) -> Result<Query, QueryError> {
        if self.take("NOT") {
            self.deeper()?;
            let part = self.negated()?;
            self.depth -= 1;
            return Ok(Query::Not(Box::new(part)));
        }
        let mut left = self.single()?;
        while let Some((within, at)) = self.near()? {
            let right = self.single()?;
            for side in [&left, &right] {
                if !matches!(side, Query::Word(_) | Query::Phrase(_) | Query::Near { .. }) {
                    return Err(QueryError::new(at, "near/ stands between words or phrases"));
                }
            }
            if matches!(right, Query::Near { .. }) {
                return Err(QueryError::new(
                    at,
                    "near/ takes no parentheses on its right: write a near/5 b near/5 c",
                ));
            }
            left = Query::Near {
                left: Box::new(left),
                right: Box::new(right),
                within,
            };
        }
        Ok(left)
    }

    /// `near/5`, if that comes next.
    fn near(&mut self) -> Result<Option<(u32, usize)>, QueryError> {
        let Some(Piece {
            at,
            what: What::Run(run),
        }) = self.peek()
        else {
            return Ok(None);
        };
        let at = *at;
        let Some(number) = run
            .get(..5)
            .filter(|start| start.eq_ignore_ascii_case("near/"))
            .and(run.get(5..))
        else {
            return Ok(None);
        };
        let within = number.parse().ok().filter(|n| (1..=MAX_NEAR).contains(n));
        let Some(within) = within else {
            let what = format!("near/ takes a number of words from 1 to {MAX_NEAR}: near/5");
            return Err(QueryError::new(at, what));
        };
        self.next += 1;
        Ok(Some((within, at)))
    }

    fn deeper(&mut self) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("more than {MAX_DEPTH} parts lie inside one another");
            return Err(QueryError::new(self.place(), what));
        }
        Ok(())
    }

    fn single(&mut self) -> Result<Query, QueryError> {
        let Some(Piece { at, what }) = self.peek().cloned() else {
            return Err(QueryError::new(
                self.place(),
                "something to look for is missing at the end",
            ));
        };
        match what {
            What::Open => {
                self.next += 1;
                self.deeper()?;
                if self.at_end() {
                    return Err(QueryError::new(at, "nothing stands in the parentheses"));
                }
                let inner = self.any_of()?;
                if !matches!(self.peek(), Some(p) if p.what == What::Close) {
                    return Err(QueryError::new(
                        at,
                        "a parenthesis is opened and not closed",
                    ));
                }
                self.next += 1;
                self.depth -= 1;
                Ok(inner)
            }
            What::Close => Err(QueryError::new(
                at,
                "something to look for is missing before the parenthesis",
            )),
            What::Run(run) if matches!(run.as_str(), "AND" | "OR") => Err(QueryError::new(
                at,
                format!(
                    "something to look for is missing before {run}; in quotation marks it is a word"
                ),
            )),
            What::Run(run) => {
                self.next += 1;
                of_run(&run, at)
            }
            What::Quoted(before, text) => {
                self.next += 1;
                of_quoted(&before, &text, at)
            }
        }
    }
}

fn one_or(mut parts: Vec<Query>, many: impl FnOnce(Vec<Query>) -> Query) -> Query {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

/// A run without quotation marks: a word with its signs, a field, a circle.
fn of_run(run: &str, at: usize) -> Result<Query, QueryError> {
    if let Some(circle) = circle_of(run) {
        return around(circle, at);
    }
    if let Some((name, value)) = field_of(run) {
        return match value {
            "" => Err(QueryError::new(at, format!("{name}: has no value"))),
            _ => field(name, value, at),
        };
    }
    if let Some(word) = run.strip_prefix('=') {
        return spelled(word, Form::Exact, at);
    }
    if let Some((word, number)) = run.rsplit_once('~') {
        let distance = match number {
            "" | "1" => 1,
            "2" => 2,
            _ => {
                return Err(QueryError::new(
                    at,
                    "a fuzzy word is at most 2 letters away: word~ or word~2",
                ));
            }
        };
        return spelled(word, Form::Fuzzy(distance), at);
    }
    match run.strip_suffix('*') {
        Some(word) => spelled(word, Form::Begins, at),
        None => spelled(run, Form::Any, at),
    }
}

/// The words of a run. More than one, as in `Івано-Франківськ`, follow one another.
fn spelled(text: &str, form: Form, at: usize) -> Result<Query, QueryError> {
    if text.contains(['*', '?', '~']) {
        return Err(QueryError::new(
            at,
            "* and ~ stand at the end of a word; other wildcards are not known",
        ));
    }
    let mut found: Vec<Word> = words(text)
        .map(|w| Word {
            text: w.text.to_owned(),
            form: if form == Form::Exact { form } else { Form::Any },
        })
        .collect();
    let (several, letters) = (
        found.len() > 1,
        found.last().map_or(0, |w| w.text.chars().count()),
    );
    let wrong = match form {
        Form::Begins if letters < MIN_BEGINNING => {
            format!("at least {MIN_BEGINNING} letters stand before *")
        }
        Form::Fuzzy(_) if several => "~ follows a single word".to_owned(),
        Form::Fuzzy(_) if letters < MIN_FUZZY => {
            format!("a fuzzy word has at least {MIN_FUZZY} letters")
        }
        _ if letters == 0 => format!("{text:?} has no letters or digits to look for"),
        _ => String::new(),
    };
    if !wrong.is_empty() {
        return Err(QueryError::new(at, wrong));
    }
    if let Some(last) = found.last_mut() {
        last.form = form;
    }
    Ok(match found.len() {
        1 => Query::Word(found.remove(0)),
        _ => Query::Phrase(found),
    })
}

fn of_quoted(before: &str, text: &str, at: usize) -> Result<Query, QueryError> {
    match before {
        "" => {}
        "=" => return phrase(text, Form::Exact, at),
        _ => {
            return match field_of(before) {
                Some((name, "")) if !text.is_empty() => field(name, text, at),
                Some((name, "")) => Err(QueryError::new(at, format!("{name}: has no value"))),
                _ => Err(QueryError::new(
                    at,
                    "a space is missing before the quotation mark",
                )),
            };
        }
    }
    phrase(text, Form::Any, at)
}

fn phrase(text: &str, form: Form, at: usize) -> Result<Query, QueryError> {
    let (text, begins) = match text.strip_suffix('*') {
        Some(rest) if form == Form::Any => (rest, true),
        _ => (text, false),
    };
    spelled(text, if begins { Form::Begins } else { form }, at)
}

/// The name and the value of `name:value`. A colon after anything but letters is none of a field.
fn field_of(run: &str) -> Option<(&str, &str)> {
    let (name, value) = run.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic());
    is_name.then_some((name, value))
}

fn field(name: &str, value: &str, at: usize) -> Result<Query, QueryError> {
    let lower = name.to_ascii_lowercase();
    if lower == "has" {
        let thing = Thing::ALL
            .iter()
            .find(|t| t.word().eq_ignore_ascii_case(value));
        return match thing {
            Some(thing) => Ok(Query::Has(*thing)),
            None => Err(QueryError::new(
                at,
                format!("has: knows {}", list(Thing::ALL)),
            )),
        };
    }
    let Some(field) = Field::ALL.iter().copied().find(|f| f.word() == lower) else {
        let what = format!(
            "there is no field {name:?}: the fields are {}, and has; a text with a colon stands in quotation marks",
            list(Field::ALL)
        );
        return Err(QueryError::new(at, what));
    };
    let value = match (value.split_once(".."), value.strip_suffix('*')) {
        (Some((from, to)), _) if field.has_order() => range(field, from, to, at)?,
        (_, Some("")) => {
            return Err(QueryError::new(
                at,
                format!("{field}:* is has:{field}, or nothing"),
            ));
        }
        (_, Some(begins)) => Value::Begins(begins.to_owned()),
        _ => Value::Is(value.to_owned()),
    };
    Ok(Query::Field { field, value })
}

fn range(field: Field, from: &str, to: &str, at: usize) -> Result<Value, QueryError> {
    let end = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if to.contains("..") || (from.is_empty() && to.is_empty()) {
        let what = format!("a range is {field}:from..to, one of which may be left away");
        return Err(QueryError::new(at, what));
    }
    Ok(Value::Range(end(from), end(to)))
}

fn circle_of(run: &str) -> Option<&str> {
    let start = run.get(..5)?;
    let inner = run.get(5..)?.strip_suffix(')')?;
    start.eq_ignore_ascii_case("near(").then_some(inner)
}

fn around(inner: &str, at: usize) -> Result<Query, QueryError> {
    let numbers: Vec<f64> = inner
        .split(',')
        .map_while(|n| n.trim().parse().ok())
        .collect();
    match (numbers.as_slice(), inner.split(',').count()) {
        (&[latitude, longitude, km], 3)
            if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && km > 0.0 && km <= 20_038.0 =>
        {
            Ok(Query::Around(Around {
                latitude,
                longitude,
                km,
            }))
        }
        _ => Err(QueryError::new(
            at,
            "near( takes latitude, longitude and kilometres: near(50.45,30.52,10)",
        )),
    }
}

fn list<T: std::fmt::Display>(all: &[T]) -> String {
    let words: Vec<String> = all.iter().map(T::to_string).collect();
    words.join(", ")
}
