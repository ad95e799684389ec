//! Mailboxes of Outlook, made here: what is read of them whole, and what behind a part that is damaged.

#![allow(clippy::expect_used)]

mod kept;
mod made;

use comity_extract::State;
use kept::{Kept, end_of, read};
use made::pst::{Attached, Letter, Mailbox};

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a photo of a crater";

/// Five messages; to the middle one, the third, two files are attached.
fn letters() -> Vec<Letter> {
    let mut all = vec![
        Letter::new("Перший", "Колона вийшла о шостій."),
        Letter::new("Другий", "Колона на мосту."),
        Letter::new("Третій", "Фото у додатку."),
        Letter::new("Четвертий", "Міст закрито."),
        Letter::new("П'ятий", "Кінець доповіді."),
    ];
    all[2].attached = vec![
        Attached::File("photo.jpg", PHOTO.to_vec()),
        Attached::File("карта.txt", "квадрат 17".into()),
    ];
    all
}

/// The messages by their subjects, as bytes.
fn messages(kept: &Kept) -> Vec<(String, Vec<u8>)> {
    kept.children
        .iter()
        .filter(|child| end_of(child) == State::Read)
        .map(|(child, bytes, _)| (child.path.clone(), bytes.clone()))
        .collect()
}

#[test]
fn a_mailbox_is_read_message_by_message() {
    let (outcome, kept) = read("a.pst", &Mailbox::with(&letters()).file());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(kept.field("title"), "Архів");
    let found = messages(&kept);
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "Вхідні/Перший.eml",
            "Вхідні/Другий.eml",
            "Вхідні/Третій.eml",
            "Вхідні/Четвертий.eml",
            "Вхідні/П'ятий.eml"
        ]
    );
    let (outcome, kept) = read("third.eml", &found[2].1);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    assert_eq!(kept.field("from"), "\"Грім\" <grim@example.org>");
    assert_eq!(kept.field("to"), "\"Штаб\" <staff@example.org>");
    assert!(kept.text.contains("Фото у додатку."), "{}", kept.text);
    let attached: Vec<(&str, &[u8])> = kept
        .children
        .iter()
        .map(|(child, bytes, _)| (child.path.as_str(), bytes.as_slice()))
        .collect();
    assert_eq!(
        attached,
        [("photo.jpg", PHOTO), ("карта.txt", "квадрат 17".as_bytes())]
    );
}

/// What lies behind a damaged message is read as if nothing was.
#[test]
fn messages_behind_a_damaged_one_are_read() {
    let mailbox = Mailbox::with(&letters());
    let whole = mailbox.file();
    let expected: Vec<_> = messages(&read("a.pst", &whole).1)
        .into_iter()
        .filter(|(path, _)| !path.contains("Третій"))
        .collect();
    assert_eq!(expected.len(), 4);
    let [data, nodes] = mailbox.blocks_of(2);
    let mut files = Vec::new();
    for (name, bid) in [("its properties", data), ("its nodes", nodes)] {
        let (at, length) = mailbox.place_of(bid);
        for (how, place) in [("first byte", at), ("last byte", at + length - 1)] {
            let mut file = whole.clone();
            file[place] ^= 0x55;
            files.push((format!("{how} of {name}"), file));
        }
        let mut file = whole.clone();
        file[at..at + length].fill(0);
        files.push((format!("zeros for {name}"), file));
        // With right checksums, as a program that errs would leave it.
        for (how, from, to) in [("begins", 0, 12), ("is", 0, usize::MAX)] {
            for byte in [0, 0xff] {
                let mut mailbox = Mailbox::with(&letters());
                let block = mailbox.block_mut(bid);
                let to = to.min(block.len());
                block[from..to].fill(byte);
                files.push((format!("{name} {how} {byte}"), mailbox.file()));
            }
        }
        for at in (0..length).step_by(5) {
            let mut mailbox = Mailbox::with(&letters());
            mailbox.block_mut(bid)[at] ^= 0xa5;
            files.push((format!("byte {at} of {name}"), mailbox.file()));
        }
    }
    for (name, file) in files {
        let (outcome, kept) = read("a.pst", &file);
        let found: Vec<_> = messages(&kept)
            .into_iter()
            .filter(|(path, _)| expected.iter().any(|(known, _)| known == path))
            .collect();
        assert_eq!(found, expected, "{name}: {outcome:?} {:?}", kept.missing);
        assert_eq!(kept.children.len(), 5, "{name}: {outcome:?}");
        assert_eq!(kept.attempts, 1, "{name}: {outcome:?}");
    }
}

/// The list of a folder's messages is what leads to them: that it is damaged is said, and nothing passes for empty.
#[test]
fn a_folder_whose_list_is_damaged_is_not_taken_for_an_empty_one() {
    let mut mailbox = Mailbox::with(&letters());
    for (table, what) in [(0x802e, "messages"), (0x802d, "folders")] {
        let bid = mailbox.block_of(table);
        let kept_bytes = mailbox.block_mut(bid).clone();
        mailbox.block_mut(bid).fill(0);
        let (outcome, kept) = read("a.pst", &mailbox.file());
        *mailbox.block_mut(bid) = kept_bytes;
        assert_eq!(outcome.state, State::InPart, "{outcome:?}");
        let words = format!("the list of {what} in Вхідні/: ");
        assert!(
            kept.missing
                .iter()
                .any(|missing| missing.starts_with(&words)),
            "{:?}",
            kept.missing
        );
    }
}

#[test]
fn a_message_whose_attachment_is_damaged_keeps_all_else() {
    let mailbox = Mailbox::with(&letters());
    let (at, _) = mailbox.place_of(mailbox.block_with(PHOTO));
    let mut file = mailbox.file();
    file[at + 20] ^= 1;
    let (outcome, kept) = read("a.pst", &file);
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    assert_eq!(kept.missing.len(), 1, "{:?}", kept.missing);
    assert!(
        kept.missing[0].starts_with("Вхідні/Третій.eml: an attachment: "),
        "{:?}",
        kept.missing
    );
    let found = messages(&kept);
    assert_eq!(found.len(), 5);
    let (_, kept) = read("third.eml", &found[2].1);
    assert!(kept.text.contains("Фото у додатку."), "{}", kept.text);
    let names: Vec<&str> = kept
        .children
        .iter()
        .map(|(child, ..)| child.path.as_str())
        .collect();
    assert_eq!(names, ["карта.txt"]);
}

#[test]
fn a_message_that_is_attached_keeps_what_is_attached_to_it() {
    let mut inner = Letter::new("Внутрішній", "Наказ у додатку.");
    inner.attached = vec![Attached::File("наказ.txt", "вогонь о шостій".into())];
    let mut middle = Letter::new("Середній", "Далі.");
    middle.attached = vec![Attached::Message("внутрішній", inner)];
    let mut outer = Letter::new("Зовнішній", "Пересилаю.");
    outer.attached = vec![Attached::Message("середній", middle)];
    let (outcome, kept) = read("a.pst", &Mailbox::with(&[outer]).file());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let mut bytes = messages(&kept)[0].1.clone();
    for (name, words) in [
        ("середній.eml", "Пересилаю."),
        ("внутрішній.eml", "Далі."),
        ("наказ.txt", "Наказ у додатку."),
    ] {
        let (_, kept) = read("a.eml", &bytes);
        assert!(kept.text.contains(words), "{words}: {}", kept.text);
        assert_eq!(kept.children.len(), 1, "{words}");
        assert_eq!(kept.children[0].0.path, name);
        bytes = kept.children[0].1.clone();
    }
    assert_eq!(bytes, "вогонь о шостій".as_bytes());
}
