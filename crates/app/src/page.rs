//! What the pages that leave the centre have in common: one style, a strict content security
//! policy, and text that cannot become markup.
//!
//! The pages open from a folder with no network, print black on white, and run no script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_core::Digest;
use comity_core::shown::escape_for_terminal;

/// The style of every page.
const STYLE: &str = include_str!("page.css");

/// The beginning of a page, up to and with its `h1`.
///
/// The policy allows nothing but two styles, by their digests: the common one, and one that puts
/// the title at the foot of each printed sheet, since sheets of paper part company.
#[must_use]
pub fn begin(title: &str) -> String {
    let foot = foot(title);
    let title = text(title);
    let [common, own] =
        [STYLE, foot.as_str()].map(|style| STANDARD.encode(Digest::of(style.as_bytes()).0));
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{common}' 'sha256-{own}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n\
         <style>{STYLE}</style>\n\
         <style>{foot}</style>\n\
         </head>\n\
         <body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
         <main id=\"main\">\n\
         <h1>{title}</h1>\n"
    )
}

/// The style that prints a title at the foot of each sheet. What is not a letter or a digit of
/// ASCII is written as an escape, so that a title can end neither the string nor the style.
fn foot(title: &str) -> String {
    let mut content = String::new();
    for character in escape_for_terminal(title).chars() {
        if character.is_ascii_alphanumeric() {
            content.push(character);
        } else {
            content.push_str(&format!("\\{:x} ", u32::from(character)));
        }
    }
    format!(
        "@page {{ @bottom-left {{ content: \"{content}\"; font: 9pt system-ui, sans-serif; }} }}"
    )
}

/// The end of a page.
pub const END: &str = "</main>\n</body>\n</html>\n";

/// The box that no page may be without: what it is worth.
#[must_use]
pub fn proves_nothing(instead: &str) -> String {
    format!(
        "<p class=\"warning\" role=\"note\"><strong><span aria-hidden=\"true\">⚠</span> This page alone proves nothing.</strong> \
         Anyone can write such a page. {instead}</p>\n"
    )
}

/// What vouches for the log that a paper stands on, as its page shows it.
#[derive(Clone, Debug, Default)]
pub struct Vouching {
    /// The fingerprint of the log's keys, in groups.
    pub fingerprint: String,
    /// What witnesses say of the checkpoint; `None` where the centre names none.
    pub witnesses: Option<String>,
    /// The authorities whose time stamps go along.
    pub stamps: Vec<String>,
}

impl Vouching {
    /// Its facts: labels and HTML.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("Fingerprint of the log’s keys", digest(&self.fingerprint))];
        rows.extend(self.witnesses.iter().map(|w| ("Witnesses", text(w))));
        if !self.stamps.is_empty() {
            let names = text(&self.stamps.join(", "));
            let shown = format!("by {names}; <code>comity-verify</code> says what they show");
            rows.push(("Time stamps", shown));
        }
        rows
    }
}

/// Text from outside as HTML: markup, control and direction characters are escaped.
#[must_use]
pub fn text(from: &str) -> String {
    let mut out = String::with_capacity(from.len());
    for character in escape_for_terminal(from).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Text of the evidence, in any language and direction.
#[must_use]
pub fn evidence(from: &str) -> String {
    format!("<bdi dir=\"auto\">{}</bdi>", text(from))
}

/// A digest, whole, in a face that tells its digits apart.
#[must_use]
pub fn digest(hex: &str) -> String {
    format!("<code class=\"digest\">{}</code>", text(hex))
}

/// A point in time as it was recorded (RFC 3339, UTC), shown to the second; whole in its attribute.
#[must_use]
pub fn time(recorded: &str) -> String {
    let whole = text(recorded);
    match (
        recorded.get(..10),
        recorded.get(10..11),
        recorded.get(11..19),
    ) {
        (Some(day), Some("T"), Some(clock)) if recorded.ends_with('Z') => format!(
            "<time datetime=\"{whole}\">{} {}</time>",
            text(day),
            text(clock)
        ),
        _ => whole,
    }
}

/// What the state of an item without bytes, or with them, means (`docs/format/events.md`).
#[must_use]
pub fn meaning(state: &str) -> &'static str {
    match state {
        "sealed" => "read whole and kept",
        "link" => "a symbolic link: recorded, not followed",
        "refused" => "a socket, device or pipe: nothing to keep",
        "unreadable" => "could not be read: nothing was kept",
        "vanished" => "was gone before it was read",
        "changed" => "changed while it was read: nothing was kept",
        "erased" => "its bytes were erased later: the history says when",
        _ => "",
    }
}

/// A row of a list of facts; `value` is HTML.
#[must_use]
pub fn fact(label: &str, value: &str) -> String {
    format!("<div><dt>{label}</dt><dd>{value}</dd></div>\n")
}

/// An integer in groups of three digits, divided by narrow spaces.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        let hostile = "<script>alert('1')</script>\u{202e}\"&\u{1b}[2J";
        assert_eq!(
            text(hostile),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\\u{202e}&quot;&amp;\\u{1b}[2J"
        );
        let page = begin(hostile);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn a_title_stays_in_the_foot_of_its_sheet() {
        let style = foot("a\"; } </style><script>\\ Я\n");
        assert_eq!(
            style,
            "@page { @bottom-left { content: \"a\\22 \\3b \\20 \\7d \\20 \\3c \\2f style\\3e \\3c script\\3e \\5c \\20 \\42f \\5c n\"; font: 9pt system-ui, sans-serif; } }"
        );
        let page = begin("Receipt");
        let digest = STANDARD.encode(Digest::of(foot("Receipt").as_bytes()).0);
        assert!(page.contains(&format!("'sha256-{digest}'")), "{page}");
    }

    #[test]
    fn times_are_shown_to_the_second_and_kept_whole() {
        assert_eq!(
            time("2026-11-24T13:56:01.980227Z"),
            "<time datetime=\"2026-11-24T13:56:01.980227Z\">2026-11-24 13:56:01</time>"
        );
        assert_eq!(time("<b>"), "&lt;b&gt;");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1234), "1\u{202f}234");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
