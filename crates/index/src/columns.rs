//! Values that are compared whole: cases, states, types, years, dates, sizes, coordinates.

use std::ops::Range;

use comity_search::query::{Around, Field, Value};
use comity_words::fold;
use tantivy::{BitSet, SegmentReader};

use crate::error::{IndexError, Result};
use crate::fields::column;

/// The column of words of a field, if it has one that is compared whole.
pub(crate) fn of_field(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Type => column::TYPE,
        Field::Language => column::LANGUAGE,
        Field::Case => column::CASE,
        Field::State => column::STATE,
        Field::Handling => column::HANDLING,
        Field::Year => column::YEAR,
        _ => return None,
    })
}

/// Says of a value of a column whether it is asked for.
pub(crate) type Fits = Box<dyn Fn(&str) -> bool + Sync>;

/// Whether a value of a column is what is asked for; spellings do not matter.
pub(crate) fn fits(field: Field, asked: &Value) -> Result<Fits> {
    Ok(match asked {
        Value::Is(text) => {
            let text = fold(text);
            Box::new(move |value| fold(value) == text)
        }
        Value::Begins(text) => {
            let text = fold(text);
            Box::new(move |value| fold(value).starts_with(&text))
        }
        Value::Range(from, to) => {
            let end = |e: &Option<String>, open: i64| match e {
                None => Ok(open),
                Some(text) => text.parse::<i64>().map_err(|_| {
                    IndexError::Question(format!("{field}:{asked}: {text:?} is no whole number"))
                }),
            };
            let range = end(from, i64::MIN)?..=end(to, i64::MAX)?;
            Box::new(move |value| value.parse().is_ok_and(|n: i64| range.contains(&n)))
        }
    })
}

/// The documents of which a date lies in the range, and wholly: of a month that is asked for by a day, or of a date
/// that may be two days, nobody knows.
pub(crate) fn dated(segment: &SegmentReader, range: &Range<i64>) -> Result<BitSet> {
    let mut found = BitSet::with_max_value(segment.max_doc());
    let fast = segment.fast_fields();
    let begins = fast.column_opt::<i64>(column::BEGINS)?;
    let ends = fast.column_opt::<i64>(column::ENDS)?;
    if let (Some(begins), Some(ends)) = (begins, ends) {
        for doc in 0..segment.max_doc() {
            let mut times = begins.values_for_doc(doc).zip(ends.values_for_doc(doc));
            if times.any(|(begin, last)| range.contains(&begin) && range.contains(&last)) {
                found.insert(doc);
            }
        }
    }
    Ok(found)
}

/// The documents whose size lies in the range, in bytes.
pub(crate) fn sized(segment: &SegmentReader, range: &Range<u64>) -> Result<BitSet> {
    let mut found = BitSet::with_max_value(segment.max_doc());
    if let Some(sizes) = segment.fast_fields().column_opt::<u64>(column::SIZE)? {
        for doc in 0..segment.max_doc() {
            if sizes.first(doc).is_some_and(|size| range.contains(&size)) {
                found.insert(doc);
            }
        }
    }
    Ok(found)
}

/// The documents of which one of the coordinates lies in the circle.
pub(crate) fn around(segment: &SegmentReader, circle: &Around) -> Result<BitSet> {
    let mut found = BitSet::with_max_value(segment.max_doc());
    let fast = segment.fast_fields();
    let north = fast.column_opt::<f64>(column::LATITUDE)?;
    let east = fast.column_opt::<f64>(column::LONGITUDE)?;
    if let (Some(north), Some(east)) = (north, east) {
        for doc in 0..segment.max_doc() {
            let mut points = north.values_for_doc(doc).zip(east.values_for_doc(doc));
            if points.any(|(north, east)| kilometres(circle, north, east) <= circle.km) {
                found.insert(doc);
            }
        }
    }
    Ok(found)
}

/// The distance on a sphere of the earth's mean radius: within half a percent of that on the ellipsoid.
pub(crate) fn kilometres(from: &Around, north: f64, east: f64) -> f64 {
    const RADIUS_KM: f64 = 6371.0088;
    let (a, b) = (from.latitude.to_radians(), north.to_radians());
    let d = (east - from.longitude).to_radians();
    let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (d / 2.0).sin().powi(2);
    2.0 * RADIUS_KM * h.sqrt().min(1.0).asin()
}

