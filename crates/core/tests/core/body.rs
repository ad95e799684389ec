//! Bodies: what was committed to is what is read, and nothing else is accepted.

use comity_core::body::{
    Body, BodyError, Class, CustodySection, Field, SealedBody, Seeds, body_commitment,
    field_commitment, salt, section_context,
};
use comity_core::digest::{Digest, hex};
use comity_core::json::{Value, json};
use proptest::prelude::*;

fn seeds() -> Seeds {
    Seeds {
        custody: [7; 32],
        content: [9; 32],
    }
}

fn received() -> Body {
    let fields = vec![
        Field::custody("kind", "received"),
        Field::custody("auth", "stated"),
        Field::custody("copies", 2),
        Field::content("path", "Фото/зобов’язання.jpg"),
        Field::content("hashes", json!({"sha256": "00", "size": 12})),
    ];
    Body {
        seeds: seeds(),
        fields,
    }
}

/// Offsets in the custody section of [`received`], for tests that damage it.
const COUNT_AT: usize = 32;
const FIRST_FIELD_AT: usize = 34;

#[test]
fn a_salt_is_hmac_sha256_of_tag_and_name() {
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:0707… over "comity/salt/v1\npath".
    assert_eq!(
        hex(&salt(&[7; 32], "path")),
        "18213f40db0fb8f2adc60bd516239f955420aa94f0cc67c2338e3c5083f55b8f"
    );
}

/// RFC 2104, by digests of whole messages: names that fill one block and more.
#[test]
fn a_salt_of_a_name_of_any_length_is_hmac_sha256() {
    let seed = [7; 32];
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(seed).for_each(|(b, key)| *b ^= key);
        block
    };
    for len in 0..300 {
        let name = "n".repeat(len);
        let inner = [&pad(0x36), &b"comity/salt/v1\n"[..], name.as_bytes()].concat();
        let outer = [&pad(0x5c)[..], &Digest::of(&inner).0].concat();
        assert_eq!(salt(&seed, &name), Digest::of(&outer).0, "{len}");
    }
}

#[test]
fn the_commitment_to_a_value_of_any_length_is_over_all_of_it() {
    for len in 0..400 {
        let value = Value::String("v".repeat(len));
        let list = format!("[\"path\",\"{}\"]", "v".repeat(len));
        let bytes = [&b"comity/field/v1\n"[..], &[5; 32], list.as_bytes()].concat();
        let commitment = field_commitment(&[5; 32], "path", &value).unwrap();
        assert_eq!(commitment, Digest::of(&bytes), "{len}");
    }
}

#[test]
fn the_commitment_is_what_the_document_says() {
    let body = received();
    let sha256 = |parts: &[&[u8]]| Digest::of(&parts.concat());
    let commit = |seed: &[u8; 32], name: &str, value: &str| {
        let list = format!("[\"{name}\",{value}]");
        sha256(&[b"comity/field/v1\n", &salt(seed, name), list.as_bytes()])
    };
    let list = format!(
        "[[\"custody\",\"kind\",\"{}\"],[\"custody\",\"auth\",\"{}\"],[\"custody\",\"copies\",\"{}\"],\
         [\"content\",\"path\",\"{}\"],[\"content\",\"hashes\",\"{}\"]]",
        commit(&[7; 32], "kind", "\"received\""),
        commit(&[7; 32], "auth", "\"stated\""),
        commit(&[7; 32], "copies", "2"),
        commit(&[9; 32], "path", "\"Фото/зобов’язання.jpg\""),
        commit(&[9; 32], "hashes", "{\"sha256\":\"00\",\"size\":12}"),
    );
    let expected = sha256(&[b"comity/body/v1\n", list.as_bytes()]);
    assert_eq!(body.encode().unwrap().commitment, expected);

    let commitments: Vec<(Class, &str, Digest)> = body
        .fields
        .iter()
        .map(|field| {
            let seed = if field.class == Class::Custody {
                &[7; 32]
            } else {
                &[9; 32]
            };
            let commitment = field_commitment(&salt(seed, &field.name), &field.name, &field.value);
            (field.class, field.name.as_str(), commitment.unwrap())
        })
        .collect();
    assert_eq!(body_commitment(&commitments).unwrap(), expected);
    assert_eq!(
        body_commitment(&[]).unwrap(),
        sha256(&[b"comity/body/v1\n[]"])
    );
}

