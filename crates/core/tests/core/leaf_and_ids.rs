//! Leaves and identifiers: one way to write each, and nothing else is read.

use comity_core::digest::{Digest, hex, unhex};
use comity_core::id::{ChainId, Ern, EventId, MemberCode};
use comity_core::json::parse_canonical;
use comity_core::leaf::{Leaf, LeafError, leaf_hash};
use proptest::prelude::*;

fn leaf() -> Leaf {
    Leaf {
        chain: ChainId([0xab; 16]),
        n: 12,
        prev: Some(Digest([0x01; 32])),
        body: Digest([0xcd; 32]),
    }
}

#[test]
fn a_leaf_is_written_as_the_document_says() {
    let expected = format!(
        "{{\"body\":\"{}\",\"chain\":\"{}\",\"n\":12,\"prev\":\"{}\",\"v\":1}}",
        "cd".repeat(32),
        "ab".repeat(16),
        "01".repeat(32)
    );
    assert_eq!(String::from_utf8(leaf().encode()).unwrap(), expected);
    let first = Leaf {
        n: 0,
        prev: None,
        ..leaf()
    };
    assert!(
        String::from_utf8(first.encode())
            .unwrap()
            .ends_with(",\"n\":0,\"prev\":null,\"v\":1}")
    );
    assert_eq!(leaf_hash(b"abc"), Digest::of(b"\0abc"));
}

#[test]
fn the_longest_leaf_is_as_long_as_documented() {
    let longest = Leaf {
        n: (1 << 53) - 1,
        ..leaf()
    };
    assert_eq!(longest.encode().len(), 219);
    assert_eq!(Leaf::parse(&longest.encode()), Ok(longest));
    let beyond = Leaf {
        n: 1 << 53,
        ..leaf()
    };
    assert!(Leaf::parse(&beyond.encode()).is_err());
}

