//! RTF: the text of a document, by paragraph, with what is hidden or removed named so.

use super::ole::{code_page, packaged};
use crate::{Input, Out, Stop, ints::u32_at, out::child, time};
use comity_extract::{Anchor, Place, Relation};
use std::{
    collections::HashMap,
    io::{BufReader, Read},
};

/// Groups within groups beyond this are not opened further: no document of people has as many.
const DEPTH_MAX: usize = 10_000;

/// What the text of a group is.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Body,
    Note,
    Comment,
    Header,
    Info(&'static str),
    Fonts,
    /// The bytes of a picture, or of an object of another program.
    Picture,
    Object,
    Skip,
}

#[derive(Clone)]
struct Group {
    target: Target,
    font: i32,
    unicode_skip: u32,
    hidden: bool,
    deleted: bool,
    /// Nothing but its beginning was read of it.
    fresh: bool,
    /// The group began with `\*`: what is not known in it is not text.
    optional: bool,
}

struct Rtf<'a, R> {
    from: R,
    ahead: Option<u8>,
    out: &'a mut Out,
    group: Group,
    groups: Vec<Group>,
    page: u32,
    fonts: HashMap<i32, u32>,
    /// Bytes of a code page that wait to be decoded together.
    raw: Vec<u8>,
    text: String,
    /// What was hidden or deleted in this paragraph.
    aside: [String; 2],
    skip: u32,
    paragraph: u32,
    counts: HashMap<u8, u32>,
    date: HashMap<String, u32>,
    /// Bytes of a picture or an object, the digit that waits for its second one, and what kind of picture it is.
    data: Vec<u8>,
    half: Option<u32>,
    picture: &'static str,
    pictures: u32,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let group = Group {
        target: Target::Body,
        font: 0,
        unicode_skip: 1,
        hidden: false,
        deleted: false,
        fresh: false,
        optional: false,
    };
    let mut rtf = Rtf {
        from: BufReader::with_capacity(32 << 10, input.rewound()),
        ahead: None,
        out,
        group,
        groups: Vec::new(),
        page: 1252,
        fonts: HashMap::new(),
        raw: Vec::new(),
        text: String::new(),
        aside: [String::new(), String::new()],
        skip: 0,
        paragraph: 0,
        counts: HashMap::new(),
        date: HashMap::new(),
        data: Vec::new(),
        half: None,
        picture: "",
        pictures: 0,
    };
    rtf.run()
}