#[test]
fn after_erasure_the_custody_section_still_gives_the_commitment() {
    let encoded = received().encode().unwrap();
    let section = CustodySection::parse(&encoded.custody).unwrap();
    assert_eq!(section.commitment(), encoded.commitment);
    assert_eq!(section.get("kind"), Some(&json!("received")));
    assert_eq!(section.get("path"), None);

    let opened = section.clone().open(None).unwrap();
    let custody = opened.iter().filter(|field| field.class == Class::Custody);
    assert!(custody.clone().count() == 3 && custody.clone().all(|field| field.value.is_some()));
    let content: Vec<_> = opened
        .iter()
        .filter(|field| field.class == Class::Content)
        .collect();
    assert!(
        content
            .iter()
            .all(|field| field.value.is_none() && field.salt.is_none())
    );
    assert_eq!(content[0].name, "path");
    assert_eq!(section.join(None), Err(BodyError::NoContent));
}

#[test]
fn an_opened_field_can_be_checked_by_its_salt_alone() {
    let encoded = received().encode().unwrap();
    let section = CustodySection::parse(&encoded.custody).unwrap();
    let opened = section.clone().open(encoded.content.as_deref()).unwrap();
    assert_eq!(opened.len(), 5);
    for field in &opened {
        let (salt, value) = (field.salt.unwrap(), field.value.as_ref().unwrap());
        assert_eq!(
            field_commitment(&salt, &field.name, value).unwrap(),
            field.commitment
        );
    }
    let list: Vec<_> = opened
        .iter()
        .map(|field| (field.class, field.name.as_str(), field.commitment))
        .collect();
    assert_eq!(body_commitment(&list).unwrap(), encoded.commitment);
}

#[test]
fn a_content_section_that_was_altered_names_the_field() {
    let encoded = received().encode().unwrap();
    let section = CustodySection::parse(&encoded.custody).unwrap();
    let content = encoded.content.unwrap();
    let first = json!("Фото/зобов’язання.jpg").to_string().len();
    for at in 0..content.len() {
        let mut altered = content.clone();
        altered[at] ^= 1;
        let error = section.clone().open(Some(&altered)).unwrap_err();
        if (36..36 + first).contains(&at) || at < 32 {
            assert_eq!(
                error,
                BodyError::WrongContent("path".to_owned()),
                "byte {at}"
            );
        }
    }
    for len in 0..content.len() {
        assert!(
            section.clone().open(Some(&content[..len])).is_err(),
            "{len} bytes"
        );
    }
    let longer = [content.as_slice(), b"x"].concat();
    assert_eq!(
        section.clone().open(Some(&longer)),
        Err(BodyError::Trailing { extra: 1 })
    );
    assert_eq!(
        section.clone().join(Some(&longer)),
        Err(BodyError::Trailing { extra: 1 })
    );
}

#[test]
fn a_body_without_content_has_no_content_section() {
    let body = Body {
        seeds: seeds(),
        fields: vec![Field::custody("kind", "opened")],
    };
    let encoded = body.encode().unwrap();
    assert_eq!(encoded.content, None);
    let section = CustodySection::parse(&encoded.custody).unwrap();
    assert_eq!(
        section.clone().open(Some(&[0; 32])),
        Err(BodyError::UnexpectedContent)
    );
    let joined = section.join(None).unwrap();
    assert_eq!(joined.fields, body.fields);
    assert_eq!(
        joined.seeds,
        Seeds {
            custody: [7; 32],
            content: [0; 32]
        }
    );
}

#[test]
fn no_cut_or_lengthened_custody_section_is_read() {
    let custody = received().encode().unwrap().custody;
    for len in 0..custody.len() {
        assert!(
            CustodySection::parse(&custody[..len]).is_err(),
            "{len} bytes"
        );
    }
    let longer = [custody.as_slice(), b"\0"].concat();
    assert_eq!(
        CustodySection::parse(&longer),
        Err(BodyError::Trailing { extra: 1 })
    );
}

/// A custody section from its parts: class, name, then what follows the name.
fn section(fields: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![7; 32];
    bytes.extend_from_slice(&(fields.len() as u16).to_be_bytes());
    for (class, name, rest) in fields {
        bytes.extend_from_slice(&[*class, name.len() as u8]);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(rest);
    }
    bytes
}

