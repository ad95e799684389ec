//! A message of a mailbox that keeps properties only, as a message of the Internet (RFC 5322, MIME): the same
//! properties give the same bytes, at every reading.

use data_encoding::BASE64;

/// Between the parts. No part has it, for all are in base 64.
const BOUNDARY: &str = "=_part";

/// What a message is made from.
#[derive(Debug, Default)]
pub struct Letter {
    /// The header as it came over the Internet; empty where the message never went there.
    pub header: String,
    /// Header fields by name, where there is no such header.
    pub fields: Vec<(&'static str, String)>,
    /// Parts: media type, name of an attachment or none, and the bytes.
    pub parts: Vec<(String, Option<String>, Vec<u8>)>,
}

impl Letter {
    /// The bytes of the message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for line in unfolded(&self.header) {
            let name = line
                .split(':')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let is_field = line.contains(':') && !name.is_empty() && !name.contains(' ');
            // What described the parts as they were sent does not describe these.
            if is_field && !name.starts_with("content-") && name != "mime-version" {
                out.push_str(&line);
                out.push_str("\r\n");
            }
        }
        if out.is_empty() {
            for (name, value) in &self.fields {
                if !value.is_empty() {
                    out.push_str(&format!("{name}: {}\r\n", encoded(value)));
                }
            }
        }
        out.push_str(&format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\r\n\r\n"
        ));
        let mut out = out.into_bytes();
        for (media, name, bytes) in &self.parts {
            let mut head = format!("--{BOUNDARY}\r\nContent-Type: {media}\r\n");
            if let Some(name) = name {
                let name = percent(name);
                head.push_str(&format!(
                    "Content-Disposition: attachment; filename*=utf-8''{name}\r\n"
                ));
            }
            head.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
            out.extend(head.bytes());
            // 57 bytes make a line of 76.
            for line in bytes.chunks(57) {
                out.extend(BASE64.encode(line).bytes());
                out.extend(b"\r\n");
            }
        }
        out.extend(format!("--{BOUNDARY}--\r\n").bytes());
        out
    }
}

/// The fields of a header, each as one piece with its folds.
fn unfolded(header: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in header.replace('\0', "").lines() {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push_str("\r\n");
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

/// The value of a field in ASCII (RFC 2047), without line ends.
fn encoded(value: &str) -> String {
    let value: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if value.is_ascii() && value.len() < 900 {
        return value;
    }
    let (mut words, mut rest) = (Vec::new(), value.as_str());
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(42));
        words.push(format!("=?utf-8?B?{}?=", BASE64.encode(word.as_bytes())));
        rest = after;
    }
    words.join("\r\n ")
}

/// A name in the value of a parameter (RFC 2231).
fn percent(name: &str) -> String {
    let one = |byte: u8| match byte {
        b'.' | b'-' | b'_' => (byte as char).to_string(),
        _ if byte.is_ascii_alphanumeric() => (byte as char).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(one).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders};

    #[test]
    fn what_is_composed_is_read_back_as_it_was() {
        let subject = "Наказ про зобов’язання, який довший за одне закодоване слово";
        let name = "фото \"1\".jpg";
        let letter = Letter {
            header: String::new(),
            fields: vec![
                ("From", "\"Грім\" <grim@example.org>".to_owned()),
                ("Subject", format!("{subject}\r\nBcc: slipped@example.org")),
                ("Date", "14 Feb 2025 06:10:00 +0000".to_owned()),
            ],
            parts: vec![
                (
                    "text/plain; charset=utf-8".to_owned(),
                    None,
                    "перший".into(),
                ),
                (
                    "image/jpeg".to_owned(),
                    Some(name.to_owned()),
                    vec![0xff; 1000],
                ),
            ],
        };
        let bytes = letter.bytes();
        assert_eq!(bytes, letter.bytes());
        let read = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(
            read.subject().unwrap(),
            format!("{subject}  Bcc: slipped@example.org")
        );
        assert!(read.bcc().is_none());
        assert_eq!(read.date().unwrap().to_rfc3339(), "2025-02-14T06:10:00Z");
        assert_eq!(read.body_text(0).unwrap(), "перший");
        let attached = read.attachment(0).unwrap();
        assert_eq!(
            (attached.attachment_name(), attached.contents()),
            (Some(name), &[0xff; 1000][..])
        );
    }

    #[test]
    fn a_header_that_was_kept_is_kept_without_what_described_other_parts() {
        let header = "Received: from a\r\n\tby b\r\nContent-Type: text/plain;\r\n charset=x\r\nSubject: s\r\n\r\n";
        let letter = Letter {
            header: header.to_owned(),
            ..Letter::default()
        };
        let bytes = String::from_utf8(letter.bytes()).unwrap();
        assert!(
            bytes.starts_with("Received: from a\r\n\tby b\r\nSubject: s\r\nMIME-Version: 1.0\r\n"),
            "{bytes}"
        );
    }
}