impl<R: Read> Rtf<'_, R> {
    fn byte(&mut self) -> Result<Option<u8>, Stop> {
        if let Some(byte) = self.ahead.take() {
            return Ok(Some(byte));
        }
        let mut byte = [0];
        Ok((self.from.read(&mut byte)? == 1).then_some(byte[0]))
    }

    fn run(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.byte()? {
            match byte {
                b'{' => {
                    self.flush();
                    if self.groups.len() == DEPTH_MAX {
                        return Err(Stop::Damaged(format!(
                            "more than {DEPTH_MAX} groups within each other"
                        )));
                    }
                    self.groups.push(self.group.clone());
                    self.group.optional = false;
                    self.group.fresh = true;
                }
                b'}' => {
                    self.flush();
                    self.close()?;
                    if self.groups.is_empty() {
                        break;
                    }
                }
                b'\\' => self.control()?,
                b'\r' | b'\n' => {}
                byte => self.raw_byte(byte),
            }
        }
        let whole = self.groups.is_empty();
        self.flush();
        self.end_paragraph()?;
        if whole {
            Ok(())
        } else {
            Err(Stop::Damaged("it ends within a group".to_owned()))
        }
    }

    fn raw_byte(&mut self, byte: u8) {
        if matches!(self.group.target, Target::Picture | Target::Object) {
            self.digit(byte);
        } else if self.skip > 0 {
            self.skip -= 1;
        } else {
            self.raw.push(byte);
        }
    }

    /// Decodes the bytes that wait, in the code page of their font.
    fn flush(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        if !raw.is_empty() && self.group.target != Target::Skip {
            let page = self
                .fonts
                .get(&self.group.font)
                .copied()
                .unwrap_or(self.page);
            self.push(&code_page(page, &raw));
        }
    }

    fn push(&mut self, text: &str) {
        match self.group.target {
            Target::Skip | Target::Fonts | Target::Picture | Target::Object => {}
            _ if self.group.deleted => self.aside[0].push_str(text),
            _ if self.group.hidden => self.aside[1].push_str(text),
            _ => self.text.push_str(text),
        }
    }

    fn control(&mut self) -> Result<(), Stop> {
        let Some(first) = self.byte()? else {
            return Ok(());
        };
        if !first.is_ascii_alphabetic() {
            return self.symbol(first);
        }
        let (mut word, mut number) = (vec![first], Vec::new());
        while let Some(byte) = self.byte()? {
            match byte {
                _ if byte.is_ascii_alphabetic() && number.is_empty() && word.len() < 40 => {
                    word.push(byte)
                }
                b'-' if number.is_empty() => number.push(byte),
                _ if byte.is_ascii_digit() && number.len() < 12 => number.push(byte),
                b' ' => break,
                _ => {
                    self.ahead = Some(byte);
                    break;
                }
            }
        }
        let number = std::str::from_utf8(&number)
            .ok()
            .and_then(|digits| digits.parse::<i64>().ok());
        self.word(&String::from_utf8_lossy(&word), number)?;
        self.group.fresh = false;
        Ok(())
    }

    fn symbol(&mut self, symbol: u8) -> Result<(), Stop> {
        match symbol {
            b'\'' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (self.byte()?, self.byte()?);
                if let (Some(high), Some(low)) = (digit(high), digit(low)) {
                    self.raw_byte((high * 16 + low) as u8);
                }
            }
            b'*' => self.group.optional |= self.group.fresh,
            b'\\' | b'{' | b'}' => self.raw_byte(symbol),
            b'~' => self.say("\u{a0}"),
            b'_' => self.say("-"),
            b'\r' | b'\n' => self.end_of_paragraph()?,
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.flush();
        self.push(text);
    }

    fn word(&mut self, word: &str, number: Option<i64>) -> Result<(), Stop> {
        let on = number != Some(0);
        match word {
            "par" | "sect" | "page" | "row" => return self.end_of_paragraph(),
            "tab" | "cell" => self.say("\t"),
            "line" => self.say("\n"),
            "emdash" => self.say("—"),
            "endash" => self.say("–"),
            "lquote" => self.say("‘"),
            "rquote" => self.say("’"),
            "ldblquote" => self.say("“"),
            "rdblquote" => self.say("”"),
            "bullet" => self.say("•"),
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => self.group.unicode_skip = number.unwrap_or(1).clamp(0, 8) as u32,
            "ansicpg" => self.page = number.unwrap_or(1252) as u32,
            "f" if self.group.target == Target::Fonts => {
                self.group.font = number.unwrap_or(0) as i32
            }
            "f" => {
                self.flush();
                self.group.font = number.unwrap_or(0) as i32;
            }
            "fcharset" => self.font_page(number.unwrap_or(0)),
            "v" | "deleted" | "plain" => {
                self.flush();
                self.group.hidden = word == "v" && on;
                self.group.deleted = (word == "deleted" && on)
                    || (word != "plain" && word != "deleted" && self.group.deleted);
            }
            "bin" => self.binary(number.unwrap_or(0))?,
            "emfblip" => self.picture = "emf",
            "pngblip" => self.picture = "png",
            "jpegblip" => self.picture = "jpg",
            "macpict" => self.picture = "pict",
            "wmetafile" => self.picture = "wmf",
            "dibitmap" => self.picture = "dib",
            "yr" | "mo" | "dy" | "hr" | "min" | "sec" => {
                self.date
                    .insert(word.to_owned(), number.unwrap_or(0).max(0) as u32);
            }
            _ => self.destination(word)?,
        }
        Ok(())
    }

    fn unicode(&mut self, number: i64) {
        self.flush();
        // Above 32,767 they are written as negative; halves of a pair come one after the other.
        let unit = (number & 0xffff) as u16;
        let c = char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.push(c.encode_utf8(&mut [0; 4]));
        self.skip = self.group.unicode_skip;
    }

    fn font_page(&mut self, charset: i64) {
        if let Some(page) = page_of(charset) {
            self.fonts.insert(self.group.font, page);
        }
    }

    fn destination(&mut self, word: &str) -> Result<(), Stop> {
        let target = match word {
            "fonttbl" => Target::Fonts,
            "footnote" => Target::Note,
            "annotation" => Target::Comment,
            "header" | "headerl" | "headerr" | "headerf" | "footer" | "footerl" | "footerr"
            | "footerf" => Target::Header,
            "title" => Target::Info("title"),
            "subject" => Target::Info("subject"),
            "author" => Target::Info("author"),
            "operator" => Target::Info("last_author"),
            "company" => Target::Info("company"),
            "keywords" => Target::Info("keywords"),
            "doccomm" => Target::Info("comment"),
            "creatim" => Target::Info("created"),
            "revtim" => Target::Info("modified"),
            "printim" => Target::Info("printed"),
            // Frames and the results of fields are text.
            "shptxt" | "fldrslt" | "shppict" | "shpinst" | "ud" | "cs" => return Ok(()),
            "pict" => Target::Picture,
            "objdata" => Target::Object,
            // The same picture once more, for programs that are older.
            "nonshppict" => Target::Skip,
            "colortbl" | "stylesheet" | "info" | "objclass" | "objname" | "objalias" | "xe"
            | "tc" | "listtable" | "listoverridetable" | "generator" | "themedata"
            | "datastore" | "colorschememapping" | "latentstyles" | "rsidtbl" | "filetbl"
            | "revtbl" | "fldinst" | "atnid" | "atnauthor" | "atnref" | "atndate" => Target::Skip,
            _ if self.group.optional => Target::Skip,
            _ => return Ok(()),
        };
        // What a skipped group holds is skipped too; the fields within `info` are what is wanted of it.
        if self.group.target == Target::Skip && !matches!(target, Target::Info(_)) {
            return Ok(());
        }
        self.flush();
        if matches!(target, Target::Picture | Target::Object) {
            (self.data, self.half, self.picture) = (Vec::new(), None, "wmf");
        }
        if matches!(
            target,
            Target::Note | Target::Comment | Target::Header | Target::Info(_)
        ) {
            self.end_paragraph()?;
        }
        self.group.target = target;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(outer) = self.groups.pop() else {
            return Ok(());
        };
        if outer.target != self.group.target {
            match self.group.target {
                Target::Info(field) => self.info(field)?,
                Target::Note | Target::Comment | Target::Header => self.end_paragraph()?,
                Target::Picture => self.end_picture()?,
                Target::Object => self.end_object()?,
                _ => {}
            }
        }
        // A font is declared in a group, and its code page stays known; the letters of its name are no text.
        self.group = outer;
        Ok(())
    }

    /// Half a byte of a picture or an object.
    fn digit(&mut self, digit: u8) {
        let Some(digit) = char::from(digit).to_digit(16) else {
            return;
        };
        match self.half.take() {
            Some(half) => self.data.push((half * 16 + digit) as u8),
            None => self.half = Some(digit),
        }
    }

    /// Bytes as they are, which may look like anything.
    fn binary(&mut self, count: i64) -> Result<(), Stop> {
        let is_wanted = matches!(self.group.target, Target::Picture | Target::Object);
        for _ in 0..count.max(0) {
            match self.byte()? {
                Some(byte) if is_wanted => self.data.push(byte),
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn end_picture(&mut self) -> Result<(), Stop> {
        let data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return Ok(());
        }
        self.pictures += 1;
        let path = format!("picture {}.{}", self.pictures, self.picture);
        self.out
            .child(child(Relation::Embedded, &path), &mut data.as_slice())
    }

    /// An object in the form of OLE 1: two numbers, three names, and what the program that it is of wrote.
    fn end_object(&mut self) -> Result<(), Stop> {
        let data = std::mem::take(&mut self.data);
        let mut rest = data.get(8..).unwrap_or_default();
        let mut names = [const { String::new() }; 3];
        for name in &mut names {
            let length = u32_at(rest, 0) as usize;
            let bytes = rest.get(4..).and_then(|rest| rest.get(..length));
            *name = code_page(self.page, bytes.unwrap_or_default());
            rest = rest
                .get(4usize.saturating_add(length)..)
                .unwrap_or_default();
        }
        let [class, topic, _] = names.map(|name| name.trim_end_matches('\0').to_owned());
        // A link has a file's name in the place of bytes.
        if u32_at(&data, 4) == 1 {
            return self.out.field("link", &topic, "RTF object");
        }
        let length = u32_at(rest, 0) as usize;
        let rest = rest.get(4..).unwrap_or_default();
        let bytes = &rest[..length.min(rest.len())];
        if bytes.is_empty() {
            return Ok(());
        }
        let (path, mut bytes) = match packaged(bytes).filter(|_| class == "Package") {
            Some((name, bytes)) => (name, bytes),
            None => (format!("object {class}"), bytes),
        };
        self.out.child(child(Relation::Embedded, &path), &mut bytes)
    }

    fn info(&mut self, field: &str) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        let value = if matches!(field, "created" | "modified" | "printed") {
            let date = std::mem::take(&mut self.date);
            let part = |name: &str| date.get(name).copied().unwrap_or(0);
            time::civil(
                part("yr"),
                part("mo"),
                part("dy"),
                part("hr"),
                part("min"),
                part("sec"),
            )
            .unwrap_or_default()
        } else {
            text
        };
        self.out.field(field, &value, "RTF info")
    }

    fn end_of_paragraph(&mut self) -> Result<(), Stop> {
        self.flush();
        match self.group.target {
            Target::Skip | Target::Fonts | Target::Picture | Target::Object | Target::Info(_) => {
                Ok(())
            }
            _ => self.end_paragraph(),
        }
    }

    fn end_paragraph(&mut self) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        let aside = std::mem::take(&mut self.aside);
        if text.trim().is_empty() && aside.iter().all(|text| text.trim().is_empty()) {
            return Ok(());
        }
        let mut steps = Vec::new();
        let place = match self.group.target {
            Target::Note => Some(Place::Note),
            Target::Comment => Some(Place::Comment),
            Target::Header => Some(Place::Header),
            _ => None,
        };
        match place {
            Some(place) => {
                let count = self.counts.entry(place as u8).or_default();
                *count += 1;
                steps.push((place, *count));
            }
            None => {
                self.paragraph += 1;
                steps.push((Place::Paragraph, self.paragraph));
            }
        }
        if !text.trim().is_empty() {
            self.out.text(&Anchor(steps.clone()), text.trim_end())?;
        }
        for (text, place) in aside.iter().zip([Place::Deleted, Place::Hidden]) {
            if !text.trim().is_empty() {
                let at = [steps.as_slice(), &[(place, 1)]].concat();
                self.out.text(&Anchor(at), text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The code page of a character set by its number in Windows; `None` where it says nothing of letters.
pub fn page_of(charset: i64) -> Option<u32> {
    Some(match charset {
        204 => 1251,
        238 => 1250,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        128 => 932,
        134 => 936,
        129 => 949,
        136 => 950,
        _ => return None,
    })
}
