//! The page of a receipt, to print and to sign: a pure function over its head.

use comity_core::package::ReceiptHead;

use crate::page::{END, begin, digest, evidence, fact, number, proves_nothing, text};

/// `index.html`. `fingerprint` is that of the log's keys, in groups.
#[must_use]
pub fn index(head: &ReceiptHead, fingerprint: &str) -> String {
    let mut out = begin(&format!(
        "Receipt for intake {} of {}",
        head.intake, head.member
    ));
    out.push_str(&proves_nothing(
        "<code>comity-verify</code> checks the receipt that it came with; two signatures below \
         bind the page, its digest and its fingerprint.",
    ));
    out.push_str("<dl>\n");
    let case = format!("{} {}", text(&head.case), evidence(&head.case_name));
    let made = format!(
        "<time>{}</time> by {}",
        text(&head.made_at),
        text(&head.made_by)
    );
    let rows = [
        ("Centre", evidence(&head.centre)),
        ("Member", text(&head.member)),
        ("Case", case),
        ("Received from", evidence(&head.source)),
        ("Intake", number(head.intake)),
        ("Made", made),
        ("Items received", number(head.received)),
        ("Delivered again", number(head.again)),
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
    for (label, value) in [
        (
            "Digest of the manifest (SHA-256 of manifest.jsonl)",
            digest(&head.manifest_sha256.to_string()),
        ),
        ("Fingerprint of the log’s keys", digest(fingerprint)),
        ("Log", text(&head.origin)),
        ("Checkpoint", checkpoint),
    ] {
        out.push_str(&fact(label, &value));
    }
    out.push_str(
        "</dl>\n\
         <p>To check the receipt, and your own files against it:</p>\n\
         <pre>comity-verify RECEIPT --keys FILE\ncomity-verify RECEIPT --against FOLDER</pre>\n\
         <p>With standard tools, in the receipt’s folder: <code>sha256sum -c SHA256SUMS</code>; \
         <code>manifest.jsonl</code> has one line for each item, with its path and digest.</p>\n\
         <h2>Signatures</h2>\n\
         <div class=\"sign\">\n\
         <p>For the deliverer: name, date, signature</p>\n\
         <p>For the centre: name, date, signature</p>\n\
         </div>\n",
    );
    out.push_str(END);
    out
}

fn states(out: &mut String, head: &ReceiptHead) {
    if head.states.is_empty() {
        return;
    }
    out.push_str("<h2>States</h2>\n<table>\n<thead><tr><th scope=\"col\">State</th><th scope=\"col\">Items</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n");
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

/// What a state means (`docs/format/events.md`).
fn meaning(state: &str) -> &'static str {
    match state {
        "sealed" => "read whole and kept",
        "link" => "a symbolic link: recorded, not followed",
        "refused" => "a socket, device or pipe: nothing was kept",
        "unreadable" => "could not be read: nothing was kept",
        "vanished" => "was gone before it was read",
        "changed" => "changed while it was read: nothing was kept",
        _ => "",
    }
}

fn differences(out: &mut String, head: &ReceiptHead) {
    let Some(differences) = head.differences else {
        return;
    };
    out.push_str("<h2>Against the deliverer’s own manifest</h2>\n<dl>\n");
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
        let page = index(&head, "aaaa bbbb");
        for words in [
            "This page proves nothing",
            &manifest.to_string(),
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
