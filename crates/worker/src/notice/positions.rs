//! Coordinates in a text: degrees, minutes and seconds; decimal degrees; UTM and MGRS.

use super::cursor::{Cursor, beginnings};
use super::grid;

/// Digits behind the point that two bare numbers must have to be taken for coordinates: ten metres. Prices and
/// measures have fewer.
const PLACES: usize = 4;

/// Calls `each` with every pair of coordinates of a text: the words, latitude and longitude in degrees.
pub fn positions(text: &str, each: &mut dyn FnMut(&str, f64, f64)) {
    beginnings(text, &mut |from| {
        let readings = [in_degrees, in_decimals, in_grid];
        let found = readings.into_iter().find_map(|read| {
            // A sign or hemisphere before the number belongs to it.
            let mut end = from;
            let (north, east) = read(&mut end)?;
            let on_earth = north.abs() <= 90.0 && east.abs() <= 180.0;
            on_earth.then_some((end.at, north, east))
        });
        let (end, north, east) = found?;
        each(&text[from.at..end], north, east);
        Some(end)
    });
}

/// Which half of the earth.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    North,
    South,
    East,
    West,
}

/// N, S, E, W, and what Ukrainian and Russian write: пн. ш., пд. ш., сх. д., зх. д.; с. ш., ю. ш., в. д., з. д.
fn half(at: &mut Cursor<'_>) -> Option<Half> {
    const HALVES: [(&str, &str, Half); 12] = [
        ("n", "", Half::North),
        ("s", "", Half::South),
        ("e", "", Half::East),
        ("w", "", Half::West),
        ("пн", "ш", Half::North),
        ("пд", "ш", Half::South),
        ("сх", "д", Half::East),
        ("зх", "д", Half::West),
        ("с", "ш", Half::North),
        ("ю", "ш", Half::South),
        ("в", "д", Half::East),
        ("з", "д", Half::West),
    ];
    let mut ahead = *at;
    ahead.spaces();
    let first = ahead.word().filter(|word| word.len() <= 4)?.to_lowercase();
    let (_, second, half) = HALVES.iter().find(|(word, _, _)| *word == first)?;
    if !second.is_empty() {
        ahead.take(|c| c == '.');
        ahead.spaces();
        if !ahead.one_of(&[second]) {
            return None;
        }
        ahead.take(|c| c == '.');
    }
    *at = ahead;
    Some(*half)
}

/// `50°27′01″N 30°31′24″E`, `N 50° 27.017' E 30° 31.4'`, `50.4501° N, 30.5234° E`.
fn in_degrees(at: &mut Cursor<'_>) -> Option<(f64, f64)> {
    let (one, one_half) = angle(at)?;
    at.spaces();
    at.take(|c| matches!(c, ',' | ';' | '/'));
    at.spaces();
    let (other, other_half) = angle(at)?;
    let signed = |value: f64, half| match half {
        Half::North | Half::East => value,
        Half::South | Half::West => -value,
    };
    let is_north = |half| matches!(half, Half::North | Half::South);
    match (is_north(one_half), is_north(other_half)) {
        (true, false) => Some((signed(one, one_half), signed(other, other_half))),
        (false, true) => Some((signed(other, other_half), signed(one, one_half))),
        _ => None,
    }
}

fn angle(at: &mut Cursor<'_>) -> Option<(f64, Half)> {
    let before = match at.peek() {
        Some(c) if c.is_alphabetic() => Some(half(at)?),
        _ => None,
    };
    at.spaces();
    let (mut value, _) = at.decimal()?;
    at.take(|c| matches!(c, '°' | 'º' | '˚'))?;
    for (signs, part) in [
        (&['\'', '′', '’', 'ʹ'][..], 60.0),
        (&['"', '″', '”', '“'][..], 3600.0),
    ] {
        let mut ahead = *at;
        ahead.spaces();
        if let Some((number, _)) = ahead.decimal()
            && number < 60.0
            && (ahead.take(|c| signs.contains(&c)).is_some() || (part > 60.0 && twice(&mut ahead)))
        {
            value += number / part;
            *at = ahead;
        }
    }
    let half = match before {
        Some(half) => half,
        None => half(at)?,
    };
    Some((value, half))
}

/// Seconds are also written with two signs of minutes.
fn twice(at: &mut Cursor<'_>) -> bool {
    let is_minute = |c: char| matches!(c, '\'' | '′' | '’' | 'ʹ');
    at.take(is_minute).is_some() && at.take(is_minute).is_some()
}