#[test]
fn what_no_writer_of_ours_writes_is_refused() {
    let one = b"\0\0\0\x011".as_slice();
    let commitment = [3; 32].as_slice();
    assert!(CustodySection::parse(&section(&[(0, "a", one), (1, "b", commitment)])).is_ok());
    let refused =
        |fields: &[(u8, &str, &[u8])]| CustodySection::parse(&section(fields)).unwrap_err();

    assert_eq!(
        refused(&[(0, "a", one), (0, "a", one)]),
        BodyError::DuplicateField("a".into())
    );
    assert_eq!(
        refused(&[(0, "a", one), (1, "a", commitment)]),
        BodyError::DuplicateField("a".into())
    );
    assert_eq!(
        refused(&[(1, "b", commitment), (0, "a", one)]),
        BodyError::CustodyAfterContent("a".into())
    );
    assert_eq!(
        refused(&[(2, "a", one)]),
        BodyError::UnknownClass { at: 34, found: 2 }
    );
    for name in [
        "",
        "A",
        "1a",
        "_a",
        "a-b",
        "a b",
        "ä",
        "aB",
        "a\0",
        &"a".repeat(65),
    ] {
        assert!(
            matches!(refused(&[(0, name, one)]), BodyError::FieldName(_)),
            "{name:?}"
        );
    }
    for value in [
        b"\0\0\0\x02 1".as_slice(),
        b"\0\0\0\x031.0",
        b"\0\0\0\x03\"a",
        b"\0\0\0\0",
        b"\0\0\0\x041111x",
    ] {
        refused(&[(0, "a", value)]);
    }
    assert!(matches!(
        refused(&[(0, "a", b"\0\0\0\x02 1")]),
        BodyError::Value { .. }
    ));
    assert_eq!(
        refused(&[(0, "a", b"\xff\xff\xff\xff1")]),
        BodyError::CutShort {
            at: 41,
            what: "a value"
        }
    );
}

#[test]
fn a_huge_count_reserves_nothing_and_is_refused() {
    let mut custody = received().encode().unwrap().custody;
    custody[COUNT_AT..FIRST_FIELD_AT].copy_from_slice(&[0xff; 2]);
    assert!(matches!(
        CustodySection::parse(&custody),
        Err(BodyError::CutShort { .. })
    ));
}

#[test]
fn many_fields_with_one_name_twice_are_refused_both_ways() {
    let mut fields: Vec<Field> = (0..2000)
        .map(|i| Field::custody(format!("f{i}"), i))
        .collect();
    let body = |fields: &[Field]| Body {
        seeds: seeds(),
        fields: fields.to_vec(),
    };
    let encoded = body(&fields).encode().unwrap();
    assert_eq!(
        CustodySection::parse(&encoded.custody)
            .unwrap()
            .join(None)
            .unwrap()
            .fields,
        fields
    );
    fields[1999].name = "f1".to_owned();
    assert_eq!(
        body(&fields).encode(),
        Err(BodyError::DuplicateField("f1".into()))
    );
    let too_many: Vec<Field> = (0..65_536)
        .map(|i| Field::custody(format!("f{i}"), 1))
        .collect();
    assert!(matches!(
        body(&too_many).encode(),
        Err(BodyError::TooLarge { .. })
    ));
}

#[test]
fn a_body_that_breaks_the_format_is_not_written() {
    let encode = |fields: Vec<Field>| {
        Body {
            seeds: seeds(),
            fields,
        }
        .encode()
        .unwrap_err()
    };
    assert_eq!(
        encode(vec![Field::content("b", 1), Field::custody("a", 1)]),
        BodyError::CustodyAfterContent("a".into())
    );
    assert_eq!(
        encode(vec![Field::custody("A", 1)]),
        BodyError::FieldName("A".into())
    );
    assert!(matches!(
        encode(vec![Field::custody("a", json!(1.5))]),
        BodyError::Value { .. }
    ));
    assert!(field_commitment(&[0; 32], "a\",\"b", &json!(1)).is_err());
    assert!(body_commitment(&[(Class::Custody, "a\",\"b", Digest([0; 32]))]).is_err());
}

#[test]
fn seeds_and_salts_do_not_show_in_debug_output() {
    let encoded = received().encode().unwrap();
    let section = CustodySection::parse(&encoded.custody).unwrap();
    let opened = section.clone().open(encoded.content.as_deref()).unwrap();
    let shown = format!("{:?} {section:?} {opened:?}", received());
    assert!(!shown.contains("7, 7, 7") && !shown.contains("9, 9, 9") && !shown.contains("salt"));
}