/// The moments that a value of `date` means, in microseconds since 1970: a year, a month, a day, or from one to another.
pub(crate) fn moments(asked: &Value) -> Result<Range<i64>> {
    let wrong = |text: &str| {
        IndexError::Question(format!(
            "date:{asked}: {text:?} is no date: 2022, 2022-02 or 2022-02-24, and from..to for a range"
        ))
    };
    let period = |text: &str| period(text).ok_or_else(|| wrong(text));
    match asked {
        Value::Is(text) => period(text),
        Value::Begins(text) => Err(wrong(&format!("{text}*"))),
        Value::Range(from, to) => {
            let from = from.as_deref().map(period).transpose()?;
            let to = to.as_deref().map(period).transpose()?;
            Ok(from.map_or(i64::MIN, |p| p.start)..to.map_or(i64::MAX, |p| p.end))
        }
    }
}

/// A year, month or day of UTC.
fn period(text: &str) -> Option<Range<i64>> {
    let digits = |text: &str, len: usize| -> Option<i64> {
        (text.len() == len && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())?
    };
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map(|m| digits(m, 2).ok_or(()));
    let day = parts.next().map(|d| digits(d, 2).ok_or(()));
    if parts.next().is_some() {
        return None;
    }
    let at = |year: i64, month: i64, day: i64| -> Option<i64> {
        let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
        Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond())
    };
    match (month.transpose().ok()?, day.transpose().ok()?) {
        (None, _) => Some(at(year, 1, 1)?..at(year + 1, 1, 1)?),
        (Some(month), None) => {
            let (next_year, next) = if month == 12 {
                (year + 1, 1)
            } else {
                (year, month + 1)
            };
            Some(at(year, month, 1)?..at(next_year, next, 1)?)
        }
        (Some(month), Some(day)) => {
            let start = at(year, month, day)?;
            Some(start..start + 86_400_000_000)
        }
    }
}

/// The sizes that a value of `size` means, in bytes.
pub(crate) fn sizes(asked: &Value) -> Result<Range<u64>> {
    let number = |text: &str| -> Result<u64> {
        text.parse().map_err(|_| {
            IndexError::Question(format!("size:{asked}: {text:?} is no number of bytes"))
        })
    };
    match asked {
        Value::Is(text) => {
            let size = number(text)?;
            Ok(size..size.saturating_add(1))
        }
        Value::Begins(text) => number(&format!("{text}*")).map(|size| size..size),
        Value::Range(from, to) => {
            let from = from.as_deref().map(number).transpose()?.unwrap_or(0);
            let to = to.as_deref().map(number).transpose()?;
            Ok(from..to.map_or(u64::MAX, |to| to.saturating_add(1)))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn is(text: &str) -> Result<Range<i64>> {
        moments(&Value::Is(text.to_owned()))
    }

    #[test]
    fn dates_mean_whole_periods() {
        const DAY: i64 = 86_400_000_000;
        let days = |text: &str| {
            let range = is(text).unwrap();
            (range.end - range.start) / DAY
        };
        assert_eq!(days("2022"), 365);
        assert_eq!(days("2024-02"), 29);
        assert_eq!(days("2022-12"), 31);
        assert_eq!(days("2022-02-24"), 1);
        for wrong in [
            "22",
            "2022-13",
            "2022-02-30",
            "2022-2-3",
            "2022-02-24-1",
            "yesterday",
        ] {
            let said = is(wrong).unwrap_err().to_string();
            assert!(said.contains("is no date"), "{said}");
        }
        let range = Value::Range(Some("2022-02-24".to_owned()), Some("2022-03".to_owned()));
        let range = moments(&range).unwrap();
        assert_eq!((range.end - range.start) / DAY, 5 + 31);
    }

    #[test]
    fn kilometres_are_those_of_the_map() {
        let kyiv = Around {
            latitude: 50.4501,
            longitude: 30.5234,
            km: 0.0,
        };
        let kharkiv = kilometres(&kyiv, 49.9935, 36.2304);
        assert!((kharkiv - 410.0).abs() < 5.0, "{kharkiv}");
        // Across the line where longitudes begin again.
        let fiji = Around {
            latitude: -17.0,
            longitude: 179.9,
            km: 0.0,
        };
        assert!(kilometres(&fiji, -17.0, -179.9) < 25.0);
    }
}
