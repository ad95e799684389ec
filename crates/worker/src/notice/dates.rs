//! Dates in a text: numbers, and names of months in Ukrainian, Russian and English.
//!
//! A date is taken for what it says and no more. Where day and month may be either, or the century is missing, it is
//! given with both readings; where a zone is not stated, none is.

use super::cursor::{Cursor, beginnings};

/// What a date in a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A month, a day, or a day with its time.
    Sure(String),
    /// One of two days.
    Either(String, String),
}

/// Names of the months. The first of each list are whole words, the second stand after a day only.
const MONTHS: [(&[&str], &[&str]); 12] = [
    (
        &[
            "січень",
            "січня",
            "січні",
            "январь",
            "января",
            "январе",
            "january",
        ],
        &["січ", "янв", "jan"],
    ),
    (
        &[
            "лютий",
            "лютого",
            "лютому",
            "февраль",
            "февраля",
            "феврале",
            "february",
        ],
        &["лют", "фев", "февр", "feb"],
    ),
    (
        &[
            "березень",
            "березня",
            "березні",
            "март",
            "марта",
            "марте",
            "march",
        ],
        &["бер", "мар", "mar"],
    ),
    (
        &[
            "квітень",
            "квітня",
            "квітні",
            "апрель",
            "апреля",
            "апреле",
            "april",
        ],
        &["квіт", "апр", "apr"],
    ),
    (
        &["травень", "травня", "травні", "май", "мая", "мае", "may"],
        &["трав"],
    ),
    (
        &[
            "червень",
            "червня",
            "червні",
            "июнь",
            "июня",
            "июне",
            "june",
        ],
        &["черв", "июн", "jun"],
    ),
    (
        &["липень", "липня", "липні", "июль", "июля", "июле", "july"],
        &["лип", "июл", "jul"],
    ),
    (
        &[
            "серпень",
            "серпня",
            "серпні",
            "август",
            "августа",
            "августе",
            "august",
        ],
        &["серп", "авг", "aug"],
    ),
    (
        &[
            "вересень",
            "вересня",
            "вересні",
            "сентябрь",
            "сентября",
            "сентябре",
            "september",
        ],
        &["вер", "сен", "сент", "sep", "sept"],
    ),
    (
        &[
            "жовтень",
            "жовтня",
            "жовтні",
            "октябрь",
            "октября",
            "октябре",
            "october",
        ],
        &["жовт", "окт", "oct"],
    ),
    (
        &[
            "листопад",
            "листопада",
            "листопаді",
            "ноябрь",
            "ноября",
            "ноябре",
            "november",
        ],
        &["лист", "ноя", "нояб", "nov"],
    ),
    (
        &[
            "грудень",
            "грудня",
            "грудні",
            "декабрь",
            "декабря",
            "декабре",
            "december",
        ],
        &["груд", "дек", "dec"],
    ),
];

/// Years that a date in a text is believed to be of.
const YEARS: std::ops::RangeInclusive<u32> = 1800..=2100;
/// Bytes of the longest name of a month.
const LONGEST: usize = 20;

/// Calls `each` with every date of a text: where it stands, and what it says.
pub fn dates(text: &str, each: &mut dyn FnMut(&str, Said)) {
    beginnings(text, &mut |from| {
        let mut end = from;
        let said = match from.peek() {
            Some(c) if c.is_ascii_digit() => in_numbers(&mut end).or_else(|| {
                end = from;
                day_first(&mut end)
            }),
            _ => month_first(&mut end),
        }?;
        let said = match said {
            Said::Sure(day) if day.len() == 10 => Said::Sure(day + &time(&mut end)),
            other => other,
        };
        each(&text[from.at..end.at], said);
        Some(end.at)
    });
}

