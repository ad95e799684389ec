//! The canonical writer (RFC 8785 section 3.2).

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::{JsonError, MAX_DEPTH, MAX_INTEGER};

/// `value` as canonical JSON.
///
/// # Errors
/// Numbers that are not integers in range, and more than 64 levels.
pub fn canonical(value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    write_canonical(value, &mut out)?;
    Ok(out)
}

/// Appends `value` as canonical JSON to `out`; after an error `out` is as it was.
///
/// # Errors
/// As [`canonical`].
pub fn write_canonical(value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let before = out.len();
    let result = write_value(value, 0, out);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), JsonError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(values) => {
            deeper(depth)?;
            out.push(b'[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(value, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            deeper(depth)?;
            write_members(members, depth, out)?;
        }
    }
    Ok(())
}

fn deeper(depth: usize) -> Result<(), JsonError> {
    if depth >= MAX_DEPTH {
        Err(JsonError::UnwritableDepth)
    } else {
        Ok(())
    }
}

fn write_members(
    members: &Map<String, Value>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let mut write_member = |i: usize, name: &str, value: &Value| {
        out.push(if i > 0 { b',' } else { b'{' });
        write_string(name, out);
        out.push(b':');
        write_value(value, depth + 1, out)
    };
    if members
        .keys()
        .is_sorted_by(|a, b| utf16_order(a, b) == Ordering::Less)
    {
        for (i, (name, value)) in members.iter().enumerate() {
            write_member(i, name, value)?;
        }
    } else {
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_unstable_by(|a, b| utf16_order(a.0, b.0));
        for (i, (name, value)) in sorted.into_iter().enumerate() {
            write_member(i, name, value)?;
        }
    }
    if members.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

/// The order of RFC 8785 section 3.2.3: by UTF-16 code units.
///
/// It differs from the order of UTF-8 bytes only where one string has a character beyond U+FFFF,
/// whose surrogates sort before U+E000 to U+FFFF. In UTF-8 the lead bytes of those are 0xEE and
/// 0xEF, and of characters beyond U+FFFF 0xF0 to 0xF4, so lifting the former over the latter gives
/// the same order without decoding.
fn utf16_order(a: &str, b: &str) -> Ordering {
    fn lifted(byte: u8) -> u8 {
        if matches!(byte, 0xee | 0xef) {
            byte + 0x10
        } else {
            byte
        }
    }
    match a.bytes().zip(b.bytes()).find(|(x, y)| x != y) {
        Some((x, y)) => lifted(x).cmp(&lifted(y)),
        None => a.len().cmp(&b.len()),
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let Some(integer) = number
        .as_i64()
        .filter(|n| (-MAX_INTEGER..=MAX_INTEGER).contains(n))
    else {
        return Err(JsonError::UnwritableNumber {
            number: number.to_string(),
        });
    };
    write_integer(integer, out);
    Ok(())
}

/// Appends a decimal integer.
pub(crate) fn write_integer(integer: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = integer.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `text` as a JSON string, with the escapes of RFC 8785 section 3.2.2.2.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut run = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[run..at]);
        run = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => {
                out.extend_from_slice(b"\\u00");
                crate::digest::push_hex(&[byte], out);
            }
        }
    }
    out.extend_from_slice(&bytes[run..]);
    out.push(b'"');
}
