//! Making a centre.

use std::path::Path;

use comity_core::checkpoint::LogSigner;
use comity_core::digest::hex;
use comity_core::id::{ChainId, MemberCode};
use comity_keyring::{Argon2Params, Keyring, Kind, NewKey, Secret};
use comity_ledger::Tree;
use comity_store::Disk;

use super::config::{Config, FILE, refuse_password};
use super::{Centre, KEYS_FILE};
use crate::ambient::Ambient;
use crate::commit::{Draft, Group, Subject};
use crate::error::{AppError, Result};
use crate::event::EventDraft;
use crate::keys::{CENTRE_KEY, Keys, LOG_KEY, STATE_KEY};
use crate::mirror::{open_place, prepare, refuse_own_place, whole_place};
use crate::project::ObjectAt;
use crate::sql::{Access, Session, schema};

/// What a centre is founded with.
pub struct Founding {
    /// Its name.
    pub name: String,
    /// Its members: code and name, in the order given.
    pub members: Vec<(MemberCode, String)>,
    /// The member that hosts it: one of the members.
    pub host: MemberCode,
    /// The name of the person who founds it, who becomes the host's first registered person.
    pub founder: String,
    /// URL of a PostgreSQL database, or `None` for SQLite.
    pub database: Option<String>,
    /// URL or folder of an object store, or `None` for the centre's folder.
    pub objects: Option<String>,
    /// URL or folder of its mirror, if it is to have one.
    pub mirror: Option<String>,
    /// What the passphrase costs to try.
    pub argon2: Argon2Params,
}

/// Makes a centre in an empty or new folder, locked by the passphrase, and opens it.
pub fn create(
    dir: &Path,
    founding: &Founding,
    passphrase: &str,
    ambient: Ambient,
) -> Result<Centre> {
    check(dir, founding)?;
    let disk = ambient.disk.clone();
    refuse_what_is_taken(dir, founding, &disk)?;
    disk.create_dir_all(dir)?;
    let ring = Keyring::create(
        &dir.join("keyring"),
        disk.clone(),
        passphrase,
        founding.argon2,
        &*ambient.random,
    )?;
    let keys = Keys::new(ring, ambient.random.clone());
    let centre_chain = ChainId(ambient.bytes());
    first_keys(&keys, &centre_chain, &ambient)?;
    let origin = format!(
        "comity/{}/{}",
        slug(&founding.name),
        hex(&ambient.bytes::<8>())
    );
    let config = Config {
        origin,
        database: founding.database.clone(),
        objects: founding.objects.as_deref().map(whole_place).transpose()?,
        mirror: founding.mirror.as_deref().map(whole_place).transpose()?,
    };
    if let Some(place) = config.objects.as_deref().filter(|p| !p.contains("://")) {
        disk.create_dir_all(Path::new(place))?;
    }
    let objects = config.open_objects(dir, &disk)?;
    let log = keys.scope(LOG_KEY)?;
    let signer = LogSigner::new(&config.origin, &log.first, &log.second)
        .map_err(|e| AppError::Refused(e.to_string()))?;
    disk.write_atomic(&dir.join(KEYS_FILE), signer.keys().to_file().as_bytes())?;
    if let Some(place) = &config.mirror {
        refuse_own_place(dir, config.objects.as_deref(), place)?;
        prepare(place, signer.keys(), &disk)?;
    }
    let database = config.database(dir, keys.scope(STATE_KEY)?.first, Access::Live);
    let tree = Tree::open(objects.clone())?;
    let centre = Centre::assemble(dir, config, keys, objects, tree, database, ambient)?;
    {
        let mut sequencer = centre.sequencer();
        schema::create(&mut sequencer.session)?;
        sequencer.commit(&centre.keys, |group| {
            found(&centre, group, founding, centre_chain)
        })?;
    }
    // Last: a folder without this file is no centre, however far the making had come.
    centre.config.write(dir, &disk)?;
    Ok(centre)
}

/// A store that cannot be reached or is another centre's is refused before anything is made, so that the folder stays
/// as it was and the command can be given again.
fn refuse_what_is_taken(dir: &Path, founding: &Founding, disk: &Disk) -> Result<()> {
    let config = Config {
        origin: String::new(),
        database: founding.database.clone(),
        objects: founding.objects.clone(),
        mirror: None,
    };
    if let Some(url) = &config.objects
        && Tree::open_read_only(open_place(url, false, disk)?)?.size() > 0
    {
        return Err(AppError::Usage(format!(
            "the object store {url} holds a ledger already: give another prefix"
        )));
    }
    if config.database.is_some() {
        let mut session = Session::open(&config.database(dir, [0; 32], Access::Live))?;
        if schema::version(&mut session)?.is_some() {
            return Err(AppError::Usage(
                "the database holds a centre already: give another database".to_owned(),
            ));
        }
    }
    Ok(())
}

