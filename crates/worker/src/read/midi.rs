//! Notes for instruments (Standard MIDI Files 1.0): the words in them, by track. There is no sound in them, and how
//! long it would be is not computed.

use crate::{Input, Out, Stop, decode, ints::be32_at};
use comity_extract::{Anchor, Place};

/// The largest file that is read; real ones have some hundred kilobytes.
const MIDI_MAX: u64 = 64 << 20;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    if input.size() > MIDI_MAX {
        return Err(Stop::OverLimit(format!(
            "notes of more than {} MiB",
            MIDI_MAX >> 20
        )));
    }
    let bytes = input.bytes_at(0, MIDI_MAX as usize);
    let (mut rest, mut number) = (&bytes[..], 0);
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = be32_at(head, 4) as usize;
        let body = &after[..length.min(after.len())];
        if head.starts_with(b"MTrk") {
            number += 1;
            if track(body, number, out)?.is_none() || body.len() < length {
                out.missing(&format!("the rest of track {number}: it is damaged"));
            }
        }
        rest = &after[body.len()..];
    }
    Ok(())
}

/// The events of a track, of which those in words are told; `None` where one makes no sense.
fn track(body: &[u8], number: u32, out: &mut Out) -> Result<Option<()>, Stop> {
    let (mut events, mut running, mut song) = (Events(body), 0, Vec::new());
    let mut words = Vec::new();
    let whole = loop {
        if events.0.is_empty() {
            break Some(());
        }
        match events.next(&mut running) {
            None => break None,
            Some(None) => {}
            // What is sung comes by syllables.
            Some(Some((5, syllable))) => song.extend_from_slice(syllable),
            Some(Some(event)) => words.push(event),
        }
    };
    for (kind, text) in words {
        let text = decode::name(text);
        match kind {
            2 => out.property("author", &text, "MIDI copyright notice")?,
            3 if number == 1 => out.property("title", &text, "MIDI sequence name")?,
            _ if !text.trim().is_empty() => {
                out.text(
                    &Anchor::at(&[(Place::Record, number)]),
                    &format!("{text}\n"),
                )?;
            }
            _ => {}
        }
    }
    if !song.is_empty() {
        out.text(
            &Anchor::at(&[(Place::Record, number)]),
            &decode::name(&song),
        )?;
    }
    Ok(whole)
}

struct Events<'a>(&'a [u8]);

impl<'a> Events<'a> {
    /// The next event: its kind and words, if it is one in words.
    fn next(&mut self, running: &mut u8) -> Option<Option<(u8, &'a [u8])>> {
        self.number()?;
        if *self.0.first()? >= 0x80 {
            *running = self.bytes(1)?[0];
        }
        match *running {
            0xff => {
                let kind = *self.bytes(1)?.first()?;
                let length = self.number()?;
                let bytes = self.bytes(length)?;
                // Text, copyright, names, lyrics, marks, cues, and what programs of the same line add.
                Some((1..=15).contains(&kind).then_some((kind, bytes)))
            }
            0xf0 | 0xf7 => {
                let length = self.number()?;
                self.bytes(length).map(|_| None)
            }
            0x80..0xc0 | 0xe0..0xf0 => self.bytes(2).map(|_| None),
            0xc0..0xe0 => self.bytes(1).map(|_| None),
            _ => None,
        }
    }

    /// A number of seven bits a byte, of at most four bytes.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for _ in 0..4 {
            let byte = self.bytes(1)?[0];
            number = number << 7 | usize::from(byte & 0x7f);
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Events;

    #[test]
    fn events_are_told_apart_by_their_heads() {
        let mut events = Events(
            b"\x00\x90\x3c\x40\x81\x00\x3c\x00\x00\xff\x01\x04word\x00\xc0\x05\x00\xf0\x02\x01\xf7\x00\xff\x2f\x00",
        );
        let mut running = 0;
        let mut found = Vec::new();
        while !events.0.is_empty() {
            found.push(events.next(&mut running).unwrap());
        }
        assert_eq!(found.len(), 6);
        assert_eq!(found[2], Some((1, &b"word"[..])));
        assert_eq!(Events(b"\x00\xff\x01\x7fshort").next(&mut 0), None);
    }
}
