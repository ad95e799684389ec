//! Recording a disclosure, and handing it over once the record is published.

use std::path::{Path, PathBuf};

use comity_core::id::ChainId;
use comity_core::json::Value;
use comity_core::package::{ActLines, CONSISTENCY_ENDING, Consistency, PROOF_ENDING, act_extra};
use comity_seal::Key;

use super::package::Made;
use super::{Exhibit, Selection};
use crate::acts::SolemnAct;
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::cores::{ahead, on_all_cores};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft, NumberedKey};
use crate::handover::{name_of, parent, put_in_place, write_beside};
use crate::item::proof_in;
use crate::keys::CENTRE_KEY;
use crate::outgoing::{Outgoing, Recorded};
use crate::project::ObjectAt;
use crate::read::OpenedEvent;
use crate::receipt::published;
use crate::sql::Session;

/// Events of items in one group; three such groups are in memory at a time.
const GROUP: usize = 2048;

/// The two files beside a package.
pub fn beside(place: &Path) -> Result<[PathBuf; 2]> {
    let name = name_of(place)?;
    let folder = parent(place);
    Ok([
        folder.join(format!("{name}{PROOF_ENDING}")),
        folder.join(format!("{name}{CONSISTENCY_ENDING}")),
    ])
}

/// Records the act, then each exhibit's own event. Returns the leaf of the act.
pub fn record(
    centre: &Centre,
    actor: &Actor,
    selection: &Selection,
    solemn: &SolemnAct,
    made: &Made,
    work: &Outgoing,
    watch: &dyn Fn(&str, u64, u64),
) -> Result<u64> {
    let SolemnAct::Disclose {
        selection: Selection { case, .. },
        fixed,
    } = solemn
    else {
        return Err(AppError::Usage("this is no disclosure".to_owned()));
    };
    let random = &*centre.ambient.random;
    let chain = ChainId(centre.ambient.bytes());
    let (own, secret) = centre.own_key(CENTRE_KEY, &chain, None)?;
    let draft = EventDraft::new("disclosed", &actor.person, &centre.now(), random)
        .custody("case", case.as_str())
        .custody("purpose", selection.purpose.as_str())
        .custody_opt("recipient", selection.recipient.as_deref())
        .content("tagmanifest_sha256", made.tagmanifest.to_string())
        .content("exhibits", made.head.exhibits)
        .content("checkpoint", made.head.size)
        .content_opt(
            "selection_sha256",
            actor.confirms.as_ref().map(|_| fixed.sha256.to_string()),
        )
        .content_opt("recipients", recipients(selection))
        .signed(actor, &centre.config.origin)?;
    let id = draft.id();
    let act = id.to_string();
    let event = draft.seal(&centre.keys.scope_key(CENTRE_KEY)?, &own, random)?;
    let mut first = Some(Draft {
        subject: Subject::New(chain),
        event,
        secret: Some(secret),
        object: ObjectAt::Unknown,
    });
    let mut leaf = 0;
    let mut left = made.exhibits.len();
    let mut parts = made.exhibits.chunks(GROUP);
    let seal = || {
        let Some(part) = parts.next() else {
            return Ok(None);
        };
        let chains: Vec<i64> = part.iter().map(|exhibit| exhibit.no).collect();
        Ok(Some((
            chains,
            events(centre, actor, selection, &act, part)?,
        )))
    };
    ahead(seal, |(chains, drafts)| {
        left -= chains.len();
        centre.sequencer().commit(&centre.keys, |group| {
            if let Some(draft) = first.take() {
                centre.confirm(group, actor, solemn, id)?;
                let at = group.push(&draft)?;
                leaf = at.index;
                work.recorded(group.session, at.chain_no, Recorded::No, &made.whole)?;
            }
            group.look_up(&chains)?;
            drafts.iter().try_for_each(|d| group.push(d).map(drop))?;
            if left == 0 {
                work.recorded_now(group.session, Recorded::Yes)?;
            }
            Ok(())
        })?;
        let done = made.head.exhibits - left as u64;
        watch("recording", done, made.head.exhibits);
        Ok(())
    })?;
    Ok(leaf)
}

/// The keys that the package is encrypted to.
fn recipients(selection: &Selection) -> Option<Value> {
    let to = selection.to.as_ref()?;
    Some(to.keys().iter().map(String::as_str).collect())
}

