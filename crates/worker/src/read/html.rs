//! HTML: what a person sees, by blocks, and what stands hidden beside it.

use crate::{
    Input, Out, Stop,
    decode::{Decoded, Guess},
};
use comity_extract::{Anchor, Place};
use encoding_rs::Encoding;
use html5gum::{DefaultEmitter, IoReader, StartTag, Token, Tokenizer};
use std::io::Read;

pub fn read(input: &Input, out: &mut Out, guess: Guess) -> Result<(), Stop> {
    let guess = declared(&input.bytes_at(0, 4096), guess);
    out.field("encoding", guess.encoding.name(), guess.from)?;
    let mut decoded = Decoded::new(input.rewound(), guess.encoding);
    blocks(&mut decoded, out, &[])
}

/// What `<meta charset>` says, unless a byte order mark says otherwise.
fn declared(head: &[u8], guess: Guess) -> Guess {
    if guess.from == "byte order mark" {
        return guess;
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let label = text.split("charset=").nth(1).map(|rest| {
        rest.trim_start_matches(['"', '\'', ' '])
            .split(['"', '\'', ' ', '>', ';', '/'])
            .next()
            .unwrap_or("")
    });
    match label.and_then(|label| Encoding::for_label(label.as_bytes())) {
        // A page that was saved by a browser is often UTF-8 and keeps a declaration of what it was before.
        Some(_) if guess.encoding == encoding_rs::UTF_8 && !head.is_ascii() => guess,
        Some(encoding) => Guess {
            encoding,
            from: "declared in the page",
        },
        None => guess,
    }
}

/// Elements that end a passage, before and after.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "br"
            | "li"
            | "ul"
            | "ol"
            | "dl"
            | "dt"
            | "dd"
            | "tr"
            | "table"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "pre"
            | "blockquote"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "nav"
            | "aside"
            | "main"
            | "form"
            | "fieldset"
            | "option"
            | "body"
            | "head"
            | "title"
            | "address"
            | "figure"
            | "figcaption"
            | "caption"
            | "summary"
            | "details"
            | "textarea"
    )
}

/// Pages in attributes of pages are read this deep.
const DEPTH_MAX: u32 = 8;

/// The text of HTML in UTF-8; `within` is where in a larger file it stands.
pub fn blocks(html: &mut impl Read, out: &mut Out, within: &[(Place, u32)]) -> Result<(), Stop> {
    let mut page = Page {
        out,
        within,
        text: String::new(),
        paragraph: 0,
        title: String::new(),
        skip: None,
    };
    page.tokens(html, 0)
}

struct Page<'a> {
    out: &'a mut Out,
    within: &'a [(Place, u32)],
    text: String,
    paragraph: u32,
    title: String,
    /// The element whose content is not text: scripts, styles, and the title, which is a field.
    skip: Option<&'static str>,
}

impl Page<'_> {
    fn tokens(&mut self, html: &mut dyn Read, depth: u32) -> Result<(), Stop> {
        let mut emitter: DefaultEmitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(IoReader::new(html), emitter) {
            match token? {
                Token::StartTag(tag) => {
                    self.open(&tag)?;
                    // The page that a frame shows may stand in an attribute (HTML, 4.8.5).
                    if let Some(page) = tag.attributes.get(&b"srcdoc"[..]) {
                        self.frame(page, depth)?;
                    }
                }
                Token::EndTag(tag) => self.close(&String::from_utf8_lossy(&tag.name))?,
                Token::String(text) => self.add(&String::from_utf8_lossy(&text)),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        self.end_block()
    }

    /// A page within the page: its blocks go on where those of the page are.
    fn frame(&mut self, mut page: &[u8], depth: u32) -> Result<(), Stop> {
        if depth == DEPTH_MAX {
            self.out
                .missing(&format!("pages within pages, more than {DEPTH_MAX} deep"));
            return Ok(());
        }
        self.end_block()?;
        let skip = self.skip.take();
        let title = std::mem::take(&mut self.title);
        let read = self.tokens(&mut page, depth + 1);
        (self.skip, self.title) = (skip, title);
        read
    }

    fn open(&mut self, tag: &StartTag<()>) -> Result<(), Stop> {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        if is_block(&name) {
            self.end_block()?;
        } else if matches!(name.as_str(), "td" | "th") && !self.text.is_empty() {
            self.text.push('\t');
        }
        let attribute = |name: &str| {
            tag.attributes
                .get(name.as_bytes())
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        match name.as_str() {
            "script" => self.skip = Some("script"),
            "style" => self.skip = Some("style"),
            "title" => self.skip = Some("title"),
            "a" | "area" => {
                if let Some(link) = attribute("href").filter(|link| link.contains(':')) {
                    self.out.field("link", &link, "href")?;
                }
            }
            "img" => self.add(&attribute("alt").unwrap_or_default()),
            "meta" => self.meta(
                &attribute("name").unwrap_or_default(),
                &attribute("content").unwrap_or_default(),
            )?,
            _ => {}
        }
        Ok(())
    }

    fn meta(&mut self, name: &str, content: &str) -> Result<(), Stop> {
        let field = match name.to_ascii_lowercase().as_str() {
            "author" => "author",
            "description" => "subject",
            "keywords" => "keywords",
            "generator" => "application",
            _ => return Ok(()),
        };
        self.out.field(field, content, &format!("meta {name}"))
    }

    fn close(&mut self, name: &str) -> Result<(), Stop> {
        if self.skip == Some("title") {
            let title = std::mem::take(&mut self.title);
            self.out.field("title", &title, "title")?;
        }
        if self.skip.is_some_and(|skipped| skipped == name) {
            self.skip = None;
        }
        if is_block(name) {
            self.end_block()
        } else {
            Ok(())
        }
    }

    /// White space in HTML is one space, and none at a passage's beginning.
    fn add(&mut self, text: &str) {
        let target = match self.skip {
            None => &mut self.text,
            Some("title") => &mut self.title,
            Some(_) => return,
        };
        for c in text.chars() {
            if !c.is_whitespace() {
                target.push(c);
            } else if !target.is_empty() && !target.ends_with([' ', '\t']) {
                target.push(' ');
            }
        }
    }

    fn end_block(&mut self) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(());
        }
        self.paragraph = self.paragraph.saturating_add(1);
        let mut steps = self.within.to_vec();
        steps.push((Place::Paragraph, self.paragraph));
        self.out.text(&Anchor(steps), text)
    }
}
