//! What the files of an image in several files are called: `card.E01`, `card.E02`; `card.dd.001`, `card.dd.002`.
//!
//! A name says only where to look. Whether a file belongs to an image its bytes say, to a reader behind walls.

/// The most files of one image, and the highest number of one: those that the letters from E to R name.
pub const FILES_MAX: u32 = 99 + 14 * 26 * 26;
/// The digits of a raw piece, at least and at most.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=5;

/// A name with a place among the files of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentName {
    /// The name without its ending, with the point.
    stem: Vec<u8>,
    series: Series,
    /// Its number, as the name says it.
    pub number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Series {
    /// E01 to E99, then EAA to EZZ, FAA to FZZ and so on, from the letter in upper or lower case on; with S, of SMART.
    Ewf { first: u8 },
    /// 001, 002: so many digits, from 0 or 1 on.
    Raw { digits: usize },
}

impl SegmentName {
    /// The place that a name has, without folders before it; `None` for one that has none.
    pub fn of(name: &[u8]) -> Option<SegmentName> {
        let point = name.iter().rposition(|byte| *byte == b'.')?;
        let (stem, ending) = name.split_at(point + 1);
        let (series, number) = ewf(ending).or_else(|| raw(ending))?;
        (point > 0 && number <= FILES_MAX).then(|| SegmentName {
            stem: stem.to_vec(),
            series,
            number,
        })
    }

    /// Whether an image may begin with it.
    pub fn may_be_first(&self) -> bool {
        match self.series {
            Series::Ewf { .. } => self.number == 1,
            Series::Raw { .. } => self.number <= 1,
        }
    }

    /// The names with which an image may begin in which this one is a later file.
    pub fn firsts(&self) -> Vec<SegmentName> {
        let lowest = match self.series {
            Series::Ewf { .. } => 1,
            Series::Raw { .. } => 0,
        };
        (lowest..=1)
            .filter(|number| *number < self.number)
            .map(|number| self.at(number))
            .collect()
    }

    /// The name of the file with this number in the same image.
    pub fn at(&self, number: u32) -> SegmentName {
        SegmentName {
            number,
            ..self.clone()
        }
    }

    /// The name, as bytes; `None` where no name has that number.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let mut name = self.stem.clone();
        match self.series {
            Series::Raw { digits } => {
                let ending = format!("{:0digits$}", self.number);
                (ending.len() == digits).then_some(())?;
                name.extend(ending.into_bytes());
            }
            Series::Ewf { first } => match self.number {
                0 => return None,
                over if over > FILES_MAX => return None,
                few @ 1..=99 => {
                    name.push(first);
                    name.extend(format!("{few:02}").into_bytes());
                }
                many => {
                    let (letter, rest) = ((many - 100) / 676, (many - 100) % 676);
                    let a = if first.is_ascii_uppercase() {
                        b'A'
                    } else {
                        b'a'
                    };
                    let letter = first + u8::try_from(letter).ok()?;
                    letter.is_ascii_alphabetic().then_some(())?;
                    name.push(letter);
                    name.push(a + u8::try_from(rest / 26).ok()?);
                    name.push(a + u8::try_from(rest % 26).ok()?);
                }
            },
        }
        Some(name)
    }
}

/// The series and number of an ending such as `E01` or `eab`. Letters before S go on from E, the others from S.
fn ewf(ending: &[u8]) -> Option<(Series, u32)> {
    let [letter, tens, ones] = *ending else {
        return None;
    };
    let (a, e, s) = if letter.is_ascii_uppercase() {
        (b'A', b'E', b'S')
    } else {
        (b'a', b'e', b's')
    };
    if tens.is_ascii_digit() && ones.is_ascii_digit() && (letter == e || letter == s) {
        let number = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
        return (number > 0).then_some((Series::Ewf { first: letter }, number));
    }
    let place = |byte: u8| byte.checked_sub(a).filter(|place| *place < 26);
    let (letter, tens, ones) = (place(letter)?, place(tens)?, place(ones)?);
    let first = if letter < s - a { e } else { s };
    let letter = letter.checked_sub(first - a)?;
    let number = 100 + u32::from(letter) * 676 + u32::from(tens) * 26 + u32::from(ones);
    Some((Series::Ewf { first }, number))
}

fn raw(ending: &[u8]) -> Option<(Series, u32)> {
    let is_number = DIGITS.contains(&ending.len()) && ending.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(ending).ok()?.parse().ok()?;
    let digits = ending.len();
    is_number.then_some((Series::Raw { digits }, number))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn number(name: &str) -> Option<u32> {
        SegmentName::of(name.as_bytes()).map(|name| name.number)
    }

    #[test]
    fn names_have_the_places_that_acquiring_programs_give_them() {
        let known = [
            ("card.E01", 1),
            ("card.E99", 99),
            ("card.EAA", 100),
            ("card.EAB", 101),
            ("card.EZZ", 775),
            ("card.FAA", 776),
            ("card.e02", 2),
            ("card.eaa", 100),
            ("card.RZZ", FILES_MAX),
            ("card.s01", 1),
            ("card.s02", 2),
            ("card.saa", 100),
            ("card.taa", 776),
            ("card.001", 1),
            ("card.dd.010", 10),
            ("card.0001", 1),
            ("card.000", 0),
        ];
        for (name, expected) in known {
            let found = SegmentName::of(name.as_bytes()).unwrap();
            assert_eq!(found.number, expected, "{name}");
            assert_eq!(found.bytes().as_deref(), Some(name.as_bytes()));
        }
        for name in [
            "card",
            "E01",
            ".E01",
            "card.E00",
            "card.E1",
            "card.Eaa",
            "card.DAA",
            "card.01",
            "card.a01",
            "card.000001",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    #[test]
    fn every_number_has_a_name_and_that_name_the_number() {
        for first in ["card.E01", "card.e01"] {
            let first = SegmentName::of(first.as_bytes()).unwrap();
            for number in 1..=FILES_MAX {
                let name = first.at(number).bytes().unwrap();
                assert_eq!(SegmentName::of(&name), Some(first.at(number)));
            }
            assert_eq!(first.at(FILES_MAX + 1).bytes(), None);
        }
        let raw = SegmentName::of(b"card.001").unwrap();
        assert_eq!(raw.at(999).bytes().as_deref(), Some(&b"card.999"[..]));
        assert_eq!(raw.at(1000).bytes(), None);
    }

    #[test]
    fn a_later_file_knows_with_which_an_image_may_begin() {
        let firsts = |name: &str| -> Vec<String> {
            let firsts = SegmentName::of(name.as_bytes()).unwrap().firsts();
            let names = firsts.iter().map(|f| f.bytes().unwrap());
            names.map(|n| String::from_utf8(n).unwrap()).collect()
        };
        assert_eq!(firsts("a.E03"), ["a.E01"]);
        assert_eq!(firsts("a.faa"), ["a.e01"]);
        assert_eq!(firsts("a.E01"), [""; 0]);
        assert_eq!(firsts("a.003"), ["a.000", "a.001"]);
        assert_eq!(firsts("a.001"), ["a.000"]);
        assert_eq!(firsts("a.000"), [""; 0]);
    }
}