/// The events of some exhibits, sealed on all cores.
fn events(
    centre: &Centre,
    actor: &Actor,
    selection: &Selection,
    act: &str,
    part: &[Exhibit],
) -> Result<Vec<Draft>> {
    let keys = centre
        .keys
        .items(part.iter().map(|exhibit| exhibit.content_key))?;
    let (random, time) = (&*centre.ambient.random, centre.now());
    on_all_cores(
        part,
        || (),
        |(), _, exhibit| {
            let last = Value::from_iter([
                ("leaf".to_owned(), Value::from(exhibit.last.to_string())),
                ("n".to_owned(), exhibit.last_n.into()),
            ]);
            // The content of an erased item has no key any more; what is said of it is custody alone.
            let own = match keys.get(&centre.keys, exhibit.content_key)? {
                Some(secret) => NumberedKey {
                    number: exhibit.content_key,
                    key: Key::new(secret.first),
                },
                None => centre.keys.scope_key(exhibit.custody_key)?,
            };
            let event = EventDraft::new("disclosed", &actor.person, &time, random)
                .custody("act", act)
                .custody("ern", exhibit.ern.to_string())
                .custody("purpose", selection.purpose.as_str())
                .custody_opt("recipient", selection.recipient.as_deref())
                .content("last", last)
                .seal(&centre.keys.scope_key(exhibit.custody_key)?, &own, random)?;
            Ok(Draft {
                subject: Subject::Known(exhibit.no),
                event,
                secret: None,
                object: ObjectAt::Unknown,
            })
        },
    )
    .into_iter()
    .collect()
}

/// Gives a recorded package its name, with the two proofs beside it. Returns the size of checkpoint B.
/// May be repeated: after a crash it goes on where it was.
pub fn hand_over(centre: &Centre, session: &mut Session, work: &Outgoing) -> Result<u64> {
    let row = session
        .query_one("SELECT c.first_index, p.checkpoint FROM packages_in_work p JOIN chains c ON c.no = p.chain WHERE p.tag = ?", &[work.tag.as_str().into()])?
        .ok_or_else(|| AppError::damaged("state", format!("the package {} is not in work", work.tag)))?;
    let act = centre.read_event(row.int(0)? as u64)?;
    let old = row.blob(1)?.to_vec();
    // B covers the act and each exhibit's own event: all that is published by now.
    let covers = published(centre)?.size();
    let new = centre.checkpoint_for_paper(covers)?;
    let mut proof = proof_in(centre, act.index, &new)?;
    let new_bytes = proof.checkpoint.clone();
    let (old_size, new_size) = (size_of(&old)?, size_of(&new_bytes)?);
    let proposal = match act.text("proposal") {
        Some(number) => Some(centre.read_event(centre.proposal(session, number)?.index)?),
        None => None,
    };
    let lines = |event: &OpenedEvent| String::from_utf8_lossy(&event.entry).into_owned();
    let (leaf, first) = (lines(&act), proposal.as_ref().map(lines));
    let first = first.as_deref().zip(proposal.as_ref());
    let extra = act_extra(
        ActLines {
            leaf: &leaf,
            fields: &act.fields,
        },
        first.map(|(leaf, event)| ActLines {
            leaf,
            fields: &event.fields,
        }),
    )
    .map_err(|e| AppError::damaged("the act of disclosure", e.to_string()))?;
    proof.extra = Some(extra);
    let hashes = centre
        .sequencer()
        .tree
        .consistency_proof(old_size, new_size)?;
    let [proof_file, consistency_file] = beside(&work.place)?;
    let disk = &centre.ambient.disk;
    write_beside(disk, &proof_file, &work.tag, &proof.encode())?;
    let consistency = Consistency {
        hashes,
        old,
        new: new_bytes,
    };
    write_beside(disk, &consistency_file, &work.tag, &consistency.encode())?;
    if !put_in_place(disk, &work.made, &work.place)? {
        return Err(AppError::Refused(format!(
            "something else is at {} by now: move it away, and any command of comity puts the package there",
            work.place.display()
        )));
    }
    work.end(centre, session)?;
    Ok(new_size)
}

fn size_of(note: &[u8]) -> Result<u64> {
    let parsed = comity_core::checkpoint::SignedCheckpoint::parse(note)
        .map_err(|e| AppError::damaged("a checkpoint", e.to_string()))?;
    Ok(parsed.claimed_size())
}