fn check(dir: &Path, founding: &Founding) -> Result<()> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                let hint = if dir.join(FILE).exists() {
                    "; a centre is there already"
                } else {
                    ""
                };
                return Err(AppError::Usage(format!(
                    "{} is not empty{hint}: name a new or an empty folder",
                    dir.display()
                )));
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(AppError::io(dir, e)),
    }
    if founding.members.is_empty() {
        return Err(AppError::Usage(
            "a centre needs at least one member: --member UKR=\"Ukraine\"".to_owned(),
        ));
    }
    for (i, (code, _)) in founding.members.iter().enumerate() {
        if founding.members[..i].iter().any(|(c, _)| c == code) {
            return Err(AppError::Usage(format!("the member {code} is given twice")));
        }
    }
    if !founding.members.iter().any(|(c, _)| *c == founding.host) {
        return Err(AppError::Usage(format!(
            "the host {} is not one of the members",
            founding.host
        )));
    }
    if founding.name.trim().is_empty() {
        return Err(AppError::Usage(
            "the centre needs a name: --name \"…\"".to_owned(),
        ));
    }
    founding.database.as_deref().map_or(Ok(()), refuse_password)
}

/// The three keys of fixed number, in one durable write.
fn first_keys(keys: &Keys, centre: &ChainId, ambient: &Ambient) -> Result<()> {
    let label = |text: &str| {
        let mut subject = [0; 16];
        subject[..text.len()].copy_from_slice(text.as_bytes());
        subject
    };
    let secret = || Secret::random(&*ambient.random);
    let numbers = keys.add_many(&[
        NewKey {
            kind: Kind::Scope,
            parent: 0,
            subject: centre.0,
            secret: secret(),
        },
        NewKey {
            kind: Kind::Secret,
            parent: 0,
            subject: label("log"),
            secret: secret(),
        },
        NewKey {
            kind: Kind::Secret,
            parent: 0,
            subject: label("state"),
            secret: secret(),
        },
    ])?;
    debug_assert_eq!(numbers, CENTRE_KEY..STATE_KEY + 1);
    Ok(())
}

/// The first events: the centre, its members, and the person who founds it.
fn found(
    centre: &Centre,
    group: &mut Group<'_>,
    founding: &Founding,
    chain: ChainId,
) -> Result<()> {
    let random = &*centre.ambient.random;
    let (time, actor) = (centre.now(), format!("{}-P0001", founding.host));
    let scope = centre.keys.scope_key(CENTRE_KEY)?;
    let mut host_key = 0;
    let mut drafts = Vec::new();
    let (own, secret) = centre.own_key(CENTRE_KEY, &chain, None)?;
    let event = EventDraft::new("centre_created", &actor, &time, random)
        .custody("host", founding.host.as_str())
        .content("name", founding.name.as_str())
        .seal(&scope, &own, random)?;
    drafts.push(Draft {
        subject: Subject::New(chain),
        event,
        secret: Some(secret),
        object: ObjectAt::Unknown,
    });
    for (code, name) in &founding.members {
        let chain = ChainId(centre.ambient.bytes());
        let member_key = centre
            .keys
            .add(Kind::Scope, 0, chain.0, &Secret::random(random))?;
        if *code == founding.host {
            host_key = member_key;
        }
        let (own, secret) = centre.own_key(CENTRE_KEY, &chain, None)?;
        let event = EventDraft::new("member_registered", &actor, &time, random)
            .custody("member", code.as_str())
            .content("name", name.as_str())
            .content("scope", member_key)
            .seal(&scope, &own, random)?;
        drafts.push(Draft {
            subject: Subject::New(chain),
            event,
            secret: Some(secret),
            object: ObjectAt::Unknown,
        });
    }
    let founder = ChainId(centre.ambient.bytes());
    let (own, secret) = centre.own_key(host_key, &founder, None)?;
    let event = EventDraft::new("person_registered", &actor, &time, random)
        .custody("member", founding.host.as_str())
        .custody("person", actor.as_str())
        .content("name", founding.founder.as_str())
        .seal(&centre.keys.scope_key(host_key)?, &own, random)?;
    drafts.push(Draft {
        subject: Subject::New(founder),
        event,
        secret: Some(secret),
        object: ObjectAt::Unknown,
    });
    drafts
        .iter()
        .try_for_each(|draft| group.push(draft).map(drop))
}

/// A name as a part of an origin: lower-case ASCII letters, digits and hyphens.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 40 {
            break;
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    if out.is_empty() {
        "centre".to_owned()
    } else {
        out
    }
}