/// `50.4501, 30.5234`, `-33.8688 151.2093`: latitude first, as people write it.
fn in_decimals(at: &mut Cursor<'_>) -> Option<(f64, f64)> {
    // A number with a comma before makes it a list; in brackets and elements longitude often comes first.
    let lead = at.lead().trim_end_matches('-');
    let apart = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let last = lead.trim_end_matches(apart).rsplit(apart).next();
    let listed = last.is_some_and(|last| last.parse::<f64>().is_ok() && last.contains('.'));
    if listed || lead.ends_with(['[', '>']) {
        return None;
    }
    let south = at.before() == Some('-');
    let (north, PLACES..) = at.decimal()? else {
        return None;
    };
    let comma = at.take(|c| matches!(c, ',' | ';')).is_some();
    let apart = at.spaces();
    let west = at.take(|c| c == '-').is_some();
    let (east, PLACES..) = at.decimal()? else {
        return None;
    };
    // A third number makes it a list.
    let mut ahead = *at;
    let comma_too = ahead.take(|c| matches!(c, ',' | ';')).is_some();
    let third = ahead.spaces() || comma_too;
    ahead.take(|c| c == '-');
    let is_list = third
        && ahead
            .decimal()
            .is_some_and(|(_, places)| comma_too || places > 0)
        && !ahead.rest().starts_with(char::is_alphabetic);
    let signed = |value: f64, negative| if negative { -value } else { value };
    let is_pair = (comma || apart) && !is_list && !at.rest().starts_with(char::is_alphanumeric);
    is_pair.then(|| (signed(north, south), signed(east, west)))
}

/// `36UUB1234567890`, `36U UB 12345 67890`; `36U 323456 5591234`, `zone 36 N` being written `36N`.
fn in_grid(at: &mut Cursor<'_>) -> Option<(f64, f64)> {
    let (zone, 1 | 2) = at.number()? else {
        return None;
    };
    let band = at.take(|c| c.is_ascii_uppercase())?;
    let mut in_utm = *at;
    if let Some(found) = utm(&mut in_utm, zone, band) {
        *at = in_utm;
        return Some(found);
    }
    at.take(|c| c == ' ');
    let column = at.take(|c| c.is_ascii_uppercase())?;
    let row = at.take(|c| c.is_ascii_uppercase())?;
    at.take(|c| c == ' ');
    let from = *at;
    at.skip(|c| c.is_ascii_digit());
    let mut digits = from.rest()[..at.at - from.at].to_owned();
    let mut second = *at;
    if second.take(|c| c == ' ').is_some() {
        let from = second;
        let len = second.skip(|c| c.is_ascii_digit());
        if len > 0 && len == digits.len() {
            digits.push_str(&from.rest()[..len]);
            *at = second;
        }
    }
    // A hundred metres at least: what is shorter is a word with a number.
    let is_whole = digits.len() >= 6 && !at.rest().starts_with(char::is_alphanumeric);
    is_whole
        .then(|| grid::mgrs(zone, [band, column, row], &digits))
        .flatten()
}

fn utm(at: &mut Cursor<'_>, zone: u32, band: char) -> Option<(f64, f64)> {
    // S is a band of the north and the southern half: which of them is meant, nobody can tell.
    let north = match band {
        'C'..='M' => false,
        'N' | 'P'..='R' | 'T'..='X' => true,
        _ => return None,
    };
    at.take(|c| c == ' ')?;
    let (east, _) = at.decimal()?;
    at.take(|c| c == 'm');
    at.take(|c| c == 'E');
    at.take(|c| c == ',');
    at.take(|c| c == ' ')?;
    let (to_north, _) = at.decimal()?;
    at.take(|c| c == 'm');
    at.take(|c| c == 'N');
    let whole = (100_000.0..1_000_000.0).contains(&east) && to_north >= 1_000_000.0;
    (whole && !at.rest().starts_with(char::is_alphanumeric))
        .then(|| grid::utm(zone, north, east, to_north))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        positions(text, &mut |words, north, east| {
            assert!(text.contains(words));
            all.push(format!("{north:.4},{east:.4}"));
        });
        all
    }

    #[test]
    fn coordinates_are_found_however_they_are_written() {
        let kyiv: &[&str] = &["50.4503,30.5233"];
        let cases: [(&str, &[&str]); 26] = [
            ("біля 50°27′01″N 30°31′24″E.", kyiv),
            ("50° 27' 01\" N, 30° 31' 24\" E", kyiv),
            ("50°27'01''N 30°31'24''E", kyiv),
            ("N50°27.018' E30°31.4'", kyiv),
            ("50°27′01″ пн. ш. 30°31′24″ сх. д.", kyiv),
            ("50°27′01″ с.ш., 30°31′24″ в.д.", kyiv),
            ("30°31′24″E 50°27′01″N", kyiv),
            ("50.4503° N, 30.5233° E", kyiv),
            ("50.4503, 30.5233", kyiv),
            ("geo:50.4503,30.5233", kyiv),
            ("https://maps.example/@50.4503,30.5233,15z", kyiv),
            ("-33.8688, 151.2093", &["-33.8688,151.2093"]),
            ("33°52′S 151°12′30″W", &["-33.8667,-151.2083"]),
            ("квадрат 36U UA 24182 91607", &["50.4501,30.5234"]),
            ("36UUA2418291607", &["50.4501,30.5234"]),
            ("36U 324182 5591607", &["50.4501,30.5234"]),
            // And these are none.
            ("12.50, 13.20", &[]),
            ("1.2345, 2.3456, 3.4567", &[]),
            ("95.4501, 30.5234", &[]),
            ("[30.5234, 50.4501]", &[]),
            ("\n30.5234,50.4501,0 30.5240,50.4510,0", &[]),
            ("30.5234,50.4501 30.5240,50.4510", &[]),
            ("36S 324053 3591330", &[]),
            ("50°27′", &[]),
            ("48ABC123456", &[]),
            ("10°C to 20°C", &[]),
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
