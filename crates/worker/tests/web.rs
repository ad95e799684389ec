//! Captures of web pages, mailboxes, films and compressed files, made byte by byte here.

#![allow(clippy::expect_used)]

mod kept;
mod made;

use comity_extract::{Relation, State};
use kept::{Kept, end_of, read, zip};
use p384::ecdsa::signature::hazmat::PrehashSigner;
use sha2::Digest;
use std::io::Write;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

fn sha1(bytes: &[u8]) -> String {
    let digest = sha1::Sha1::digest(bytes);
    format!("sha1:{}", data_encoding::BASE32.encode(&digest))
}

/// A record with the digest of its block.
fn record(kind: &str, uri: &str, media: &str, more: &str, block: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2025-02-14T06:10:00Z\r\n\
         WARC-Block-Digest: {}\r\nContent-Type: {media}\r\n{more}Content-Length: {}\r\n\r\n",
        sha1(block),
        block.len()
    );
    [head.as_bytes(), block, b"\r\n\r\n"].concat()
}

const PAGE: &[u8] = "<html><title>Наказ</title><p>вогонь".as_bytes();

/// A page that came compressed and in two chunks.
fn capture() -> (Vec<u8>, Vec<u8>) {
    let packed = gz(PAGE);
    let (first, rest) = packed.split_at(9);
    let chunked = [
        b"9\r\n".as_slice(),
        first,
        format!("\r\n{:x}\r\n", rest.len()).as_bytes(),
        rest,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n";
    (head.to_vec(), chunked)
}

fn warc(payload_digest: &str) -> Vec<u8> {
    let (head, body) = capture();
    let said = format!("WARC-Payload-Digest: {payload_digest}\r\n");
    let http = "application/http; msgtype=response";
    [
        record(
            "warcinfo",
            "",
            "application/warc-fields",
            "",
            b"software: test\r\n",
        ),
        record(
            "request",
            "http://example.org/order",
            "application/http",
            "",
            b"GET /order HTTP/1.1\r\n\r\n",
        ),
        record(
            "response",
            "http://example.org/order",
            http,
            &said,
            &[head, body].concat(),
        ),
        record(
            "resource",
            "http://example.org/a.txt",
            "text/plain",
            "",
            b"kept as it is",
        ),
        record(
            "revisit",
            "http://example.org/a.txt",
            http,
            "WARC-Refers-To-Date: 2025-02-13T00:00:00Z\r\n",
            b"",
        ),
    ]
    .concat()
}

fn paths(kept: &Kept) -> Vec<&str> {
    kept.children
        .iter()
        .map(|(child, ..)| child.path.as_str())
        .collect()
}

#[test]
fn a_capture_gives_its_pages_unpacked_with_address_and_time() {
    let (_, chunked) = capture();
    // Digests of the body as it came, without its chunks, and unpacked are all in use.
    for said in [sha1(&chunked), sha1(&gz(PAGE)), sha1(PAGE)] {
        let file = warc(&said);
        for (name, file) in [("a.warc", file.clone()), ("a.warc.gz", gz(&file))] {
            let (outcome, kept) = read(name, &file);
            assert_eq!(outcome.state, State::Read, "{name}: {:?}", kept.missing);
            assert_eq!(kept.media, "application/warc");
            assert_eq!(kept.field("name_disagrees"), "");
            assert_eq!(
                paths(&kept),
                ["http://example.org/order", "http://example.org/a.txt"]
            );
            assert_eq!(kept.children[0].1, PAGE);
            assert_eq!(kept.children[0].0.modified, "2025-02-14T06:10:00Z");
            assert_eq!(kept.children[1].1, b"kept as it is");
            assert_eq!(
                kept.passages[2],
                "[record 3] 2025-02-14T06:10:00Z response http://example.org/order 200 text/html"
            );
            assert!(kept.passages[4].ends_with("(unchanged since 2025-02-13T00:00:00Z)"));
        }
    }
}

#[test]
fn a_capture_whose_bytes_are_not_those_that_it_recorded_is_named() {
    let (outcome, kept) = read("a.warc", &warc(&sha1(b"another page")));
    assert_eq!(outcome.state, State::InPart);
    assert!(
        kept.missing[0].starts_with("record 3, http://example.org/order: payload: "),
        "{:?}",
        kept.missing
    );
    // One byte of a block.
    let mut file = warc(&sha1(PAGE));
    let at = file
        .windows(4)
        .position(|w| w == b"kept")
        .expect("it is there");
    file[at] ^= 1;
    let (_, kept) = read("a.warc", &file);
    assert_eq!(kept.missing.len(), 1, "{:?}", kept.missing);
    assert!(
        kept.missing[0].starts_with("record 4, http://example.org/a.txt: "),
        "{:?}",
        kept.missing
    );
    // Cut anywhere it keeps what came before, and says that it was cut.
    let whole = warc(&sha1(PAGE));
    for len in (40..whole.len() - 4).step_by(97) {
        let (outcome, kept) = read("a.warc", &whole[..len]);
        let is_told = !kept.missing.is_empty() || outcome.state == State::Damaged;
        let at_an_end = whole[..len].ends_with(b"\r\n\r\n");
        assert!(is_told || at_an_end, "{len}: {outcome:?}");
    }
}

/// A package of a capture, signed as browsers do: by the key that it names when `signer` is 7.
fn wacz(page: &[u8], signer: Option<u8>) -> Vec<u8> {
    let capture = warc(&sha1(PAGE));
    let sha256 = |bytes: &[u8]| {
        format!(
            "sha256:{}",
            data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
        )
    };
    let pages = b"{\"format\":\"json-pages-1.0\"}\n{\"url\":\"http://example.org/order\",\"ts\":\"2025-02-14T06:10:00Z\",\"title\":\"Order\"}\n";
    let list = format!(
        r#"{{"profile":"data-package","wacz_version":"1.1.1","title":"Orders","resources":[{{"path":"archive/data.warc","hash":"{}"}},{{"path":"pages/pages.jsonl","hash":"{}"}}]}}"#,
        sha256(&capture),
        sha256(pages)
    );
    let hash = sha256(list.as_bytes());
    let key = |seed| p384::ecdsa::SigningKey::from_slice(&[seed; 48]).expect("a key");
    let signature: p384::ecdsa::Signature = key(signer.unwrap_or(7))
        .sign_prehash(&sha2::Sha256::digest(&hash))
        .expect("it signs");
    let point = key(7).verifying_key().to_sec1_point(false);
    let spki = [
        &b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"[..],
        point.as_bytes(),
    ]
    .concat();
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let signed = format!(
        r#"{{"path":"datapackage.json","hash":"{hash}","signedData":{{"hash":"{hash}","created":"2025-02-14T07:00:00Z","software":"test","publicKey":"{}","signature":"{}"}}}}"#,
        base64(&spki),
        base64(&signature.to_bytes())
    );
    let mut members = vec![
        ("datapackage.json", list.as_bytes()),
        (
            "archive/data.warc",
            if page.is_empty() {
                capture.as_slice()
            } else {
                page
            },
        ),
        ("pages/pages.jsonl", pages),
    ];
    if signer.is_some() {
        members.push(("datapackage-digest.json", signed.as_bytes()));
    }
    zip(&members)
}

#[test]
fn a_package_of_captures_is_held_against_its_own_list_and_signature() {
    let (outcome, kept) = read("a.wacz", &wacz(b"", Some(7)));
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    assert_eq!(kept.field("title"), "Orders");
    let holds = kept
        .fields
        .iter()
        .any(|(_, value)| value.ends_with("the signature holds"));
    assert!(holds, "{:?}", kept.fields);
    assert_eq!(
        kept.passages,
        ["[record 1] 2025-02-14T06:10:00Z http://example.org/order Order"]
    );
    assert!(
        kept.children
            .iter()
            .any(|(child, ..)| child.path == "archive/data.warc")
    );
    // Another capture under the same list.
    let (outcome, kept) = read("a.wacz", &wacz(&warc(&sha1(b"other")), Some(7)));
    assert_eq!(outcome.state, State::InPart);
    assert!(
        kept.missing[0].starts_with("member archive/data.warc: "),
        "{:?}",
        kept.missing
    );
    // Not signed is no fault, and is said.
    let (outcome, kept) = read("a.wacz", &wacz(b"", None));
    assert_eq!(outcome.state, State::Read);
    assert!(
        kept.fields
            .iter()
            .any(|(_, value)| value == "the package is not signed")
    );
}

/// A package that a domain signed on this day, with a certificate for another name perhaps.
fn signed_by_domain(day: &str, named: &str, changed: bool) -> Vec<u8> {
    let capture = warc(&sha1(PAGE));
    let list = format!(
        r#"{{"profile":"data-package","resources":[{{"path":"archive/data.warc","hash":"sha256:{}"}}]}}"#,
        data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&capture))
    );
    let hash = format!(
        "sha256:{}",
        data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&list))
    );
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a key");
    let words = if changed { "sha256:00" } else { &hash };
    let signature: p256::ecdsa::Signature = key
        .sign_prehash(&sha2::Sha256::digest(words))
        .expect("it signs");
    let point = key.verifying_key().to_sec1_point(false);
    let certificate = made::asn1::certificate(point.as_bytes(), "x", Some(named));
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let lines: Vec<String> = base64(&certificate)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\\n{}\\n-----END CERTIFICATE-----\\n",
        lines.join("\\n")
    );
    let signed = format!(
        r#"{{"hash":"{hash}","signedData":{{"hash":"{hash}","created":"{day}T07:00:00Z","domain":"archive.example","domainCert":"{pem}","signature":"{}","timeSignature":"{}"}}}}"#,
        base64(signature.to_der().as_bytes()),
        base64(b"no token")
    );
    zip(&[
        ("datapackage.json", list.as_bytes()),
        ("archive/data.warc", &capture),
        ("datapackage-digest.json", signed.as_bytes()),
    ])
}

