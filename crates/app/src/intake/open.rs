//! Opening an intake, or going on with one that was interrupted.

use comity_core::digest::hex;
use comity_core::id::ChainId;
use comity_core::json::Value;
use comity_keyring::{Kind, Secret};

use super::Request;
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::project::ObjectAt;
use crate::sql::Session;

/// An open intake.
pub struct Opened {
    /// The number of its chain.
    pub no: i64,
    /// Its number.
    pub number: u32,
    /// The index of the event that opened it.
    pub index: u64,
    /// The number of its source.
    pub source: i64,
    /// The event id of the act.
    pub act: String,
    /// Key number of the case's scope.
    pub scope: u64,
    /// An interrupted run had opened it.
    pub resumed: bool,
    /// The next free number of an item.
    pub next_number: u32,
}

/// Goes on with the open intake of the same command, or opens a new one.
pub fn open_or_resume(
    centre: &Centre,
    session: &mut Session,
    actor: &Actor,
    request: &Request,
    options: &Value,
    bag: Option<Value>,
) -> Result<Opened> {
    let member = centre.member(session, &request.member)?;
    let case = centre.case(session, &request.case)?;
    let candidates = session.query(
        "SELECT t.no, t.number, t.source, c.first_index, c.custody_key FROM intakes t JOIN chains c ON c.no = t.no WHERE t.member = ? AND t.case_no = ? AND t.closed = 0 ORDER BY t.no",
        &[member.no.into(), case.no.into()],
    )?;
    for row in candidates {
        let event = centre.read_event(row.int(3)? as u64)?;
        let same = event.value("source").and_then(Value::as_str) == Some(&request.source)
            && event.value("options") == Some(options);
        if same {
            let no = row.int(0)?;
            let last = session.query_one(
                "SELECT coalesce(max(number), 0) FROM items WHERE intake = ?",
                &[no.into()],
            )?;
            let act = event
                .value("event")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            return Ok(Opened {
                no,
                number: row.int(1)? as u32,
                index: event.index,
                source: row.int(2)?,
                act,
                scope: row.int(4)? as u64,
                resumed: true,
                next_number: last.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u32 + 1,
            });
        }
    }
    open_new(
        centre, session, actor, request, options, member.no, &case.code, case.no, bag,
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "one caller, which has them all at hand"
)]
fn open_new(
    centre: &Centre,
    session: &mut Session,
    actor: &Actor,
    request: &Request,
    options: &Value,
    member: i64,
    case: &str,
    case_no: i64,
    bag: Option<Value>,
) -> Result<Opened> {
    let random = &*centre.ambient.random;
    let chain = ChainId(centre.ambient.bytes());
    let case_chain = session
        .query_one("SELECT chain FROM chains WHERE no = ?", &[case_no.into()])?
        .ok_or_else(|| AppError::damaged("state", "a case has no chain; run `comity rebuild`"))?
        .array::<16>(0)?;
    let roots: Vec<Value> = request.roots.iter().map(|r| shown_path(r)).collect();
    let (at, number, act, scope) = centre.sequencer().commit(&centre.keys, |group| {
        let (projector, session) = group.projector();
        let scope = match projector.scope(member, case_no) {
            Some(scope) => scope,
            None => {
                let parent = projector
                    .member(request.member.as_str())
                    .map_or(0, |m| m.scope_key);
                centre
                    .keys
                    .add(Kind::Scope, parent, case_chain, &Secret::random(random))?
            }
        };
        let last = session.query_one(
            "SELECT coalesce(max(number), 0) FROM intakes WHERE member = ?",
            &[member.into()],
        )?;
        let number = last.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u32 + 1;
        if number > 999_999 {
            return Err(AppError::Refused(format!(
                "{} has had 999,999 intakes, and the numbers end there",
                request.member
            )));
        }
        let (own, secret) = centre.own_key(scope, &chain, None)?;
        let draft = EventDraft::new("intake_opened", &actor.person, &centre.now(), random)
            .custody("member", request.member.as_str())
            .custody("case", case)
            .custody("intake", number)
            .custody_opt("authority", request.authority.as_deref())
            .custody_opt("handling", request.handling.as_deref())
            .content("source", request.source.as_str())
            .content("roots", Value::Array(roots))
            .content("options", options.clone())
            .content_opt("collected", collected(request))
            .content_opt("bag", bag)
            .signed(actor, &centre.config.origin)?;
        let act = draft.id().to_string();
        let event = draft.seal(&centre.keys.scope_key(scope)?, &own, random)?;
        let at = group.push(&Draft {
            subject: Subject::New(chain),
            event,
            secret: Some(secret),
            object: ObjectAt::Unknown,
        })?;
        Ok((at, number, act, scope))
    })?;
    let no = at.chain_no;
    let source = session
        .query_one("SELECT source FROM intakes WHERE no = ?", &[no.into()])?
        .map(|r| r.int(0))
        .transpose()?
        .unwrap_or(0);
    Ok(Opened {
        no,
        number,
        index: at.index,
        source,
        act,
        scope,
        resumed: false,
        next_number: 1,
    })
}

/// The field `collected`, where anything was stated.
pub fn collected(request: &Request) -> Option<Value> {
    let said = &request.collected;
    let parts = [("by", &said.by), ("at", &said.at), ("place", &said.place)];
    let parts: Vec<(String, Value)> = parts
        .iter()
        .filter_map(|(n, v)| v.as_ref().map(|v| ((*n).to_owned(), v.as_str().into())))
        .collect();
    (!parts.is_empty()).then(|| parts.into_iter().collect())
}

/// What makes two commands the same command: an interrupted one is gone on with by giving it again.
pub fn options(request: &Request) -> Value {
    let paths =
        |list: &[std::path::PathBuf]| Value::Array(list.iter().map(|p| shown_path(p)).collect());
    let one = |path: &Option<std::path::PathBuf>| path.as_deref().map_or(Value::Null, shown_path);
    Value::from_iter([
        ("roots".to_owned(), paths(&request.roots)),
        ("authority".to_owned(), request.authority.as_deref().into()),
        ("handling".to_owned(), request.handling.as_deref().into()),
        ("legacy_hashes".to_owned(), request.legacy_hashes.into()),
        ("manifest".to_owned(), one(&request.manifest)),
        ("provenance".to_owned(), one(&request.provenance)),
        ("documents".to_owned(), paths(&request.documents)),
        ("bag".to_owned(), request.bag.into()),
        (
            "collected".to_owned(),
            collected(request).unwrap_or(Value::Null),
        ),
    ])
}

/// An absolute path as text; bytes that are not UTF-8 in hex beside it would be more than a person needs here.
fn shown_path(path: &std::path::Path) -> Value {
    use std::os::unix::ffi::OsStrExt;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let bytes = absolute.as_os_str().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => format!("hex:{}", hex(bytes)).into(),
    }
}