#[test]
fn a_leaf_that_is_not_canonical_is_refused() {
    let good = String::from_utf8(leaf().encode()).unwrap();
    let replaced = [
        ("{\"body\"", "{ \"body\""),
        ("cdcd\"", "cdCD\""),
        ("cdcd\"", "cd\""),
        ("\"n\":12", "\"n\":012"),
        ("\"n\":12", "\"n\":-12"),
        ("\"n\":12", "\"n\":12.0"),
        ("\"n\":12", "\"n\":\"12\""),
        ("\"n\":12", "\"n\":"),
        ("\"n\":12", "\"n\":9007199254740992"),
        ("\"n\":12", "\"n\":99999999999999999999999"),
        ("\"v\":1}", "\"v\":1} "),
        ("\"v\":1}", "\"v\":1,\"w\":1}"),
        ("\"v\":1}", "\"v\":1"),
        ("\"v\":1}", "\"v\":true}"),
        ("\"v\":1}", "\"v\":01}"),
        ("\"chain\"", "\"Chain\""),
    ];
    for (from, to) in replaced {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(Leaf::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    for len in 0..good.len() {
        assert!(Leaf::parse(&good.as_bytes()[..len]).is_err());
    }
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let newer = String::from_utf8(leaf().encode())
        .unwrap()
        .replace("\"v\":1}", "\"v\":2}");
    assert_eq!(
        Leaf::parse(newer.as_bytes()),
        Err(LeafError::UnknownVersion)
    );
}

#[test]
fn only_the_first_event_of_a_chain_has_no_prev() {
    let orphan = Leaf {
        prev: None,
        ..leaf()
    };
    assert_eq!(
        Leaf::parse(&orphan.encode()),
        Err(LeafError::PrevDoesNotFit { n: 12 })
    );
    let heir = Leaf { n: 0, ..leaf() };
    assert_eq!(
        Leaf::parse(&heir.encode()),
        Err(LeafError::PrevDoesNotFit { n: 0 })
    );
}

#[test]
fn hex_has_one_spelling() {
    assert_eq!(hex(&[0, 0x9f, 0xff]), "009fff");
    assert_eq!(unhex("009fff"), Some(vec![0, 0x9f, 0xff]));
    for text in ["0", "0F", "0g", " 00", "0x00", "é"] {
        assert_eq!(unhex(text), None, "{text}");
    }
    let digest = Digest([0xa1; 32]);
    assert_eq!(
        format!("{digest} {digest:?}"),
        format!("{0} {0}", "a1".repeat(32))
    );
    assert_eq!("a1".repeat(32).parse(), Ok(digest));
    for text in [
        "A1".repeat(32),
        "a1".repeat(31),
        "a1".repeat(33),
        String::new(),
    ] {
        let error = text.parse::<Digest>().unwrap_err();
        assert_eq!(error.to_string(), "expected 64 lower-case hex digits");
    }
    assert_eq!("00".repeat(16).parse(), Ok(EventId([0; 16])));
    assert!("00".repeat(17).parse::<EventId>().is_err());
}

#[test]
fn registration_numbers_have_one_spelling() {
    let ern: Ern = "UKR-000123-0000456".parse().unwrap();
    assert_eq!(
        (ern.member().as_str(), ern.intake(), ern.number()),
        ("UKR", 123, 456)
    );
    assert_eq!(ern.to_string(), "UKR-000123-0000456");
    for text in [
        "",
        "UKR",
        "UKR-123-456",
        "UKR-000123-456",
        "UKR-0000123-0000456",
        "ukr-000123-0000456",
        "UKR-000123-0000456 ",
        "UKR-000123-0000456-1",
        "UKR-00012x-0000456",
        "UKR-+00123-0000456",
        "U-000123-0000456",
        "UKR_000123_0000456",
        "UKR-０００１２３-0000456",
    ] {
        let error = text.parse::<Ern>().unwrap_err().to_string();
        assert!(
            error.contains("write it like UKR-000123-0000456"),
            "{text}: {error}"
        );
    }
    let member: MemberCode = "UKR".parse().unwrap();
    assert_eq!(Ern::new(member, 1_000_000, 1), None);
    assert_eq!(Ern::new(member, 1, 10_000_000), None);
    assert_eq!(
        Ern::new(member, 999_999, 9_999_999).unwrap().to_string(),
        "UKR-999999-9999999"
    );
}

#[test]
fn member_codes_are_capitals_and_digits() {
    for code in ["UK", "UKR", "ICPA", "EU27", "ABCDEFGH"] {
        assert_eq!(code.parse::<MemberCode>().unwrap().to_string(), code);
    }
    for code in [
        "",
        "U",
        "ABCDEFGHI",
        "1UK",
        "uk",
        "U-K",
        "ÜK",
        "U K",
        "UK\0",
    ] {
        assert!(code.parse::<MemberCode>().is_err(), "{code:?}");
    }
}

proptest! {
    #[test]
    fn a_leaf_is_read_back_and_is_canonical_json(chain: [u8; 16], n in 0..(1_u64 << 53), prev: [u8; 32], body: [u8; 32]) {
        let leaf = Leaf { chain: ChainId(chain), n, prev: (n > 0).then_some(Digest(prev)), body: Digest(body) };
        let bytes = leaf.encode();
        prop_assert_eq!(Leaf::parse(&bytes), Ok(leaf));
        let json = parse_canonical(&bytes).unwrap();
        prop_assert_eq!(json.as_object().unwrap().len(), 5);
    }

    #[test]
    fn a_changed_leaf_is_refused_or_another(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = leaf().encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Leaf::parse(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn the_order_of_registration_numbers_is_that_of_their_text(
        a in "[A-Z][A-Z0-9]{1,7}-[0-9]{6}-[0-9]{7}", b in "[A-Z][A-Z0-9]{1,7}-[0-9]{6}-[0-9]{7}",
    ) {
        let (first, second): (Ern, Ern) = (a.parse().unwrap(), b.parse().unwrap());
        if a.split('-').next() == b.split('-').next() {
            prop_assert_eq!(first.cmp(&second), a.cmp(&b));
        }
        prop_assert_eq!(first.to_string(), a);
    }
}
