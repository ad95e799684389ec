//! A place in a text from which one reads on, a number or a word at a time.

/// A place in a text. What takes something moves it on; what finds nothing leaves it where it is.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a str,
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, at: usize) -> Cursor<'a> {
        Cursor { text, at }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The text before.
    pub fn lead(&self) -> &'a str {
        &self.text[..self.at]
    }

    /// The character before.
    pub fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Takes this character, if it is the next one.
    pub fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = self.peek().filter(|c| wanted(*c))?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Takes all characters that fit; how many they were in bytes.
    pub fn skip(&mut self, wanted: impl Fn(char) -> bool) -> usize {
        let from = self.at;
        while self.take(&wanted).is_some() {}
        self.at - from
    }

    /// Takes spaces, line ends among them: at most four, for what belongs together stands together.
    pub fn spaces(&mut self) -> bool {
        let (from, mut count) = (self.at, 0);
        while count < 4 && self.take(char::is_whitespace).is_some() {
            count += 1;
        }
        self.at > from
    }

    /// Takes a run of at most nine digits: its value and its length.
    pub fn number(&mut self) -> Option<(u32, usize)> {
        let from = self.at;
        let len = self.skip(|c| c.is_ascii_digit());
        let number = self.text[from..self.at].parse().ok();
        match number.filter(|_| len <= 9) {
            Some(number) => Some((number, len)),
            None => {
                self.at = from;
                None
            }
        }
    }

    /// Takes a number with a fraction after a full stop, as it is written: its value, and digits of the fraction.
    pub fn decimal(&mut self) -> Option<(f64, usize)> {
        let from = self.at;
        let (_, _) = self.number()?;
        let mut places = 0;
        let whole = self.at;
        if self.take(|c| c == '.').is_some() {
            places = self.skip(|c| c.is_ascii_digit());
            if places == 0 {
                self.at = whole;
            }
        }
        if places > 15 {
            self.at = from;
            return None;
        }
        let value = self.text[from..self.at].parse().ok()?;
        Some((value, places))
    }

    /// Takes a run of letters.
    pub fn word(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.skip(char::is_alphabetic);
        (self.at > from).then(|| &self.text[from..self.at])
    }

    /// Takes one of these words, whatever its letters' size.
    pub fn one_of(&mut self, words: &[&str]) -> bool {
        let mut ahead = *self;
        let found = ahead
            .word()
            .is_some_and(|w| words.contains(&w.to_lowercase().as_str()));
        if found {
            *self = ahead;
        }
        found
    }

    /// Whether a longer number or word goes on here.
    pub fn goes_on(&self) -> bool {
        let mut next = self.rest().chars();
        match next.next() {
            Some(c) if c.is_alphanumeric() => true,
            Some('.' | '-' | '/' | ',' | ':') => next.next().is_some_and(|c| c.is_ascii_digit()),
            _ => false,
        }
    }
}

/// Calls `each` at every place of a text at which a number or word begins that is no part of a longer one, until it
/// has been through; where `each` took something, it goes on behind that.
pub fn beginnings(text: &str, each: &mut dyn FnMut(Cursor<'_>) -> Option<usize>) {
    let mut cursor = Cursor::new(text, 0);
    let mut joined = false;
    while let Some(next) = cursor.peek() {
        if !next.is_alphanumeric() {
            // 10.24.02.2022 is no date with something before it.
            let between_digits = matches!(next, '.' | '-' | '/' | ',' | ':')
                && cursor.before().is_some_and(|c| c.is_ascii_digit());
            joined = between_digits;
            cursor.at += next.len_utf8();
            continue;
        }
        let taken = if joined && next.is_ascii_digit() {
            None
        } else {
            each(cursor)
        };
        joined = false;
        match taken.filter(|end| *end > cursor.at) {
            Some(end) => cursor.at = end,
            None if next.is_ascii_digit() => {
                cursor.skip(|c| c.is_ascii_digit());
            }
            None => {
                cursor.skip(char::is_alphanumeric);
            }
        }
    }
}
