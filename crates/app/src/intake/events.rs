//! The events of items: `received` for what is new, `delivered_again` for what is there (`docs/format/events.md`).

use comity_core::digest::hex;
use comity_core::id::Ern;
use comity_core::json::Value;
use comity_core::shown::shown;
use comity_seal::Key;

use super::batch::Read1;
use super::known::KnownItem;
use super::record::{Common, NewItem, Said, state_of};
use crate::centre::Centre;
use crate::commit::{Draft, Ready, Subject};
use crate::error::{AppError, Result};
use crate::event::{EventDraft, NumberedKey};
use crate::project::ObjectAt;

/// The event of a new item, of which the file system says `file`. Its object's place is not known yet.
pub(super) fn received(
    centre: &Centre,
    common: &Common,
    item: &NewItem<'_>,
    file: Option<Value>,
    sealed: Option<(u64, [u8; 32])>,
    time: &str,
) -> Result<Ready> {
    let path = item.work.thing.path();
    let state = state_of(item.read);
    let (reason, link) = match item.read {
        Read1::Without { reason, link, .. } => (reason.as_deref(), link.as_deref()),
        _ => (None, None),
    };
    let number = ern(common, common.intake, item.number)?;
    let mut draft = EventDraft::new("received", &common.actor, time, &*centre.ambient.random)
        .custody("act", common.act.as_str())
        .custody("member", common.member.as_str())
        .custody("case", common.case.as_str())
        .custody("ern", number.to_string())
        .custody("state", state.word())
        .custody_opt("handling", common.handling.as_deref())
        .content("source", common.source.as_str())
        .content("path", shown(path))
        .content_opt(
            "path_bytes",
            std::str::from_utf8(path).is_err().then(|| hex(path)),
        )
        .content_opt("role", item.work.role)
        .content_opt("reason", reason);
    if let Some(hashes) = item.hashes {
        draft = draft
            .content("size", hashes.size)
            .content("sha256", hashes.sha256.to_string())
            .content("blake3", hashes.blake3.to_string())
            .content_opt("md5", hashes.md5.map(|d| hex(&d)))
            .content_opt("sha1", hashes.sha1.map(|d| hex(&d)));
    }
    if let Some((size, sha256)) = sealed {
        let object = Value::from_iter([
            ("id".to_owned(), Value::from(item.object.to_string())),
            ("sealed_sha256".to_owned(), hex(&sha256).into()),
            ("sealed_size".to_owned(), size.into()),
        ]);
        draft = draft.content("object", object);
    }
    let former = match &item.work.known {
        Some(known) => Some(ern(common, known.intake, known.number)?.to_string()),
        None => None,
    };
    draft = draft
        .content_opt("file", file)
        .content_opt("link", link.map(shown))
        .content_opt(
            "link_bytes",
            link.filter(|l| std::str::from_utf8(l).is_err()).map(hex),
        )
        .content_opt("collected", common.collected.clone())
        .content_opt("provenance", item.said.provenance.clone())
        .content_opt("former", former)
        .content_opt("listed", item.said.listed.clone());
    let own = NumberedKey {
        number: item.key,
        key: Key::new(item.secret.first),
    };
    let event = draft.seal(&common.scope, &own, &*centre.ambient.random)?;
    Ready::new(
        item.chain,
        event,
        item.secret.clone(),
        &centre.keys,
        &|_| Ok(Some(common.member_index)),
    )
}

fn ern(common: &Common, intake: u32, number: u32) -> Result<Ern> {
    Ern::new(common.member, intake, number).ok_or_else(|| {
        AppError::Refused(
            "this intake has more items than its numbers can name (9,999,999): divide it"
                .to_owned(),
        )
    })
}

/// That an item which is there was handed over once more.
pub(super) fn delivered_again(
    centre: &Centre,
    common: &Common,
    known: &KnownItem,
    said: &Said,
    time: &str,
) -> Result<Draft> {
    let random = &*centre.ambient.random;
    let ern = ern(common, known.intake, known.number)?.to_string();
    // What the list says of the item is forgotten with it.
    let secret = match &said.listed {
        Some(_) => centre.keys.item(known.content_key)?,
        None => None,
    };
    let own = secret.as_ref().map(|secret| NumberedKey {
        number: known.content_key,
        key: Key::new(secret.first),
    });
    let event = EventDraft::new("delivered_again", &common.actor, time, random)
        .custody("act", common.act.as_str())
        .custody("ern", ern)
        .content_opt("listed", said.listed.clone().filter(|_| own.is_some()))
        .seal(&common.scope, own.as_ref().unwrap_or(&common.scope), random)?;
    Ok(Draft {
        subject: Subject::Known(known.no),
        event,
        secret: None,
        object: ObjectAt::Unknown,
    })
}