fn day(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let real = YEARS.contains(&year) && (1..=days).contains(&day);
    real.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// One of the readings, where only one is a day of the calendar.
fn either(one: Option<String>, other: Option<String>) -> Option<Said> {
    match (one, other) {
        (Some(one), Some(other)) if one == other => Some(Said::Sure(one)),
        (Some(one), Some(other)) => {
            let (first, last) = if one < other {
                (one, other)
            } else {
                (other, one)
            };
            Some(Said::Either(first, last))
        }
        (one, other) => one.or(other).map(Said::Sure),
    }
}

/// `2022-02-24`, `24.02.2022`, `03/04/2022`, `24.02.22`.
fn in_numbers(at: &mut Cursor<'_>) -> Option<Said> {
    let (a, a_len) = at.number()?;
    let between = at.take(|c| matches!(c, '.' | '-' | '/'))?;
    let (b, b_len) = at.number()?;
    at.take(|c| c == between)?;
    let (c, c_len) = at.number()?;
    let goes_on = at.goes_on() && !at.rest().starts_with(['T', 'р', 'г']);
    if b_len > 2 || goes_on {
        return None;
    }
    match (a_len, c_len, between) {
        (4, 1 | 2, _) => day(a, b, c).map(Said::Sure),
        // With full stops the day comes first, wherever dates are written so.
        (1 | 2, 4, '.') => day(c, b, a).map(Said::Sure),
        (1 | 2, 4, _) => either(day(c, b, a), day(c, a, b)),
        (2, 2, '.') if b_len == 2 => either(day(1900 + c, b, a), day(2000 + c, b, a)),
        _ => None,
    }
}

/// `24 лютого 2022`, `«24» лютого 2022`, `24-го февраля 2022`, `24th of February 2022`, `24-Feb-2022`.
fn day_first(at: &mut Cursor<'_>) -> Option<Said> {
    let (number, len) = at.number()?;
    if len > 2 {
        return None;
    }
    let mut suffix = *at;
    suffix.take(|c| c == '-');
    if suffix.one_of(&["st", "nd", "rd", "th", "го", "е"]) {
        *at = suffix;
    }
    at.take(|c| matches!(c, '»' | '”' | '"' | '“' | '\''));
    let apart = at.spaces() || at.take(|c| c == '-').is_some();
    if !apart {
        return None;
    }
    if at.one_of(&["of"]) {
        at.spaces();
    }
    let month = month(at, true)?;
    at.take(|c| matches!(c, '.' | ',' | '-'));
    at.spaces();
    let year = year(at)?;
    day(year, month, number).map(Said::Sure)
}

/// `February 24, 2022`; `лютий 2022`, a month.
fn month_first(at: &mut Cursor<'_>) -> Option<Said> {
    let mut ahead = *at;
    ahead.word()?;
    let after = ahead.rest().trim_start_matches(['.', ' ', '\n', '\u{a0}']);
    if !after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    ahead = *at;
    let month = month(&mut ahead, false).or_else(|| {
        // Abbreviated with a day behind it: Feb 24, 2022.
        ahead = *at;
        let month = month(&mut ahead, true)?;
        ahead.take(|c| c == '.');
        let mut day = ahead;
        let has_day = day.spaces() && day.number().is_some_and(|(_, len)| len <= 2);
        has_day.then_some(month)
    })?;
    *at = ahead;
    if !at.spaces() {
        return None;
    }
    let mut with_day = *at;
    if let Some((number, 1 | 2)) = with_day.number() {
        with_day.one_of(&["st", "nd", "rd", "th"]);
        with_day.take(|c| c == ',');
        with_day.spaces();
        let said = day(year(&mut with_day)?, month, number)?;
        *at = with_day;
        return Some(Said::Sure(said));
    }
    let year = year(at)?;
    Some(Said::Sure(format!("{year:04}-{month:02}")))
}

/// A month by its name; English ones begin with a capital letter, since «may» is another word.
fn month(at: &mut Cursor<'_>, short_too: bool) -> Option<u32> {
    let name = at.word()?;
    if name.len() > LONGEST || (name.is_ascii() && name.starts_with(|c: char| c.is_lowercase())) {
        return None;
    }
    let name = name.to_lowercase();
    let is_it = |(whole, short): &(&[&str], &[&str])| {
        whole.contains(&name.as_str()) || (short_too && short.contains(&name.as_str()))
    };
    let index = MONTHS.iter().position(is_it)?;
    u32::try_from(index + 1).ok()
}

fn year(at: &mut Cursor<'_>) -> Option<u32> {
    let (year, 4) = at.number()? else { return None };
    let ends = !at.goes_on() || at.rest().starts_with(['р', 'г', ',']);
    (YEARS.contains(&year) && ends).then_some(year)
}

/// The time behind a day, with its zone if it says one: `T04:30:00+02:00`. Nothing where there is none.
fn time(at: &mut Cursor<'_>) -> String {
    let mut ahead = *at;
    match clock(&mut ahead) {
        Some(time) => {
            *at = ahead;
            time
        }
        None => String::new(),
    }
}

fn clock(at: &mut Cursor<'_>) -> Option<String> {
    let mut whole = at.take(|c| c == 'T').is_some();
    if !whole {
        let mut apart = at.spaces();
        if at.one_of(&["р", "г", "року", "года"]) {
            at.take(|c| c == '.');
        }
        at.take(|c| c == ',');
        apart |= at.spaces();
        if !apart {
            return None;
        }
        if at.one_of(&["о", "об", "в", "at"]) {
            at.spaces();
        }
    }
    let (hour, 1 | 2) = at.number()? else {
        return None;
    };
    at.take(|c| c == ':')?;
    let (minute, 2) = at.number()? else {
        return None;
    };
    let mut second = 0;
    let mut with_seconds = *at;
    if with_seconds.take(|c| c == ':').is_some()
        && let Some((seconds, 2)) = with_seconds.number()
    {
        second = seconds;
        whole = true;
        *at = with_seconds;
        let mut fraction = *at;
        if fraction.take(|c| matches!(c, '.' | ',')).is_some() && fraction.number().is_some() {
            *at = fraction;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(format!(
        "T{hour:02}:{minute:02}:{second:02}{}",
        zone(at, whole)
    ))
}

/// `Z`, `UTC`, `+02:00`, `+0200`, `UTC+3`. Behind hours and minutes alone, 04:30-05:00 is from one time to another.
fn zone(at: &mut Cursor<'_>, whole: bool) -> String {
    let mut ahead = *at;
    ahead.spaces();
    let universal = ahead.one_of(&["z", "utc", "gmt"]);
    let mut shift = ahead;
    let offset = (|| {
        let sign = shift.take(|c| matches!(c, '+' | '-' | '−'))?;
        let (hours, minutes) = match shift.number()? {
            (number, 4) => (number / 100, number % 100),
            (hours, 2) => match shift.take(|c| c == ':') {
                Some(_) if whole || universal || sign == '+' => (hours, shift.number()?.0),
                Some(_) => return None,
                None if universal => (hours, 0),
                None => return None,
            },
            (hours, 1) if universal => (hours, 0),
            _ => return None,
        };
        let sign = if sign == '+' { '+' } else { '-' };
        (hours <= 14 && minutes < 60).then(|| format!("{sign}{hours:02}:{minutes:02}"))
    })();
    match (offset, universal) {
        (Some(offset), _) => {
            *at = shift;
            offset
        }
        (None, true) => {
            *at = ahead;
            "Z".to_owned()
        }
        (None, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        dates(text, &mut |words, said| {
            assert!(text.contains(words));
            all.push(match said {
                Said::Sure(day) => day,
                Said::Either(one, other) => format!("{one} or {other}"),
            });
        });
        all
    }

    #[test]
    fn a_date_is_found_however_it_is_written() {
        let cases: [(&str, &[&str]); 35] = [
            ("Складено 24 лютого 2022 р. у Києві", &["2022-02-24"]),
            ("від «24» лютого 2022 року № 17", &["2022-02-24"]),
            ("24-го февраля 2022 г., утром", &["2022-02-24"]),
            ("on 24 February 2022.", &["2022-02-24"]),
            ("on the 1st of March 2022", &["2022-03-01"]),
            (
                "February 24, 2022 and Feb. 25, 2022",
                &["2022-02-24", "2022-02-25"],
            ),
            ("у лютому 2022 року", &["2022-02"]),
            ("March 2014", &["2014-03"]),
            ("24.02.2022", &["2022-02-24"]),
            ("24.02.2022р. і 25.2.2022", &["2022-02-24", "2022-02-25"]),
            ("2022-02-24, 2022/02/25", &["2022-02-24", "2022-02-25"]),
            ("24.02.2022 о 04:30", &["2022-02-24T04:30:00"]),
            ("24 лютого 2022 року о 4:30 ранку", &["2022-02-24T04:30:00"]),
            ("2022-02-24T04:30:15.250Z", &["2022-02-24T04:30:15Z"]),
            ("2022-02-24 04:30:15 +0200", &["2022-02-24T04:30:15+02:00"]),
            (
                "Thu, 24 Feb 2022 04:30:00 -0500",
                &["2022-02-24T04:30:00-05:00"],
            ),
            ("24.02.2022 04:30 UTC+3", &["2022-02-24T04:30:00+03:00"]),
            ("24.02.2022 04:30 UTC", &["2022-02-24T04:30:00Z"]),
            (
                "24.02.2022, 04:30-05:00; 25.02.2022, 04:30–05:00",
                &["2022-02-24T04:30:00", "2022-02-25T04:30:00"],
            ),
            ("(24.02.2022, 25.02.2022)", &["2022-02-24", "2022-02-25"]),
            // What may be two days is both.
            ("03/04/2022", &["2022-03-04 or 2022-04-03"]),
            ("03-04-2022", &["2022-03-04 or 2022-04-03"]),
            ("02/24/2022 and 24/02/2022", &["2022-02-24", "2022-02-24"]),
            ("03/03/2022", &["2022-03-03"]),
            ("24.02.22", &["1922-02-24 or 2022-02-24"]),
            // And these are none.
            ("10.24.02.2022", &[]),
            ("24.02.2022.17", &[]),
            ("30.02.2022", &[]),
            ("29.02.2023, 29.02.2024", &["2024-02-29"]),
            ("version 1.2.3, 192.168.10.24", &[]),
            ("you may 2022 times", &[]),
            ("24 лютого", &[]),
            ("лист 2022", &[]),
            ("tel. 24-02-20221", &[]),
            ("99999999999999999999-02-24 ٢٤.٠٢.٢٠٢٢", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected, "{text}");
            // Wherever a text is cut, it is looked through to its end.
            for (cut, _) in text.char_indices() {
                found(&text[..cut]);
                found(&text[cut..]);
            }
        }
    }
}
