//! The page of a receipt, to print and to sign: a pure function over its head.

use comity_core::package::ReceiptHead;

use crate::page::{
    END, Vouching, begin, digest, evidence, fact, meaning, number, proves_nothing, text, time,
};

/// `index.html`.
#[must_use]
pub fn index(head: &ReceiptHead, vouching: &Vouching) -> String {
    let mut out = begin(&format!(
        "Receipt for intake {}-{:06}",
        head.member, head.intake
    ));
    out.push_str(&proves_nothing(
        "The program <code>comity-verify</code> checks the receipt that it came with. Two \
         signatures on the printed page bind the digest and the fingerprint that are on it.",
    ));
    out.push_str("<dl>\n");
    let case = format!("{} {}", text(&head.case), evidence(&head.case_name));
    let made = format!("{} UTC by {}", time(&head.made_at), text(&head.made_by));
    let rows = [
        ("Centre", evidence(&head.centre)),
        ("Member", text(&head.member)),
        ("Case", case),
        ("Received from", evidence(&head.source)),
        ("Receipt made", made),
        ("Items received", number(head.received)),
        ("Delivered again, held already", number(head.again)),
        ("Bytes received", number(head.bytes)),
    ];
    for (label, value) in rows {
        out.push_str(&fact(label, &value));
    }
    out.push_str("</dl>\n");
    states(&mut out, head);
    differences(&mut out, head);
    out.push_str("<h2>What to compare</h2>\n<dl>\n");
    let checkpoint = format!(
        "size {}, root {}",
        number(head.size),
        digest(&head.root.to_string())
    );
    let list = [
        (
            "Digest of the list of items",
            format!(
                "{}<br>SHA-256 of <code>manifest.jsonl</code>, which has the path and the digest of \
                 every item",
                digest(&groups(&head.manifest_sha256.to_string()))
            ),
        ),
        ("Log", text(&head.origin)),
        ("Checkpoint", checkpoint),
    ];
    for (label, value) in list.into_iter().chain(vouching.rows()) {
        out.push_str(&fact(label, &value));
    }
    out.push_str(
        "</dl>\n\
         <h2>How to check it</h2>\n\
         <p>The receipt, with the log’s keys as you got them separately; and your own files against \
         the receipt:</p>\n\
         <pre>comity-verify RECEIPT --keys FILE\ncomity-verify RECEIPT --against FOLDER</pre>\n\
         <p>With standard tools, in the receipt’s folder: <code>sha256sum -c SHA256SUMS</code>.</p>\n\
         <h2>Signatures</h2>\n\
         <div class=\"signatures\">\n",
    );
    for side in ["For the deliverer", "For the centre"] {
        out.push_str(&format!("<div>\n<h3>{side}</h3>\n"));
        for label in ["Name", "Function", "Place and date", "Signature"] {
            out.push_str(&format!("<p class=\"line\">{label}</p>\n"));
        }
        out.push_str("</div>\n");
    }
    out.push_str("</div>\n");
    out.push_str(END);
    out
}

/// A digest in groups of four, to be compared by eye.
fn groups(hex: &str) -> String {
    let mut out = String::new();
    for (place, character) in hex.chars().enumerate() {
        if place > 0 && place.is_multiple_of(4) {
            out.push(' ');
        }
        out.push(character);
    }
    out
}

fn states(out: &mut String, head: &ReceiptHead) {
    if head.states.is_empty() {
        return;
    }
    out.push_str("<h2>What became of the items</h2>\n<table class=\"fit\">\n<thead><tr><th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Items</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n");
    for (state, count) in &head.states {
        out.push_str(&format!(
            "<tr><td>{}</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
            text(state),
            number(*count),
            meaning(state)
        ));
    }
    out.push_str("</tbody>\n</table>\n");
}

fn differences(out: &mut String, head: &ReceiptHead) {
    let Some(differences) = head.differences else {
        return;
    };
    out.push_str("<h2>Against the deliverer’s own list</h2>\n<dl>\n");
    for (label, count) in [
        ("Listed, not handed over", differences.missing),
        ("Handed over, not listed", differences.extra),
        ("Handed over with other bytes", differences.different),
    ] {
        out.push_str(&fact(label, &number(count)));
    }
    out.push_str("</dl>\n<p>Each is named in <code>differences.jsonl</code>.</p>\n");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use comity_core::Digest;
    use comity_core::package::Differences;

    use super::*;

    fn vouching() -> Vouching {
        Vouching {
            fingerprint: "aaaa bbbb".to_owned(),
            witnesses: Some("attested by <aster>".to_owned()),
            stamps: vec!["tsa-1".to_owned()],
        }
    }

    #[test]
    fn the_page_has_what_two_people_sign() {
        let manifest = Digest::of(b"manifest");
        let head = ReceiptHead {
            centre: "The centre".to_owned(),
            origin: "example.org/log".to_owned(),
            member: "UKR".to_owned(),
            case: "C0001".to_owned(),
            case_name: "<b>Справа</b>".to_owned(),
            source: "Поліція".to_owned(),
            intake: 123,
            lines: 5,
            received: 4,
            again: 1,
            states: BTreeMap::from([("sealed".to_owned(), 3), ("link".to_owned(), 1)]),
            bytes: 1_234_567,
            manifest_sha256: manifest,
            differences: Some(Differences {
                different: 0,
                extra: 2,
                missing: 1,
                sha256: manifest,
            }),
            size: 10,
            root: Digest::of(b"root"),
            made_at: "2026-11-24T10:41:07.123456Z".to_owned(),
            made_by: "UKR-P0001".to_owned(),
            program: "comity 0.1.0".to_owned(),
        };
        let page = index(&head, &vouching());
        for words in [
            "This page alone proves nothing",
            "attested by &lt;aster&gt;",
            "by tsa-1; ",
            "Receipt for intake UKR-000123",
            &groups(&manifest.to_string()),
            "aaaa bbbb",
            "1\u{202f}234\u{202f}567",
            "&lt;b&gt;Справа",
            "recorded, not followed",
            "Listed, not handed over",
            "For the deliverer",
            "For the centre",
        ] {
            assert!(page.contains(words), "{words:?} is not in {page}");
        }
        assert!(!page.contains("<b>") && !page.contains("<script"));
    }
}