#[test]
fn a_sealed_body_is_framed_byte_for_byte() {
    let sealed = SealedBody {
        custody_key: 1,
        content_key: 0x0203,
        custody: b"CU",
        content: Some(b"CON"),
    };
    let bytes = sealed.encode().unwrap();
    assert_eq!(
        hex(&bytes),
        "0100000000000000000000000000000100000000000002030000000200000003\
         4355434f4e"
            .replace(char::is_whitespace, "")
    );
    assert_eq!(SealedBody::parse(&bytes), Ok(sealed));
    let erased = SealedBody {
        custody_key: 1,
        content_key: 0,
        custody: b"CU",
        content: None,
    };
    assert_eq!(SealedBody::parse(&erased.encode().unwrap()), Ok(erased));

    for len in 0..bytes.len() {
        assert!(SealedBody::parse(&bytes[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(
        SealedBody::parse(&[bytes.as_slice(), b"x"].concat()),
        Err(BodyError::Trailing { extra: 1 })
    );
    for at in 0..8 {
        let mut altered = bytes.clone();
        altered[at] ^= 2;
        assert!(SealedBody::parse(&altered).is_err(), "byte {at}");
    }
    let mut huge = bytes.clone();
    huge[24..32].fill(0xff);
    assert!(matches!(
        SealedBody::parse(&huge),
        Err(BodyError::CutShort { .. })
    ));
    for (content_key, content) in [
        (0, Some(b"x".as_slice())),
        (5, None),
        (5, Some(b"".as_slice())),
    ] {
        let unfit = SealedBody {
            custody_key: 1,
            content_key,
            custody: b"CU",
            content,
        };
        assert!(matches!(unfit.encode(), Err(BodyError::Header(_))));
    }
    let mut unfit = bytes.clone();
    unfit[16..24].fill(0);
    assert!(matches!(
        SealedBody::parse(&unfit),
        Err(BodyError::Header(_))
    ));
}

#[test]
fn the_context_of_a_section_names_its_class_and_its_body() {
    let context = section_context(Class::Content, &Digest([5; 32]));
    assert_eq!(
        context,
        [b"comity/body/v1/content\n".as_slice(), &[5; 32]].concat()
    );
    let context = section_context(Class::Custody, &Digest([5; 32]));
    assert_eq!(
        context,
        [b"comity/body/v1/custody\n".as_slice(), &[5; 32]].concat()
    );
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let value = prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<String>(), 0..3).prop_map(Value::from),
    ];
    let named = prop::collection::btree_map("[a-z][a-z0-9_]{0,10}", (any::<bool>(), value), 0..50);
    named.prop_map(|named| {
        let field = |(name, (custody, value)): (String, (bool, Value))| {
            if custody {
                Field::custody(name, value)
            } else {
                Field::content(name, value)
            }
        };
        let mut fields: Vec<Field> = named.into_iter().map(field).collect();
        fields.sort_by_key(|field| field.class);
        fields
    })
}

proptest! {
    #[test]
    fn a_body_is_read_back_as_it_was_written(fields in fields()) {
        let body = Body { seeds: seeds(), fields };
        let encoded = body.encode().unwrap();
        let section = CustodySection::parse(&encoded.custody).unwrap();
        prop_assert_eq!(section.commitment(), encoded.commitment);
        let joined = section.join(encoded.content.as_deref()).unwrap();
        prop_assert_eq!(&joined.fields, &body.fields);
        prop_assert_eq!(joined.encode().unwrap(), encoded);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let _ = CustodySection::parse(&bytes);
        let _ = SealedBody::parse(&bytes);
        let encoded = received().encode().unwrap();
        let section = CustodySection::parse(&encoded.custody).unwrap();
        let _ = section.clone().open(Some(&bytes));
        let mut custody = encoded.custody;
        for (at, byte) in flips {
            let at = at.index(custody.len());
            custody[at] = byte;
        }
        if let Ok(section) = CustodySection::parse(&custody) {
            let _ = section.clone().open(encoded.content.as_deref());
        }
    }

    #[test]
    fn one_changed_bit_of_the_custody_section_changes_the_commitment_or_is_refused(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let encoded = received().encode().unwrap();
        let mut custody = encoded.custody;
        let at = at.index(custody.len());
        custody[at] ^= 1_u8 << bit;
        if let Ok(section) = CustodySection::parse(&custody) {
            prop_assert_ne!(section.commitment(), encoded.commitment);
        }
    }
}