#[test]
fn a_package_that_a_domain_signed_says_which_and_what_is_wrong_with_it() {
    let (outcome, kept) = read(
        "a.wacz",
        &signed_by_domain("2025-02-14", "*.example", false),
    );
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    let words = "signed on 2025-02-14T07:00:00Z by the domain archive.example; the signature holds; the certificate by CN=x is not \
                 checked against a trust list";
    assert!(
        kept.fields.iter().any(|(_, value)| value == words),
        "{:?}",
        kept.fields
    );
    assert_eq!(kept.children[0].0.path, "time stamp.tst");
    let wrong = |day: &str, named: &str, changed: bool| {
        read("a.wacz", &signed_by_domain(day, named, changed))
            .1
            .missing
    };
    assert_eq!(
        wrong("2045-02-14", "archive.example", false),
        ["the certificate of archive.example was not valid on 2045-02-14T07:00:00Z"]
    );
    assert_eq!(
        wrong("2025-02-14", "other.example.org", false),
        ["the certificate of the signature is not one of archive.example"]
    );
    assert_eq!(
        wrong("2025-02-14", "archive.example", true),
        ["the signature over the package does not hold"]
    );
}

#[test]
fn a_signature_by_another_key_does_not_hold() {
    let (outcome, kept) = read("a.wacz", &wacz(b"", Some(9)));
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(
        kept.missing,
        ["the signature over the package does not hold"]
    );
}

fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &[0x01], &(body.len() as u64).to_be_bytes()[1..], body].concat()
}

#[test]
fn a_film_that_was_never_closed_says_when_and_how_large() {
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()),
        element(&[0x44, 0x89], &2500_f64.to_be_bytes()),
        // 14 February 2025, 06:10 UTC, in nanoseconds since 2001.
        element(
            &[0x44, 0x61],
            &((1_739_513_400 - 978_307_200) * 1_000_000_000_i64).to_be_bytes(),
        ),
        element(&[0x57, 0x41], b"Telephone 1"),
    ]
    .concat();
    let video = element(
        &[0xe0],
        &[element(&[0xb0], &[2, 128]), element(&[0xba], &[1, 224])].concat(),
    );
    let tracks = element(&[0xae], &video);
    let parts = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info),
        element(&[0x16, 0x54, 0xae, 0x6b], &tracks),
        // A cluster whose size is left open, as a recorder does that was stopped.
        b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff frames".to_vec(),
    ]
    .concat();
    let film = [
        element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm")),
        b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        parts,
    ]
    .concat();
    let (outcome, kept) = read("a.webm", &film);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!((kept.field("width"), kept.field("height")), ("640", "480"));
    assert_eq!(
        (kept.field("created"), kept.field("duration")),
        ("2025-02-14T06:10:00Z", "2.500")
    );
    assert_eq!(kept.field("software"), "Telephone 1");
    for len in 60..film.len() - 30 {
        let (outcome, _) = read("a.webm", &film[..len]);
        assert!(
            matches!(outcome.state, State::Damaged | State::Read | State::InPart),
            "{len}: {outcome:?}"
        );
    }
}

