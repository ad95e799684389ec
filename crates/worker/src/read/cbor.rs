//! CBOR (RFC 8949), as far as statements about pictures need it.

/// Values within values beyond this are nobody's.
const DEPTH_MAX: u32 = 32;
/// A value in memory takes some fifty times its bytes.
const BYTES_MAX: usize = 2 << 20;

/// A value. Tags are left out, and so are fractions.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(i128),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Flag(bool),
    Other,
}

impl Value {
    /// The value that the bytes begin with; `None` where they make no sense, or are too many to be held as values.
    pub fn read(bytes: &[u8]) -> Option<Value> {
        let mut rest = &bytes[..bytes.len().min(BYTES_MAX)];
        value(&mut rest, 0)
    }

    /// What a map has under a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(|key| matches!(key, Value::Text(known) if known == name))
    }

    /// What a map has under a number.
    pub fn at(&self, number: i128) -> Option<&Value> {
        self.find(|key| *key == Value::Number(number))
    }

    fn find(&self, fits: impl Fn(&Value) -> bool) -> Option<&Value> {
        let Value::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(key, _)| fits(key))
            .map(|(_, value)| value)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<i128> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn flag(&self) -> Option<bool> {
        match self {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }
}

fn value(rest: &mut &[u8], depth: u32) -> Option<Value> {
    if depth == DEPTH_MAX {
        return None;
    }
    let (first, after) = rest.split_first()?;
    *rest = after;
    let (kind, low) = (first >> 5, first & 31);
    // A length that is left open; what it is of ends with a mark.
    if low == 31 {
        return open_ended(kind, rest, depth);
    }
    let number = match low {
        0..24 => u64::from(low),
        24..=27 => {
            let (digits, after) = rest.split_at_checked(1 << (low - 24))?;
            *rest = after;
            digits
                .iter()
                .fold(0, |number, digit| number << 8 | u64::from(*digit))
        }
        _ => return None,
    };
    Some(match kind {
        0 => Value::Number(number.into()),
        1 => Value::Number(-1 - i128::from(number)),
        2 => Value::Bytes(take(rest, number)?.to_vec()),
        3 => Value::Text(String::from_utf8_lossy(take(rest, number)?).into_owned()),
        4 => Value::Array(
            (0..number)
                .map(|_| value(rest, depth + 1))
                .collect::<Option<_>>()?,
        ),
        5 => {
            let pair = |_| Some((value(rest, depth + 1)?, value(rest, depth + 1)?));
            Value::Map((0..number).map(pair).collect::<Option<_>>()?)
        }
        6 => value(rest, depth + 1)?,
        _ if low == 20 || low == 21 => Value::Flag(low == 21),
        _ => Value::Other,
    })
}

fn open_ended(kind: u8, rest: &mut &[u8], depth: u32) -> Option<Value> {
    let mut items = Vec::new();
    while *rest.first()? != 0xff {
        items.push(value(rest, depth + 1)?);
    }
    *rest = &rest[1..];
    Some(match kind {
        2 => Value::Bytes(
            items
                .iter()
                .filter_map(Value::bytes)
                .collect::<Vec<_>>()
                .concat(),
        ),
        3 => Value::Text(items.iter().filter_map(Value::text).collect()),
        4 => Value::Array(items),
        5 => {
            let mut pairs = items.into_iter();
            Value::Map(std::iter::from_fn(|| Some((pairs.next()?, pairs.next()?))).collect())
        }
        _ => return None,
    })
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

/// The head of a value: its kind, and its number or length.
pub fn head(kind: u8, number: u64) -> Vec<u8> {
    let kind = kind << 5;
    match number {
        0..24 => vec![kind | number as u8],
        24..0x100 => vec![kind | 24, number as u8],
        0x100..0x1_0000 => [&[kind | 25][..], &(number as u16).to_be_bytes()].concat(),
        0x1_0000..0x1_0000_0000 => [&[kind | 26][..], &(number as u32).to_be_bytes()].concat(),
        _ => [&[kind | 27][..], &number.to_be_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, head};

    #[test]
    fn values_are_what_the_examples_of_the_standard_say() {
        // RFC 8949, appendix A.
        assert_eq!(Value::read(b"\x19\x03\xe8"), Some(Value::Number(1000)));
        assert_eq!(Value::read(b"\x39\x03\xe7"), Some(Value::Number(-1000)));
        assert_eq!(
            Value::read(b"\x7f\x65strea\x64ming\xff"),
            Some(Value::Text("streaming".to_owned()))
        );
        let list = Value::read(b"\x9f\x01\x82\x02\x03\xff").map(|list| list.items().len());
        assert_eq!(list, Some(2));
        let map = Value::read(b"\xa2\x01\x02\x61a\x43\x01\x02\x03");
        assert_eq!(map.as_ref().and_then(|map| map.at(1)?.number()), Some(2));
        assert_eq!(
            map.as_ref().and_then(|map| map.get("a")?.bytes()),
            Some(&[1, 2, 3][..])
        );
        assert_eq!(Value::read(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(Value::read(&[0x81; 100]), None);
        assert_eq!(Value::read(b"\xf4"), Some(Value::Flag(false)));
        assert_eq!(Value::read(b"\xf5"), Some(Value::Flag(true)));
        assert_eq!(Value::read(b"\xf6"), Some(Value::Other));
        assert_eq!(head(2, 500), b"\x59\x01\xf4");
    }
}