#[test]
fn a_sound_says_how_long_it_is() {
    let samples = vec![0_u8; 16_000];
    let format = [
        &1_u16.to_le_bytes()[..],
        &1_u16.to_le_bytes(),
        &8_000_u32.to_le_bytes(),
        &16_000_u32.to_le_bytes(),
        &2_u16.to_le_bytes(),
        &16_u16.to_le_bytes(),
    ]
    .concat();
    let chunk = |id: &[u8], body: &[u8]| [id, &(body.len() as u32).to_le_bytes(), body].concat();
    let file = chunk(
        b"RIFF",
        &[
            b"WAVE".to_vec(),
            chunk(b"fmt ", &format),
            chunk(b"data", &samples),
        ]
        .concat(),
    );
    let (outcome, kept) = read("call.wav", &file);
    assert_eq!(
        (outcome.state, kept.field("duration")),
        (State::Read, "1.000"),
        "{outcome:?}"
    );
}

#[test]
fn compressed_files_give_what_they_hold() {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1))
        .expect("in memory");
    writer.write_all(PAGE).expect("in memory");
    let xz = writer.finish().expect("in memory");
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(PAGE).expect("in memory");
    let bz2 = writer.finish().expect("in memory");
    for (name, file, inside) in [
        ("page.html.xz", &xz, "page.html"),
        ("PAGE.BZ2", &bz2, "PAGE"),
        ("all.tbz2", &bz2, "all.tar"),
    ] {
        let (outcome, kept) = read(name, file);
        assert_eq!(outcome.state, State::Read, "{name}: {outcome:?}");
        let (child, bytes, _) = &kept.children[0];
        assert_eq!(
            (child.path.as_str(), bytes.as_slice(), child.relation),
            (inside, PAGE, Relation::Content)
        );
        let (_, kept) = read(name, &file[..file.len() - 12]);
        assert_eq!(end_of(&kept.children[0]), State::Damaged, "{name}");
    }
}

#[test]
fn a_mailbox_that_is_none_is_damaged_and_no_more() {
    let mut file = b"!BDN".to_vec();
    file.extend((0..4096_u32).flat_map(u32::to_le_bytes));
    let (outcome, _) = read("a.pst", &file);
    assert!(
        matches!(outcome.state, State::Damaged | State::Crashed),
        "{outcome:?}"
    );
}
