//! The tables. All but the last four are projections: functions of the ledger, the bodies, the
//! keyring and the vault, which `comity rebuild` makes anew.
//!
//! Columns named `facts` are sealed with the content key of the row's chain, so that whoever
//! administers the database reads no name, path or digest, and erasure of the key forgets them.
//! Tags are keyed hashes under the index key of a scope: they find equals and tell nothing else.

use super::{Session, SqlError};

/// The version of the tables; another version is rebuilt, never migrated in place.
pub const VERSION: i64 = 8;

/// Every projection with its columns, in the order in which the comparison of `rebuild --check`
/// reads them; the first columns are the primary key, as many as the number says.
pub const PROJECTIONS: &[(&str, usize, &[&str])] = &[
    (
        "chains",
        1,
        &[
            "no",
            "chain",
            "kind",
            "custody_key",
            "content_key",
            "first_index",
            "last_n",
            "last_index",
            "last_leaf",
        ],
    ),
    ("events", 2, &["chain", "n", "leaf"]),
    ("members", 1, &["no", "code", "scope_key", "lock", "facts"]),
    ("persons", 1, &["no", "member", "number", "facts"]),
    ("cases", 1, &["no", "code", "facts"]),
    ("scopes", 2, &["member", "case_no", "scope_key"]),
    ("sources", 1, &["no", "member", "case_no", "tag"]),
    (
        "intakes",
        1,
        &[
            "no", "member", "case_no", "number", "source", "closed", "facts",
        ],
    ),
    (
        "items",
        1,
        &[
            "no", "member", "case_no", "intake", "number", "source", "state", "size", "object",
            "received", "former", "erased", "facts", "below",
        ],
    ),
    (
        "objects",
        1,
        &[
            "no",
            "id",
            "member",
            "size",
            "sealed_size",
            "sealed_sha256",
            "pack",
            "at",
        ],
    ),
    ("digests", 4, &["run", "member", "tag", "object", "holder"]),
    ("digest_filters", 1, &["run", "bits"]),
    ("paths", 4, &["source", "folder", "name", "item"]),
    ("readings", 1, &["item", "leaf", "state", "waits"]),
    ("derivatives", 1, &["leaf", "item"]),
    ("segments", 1, &["item", "first"]),
    ("further", 2, &["pass", "item", "leaf", "state", "waits"]),
    ("erasures", 1, &["no", "number", "completed"]),
    ("holds", 1, &["no", "number", "case_no", "released"]),
    ("held", 2, &["item", "hold"]),
    ("person_keys", 2, &["person", "since", "key"]),
    ("two_person_acts", 1, &["act", "other_member", "hours"]),
    (
        "proposals",
        1,
        &["no", "number", "act", "person", "lapses", "state"],
    ),
    ("disclosures", 1, &["no", "case_no", "failed"]),
    ("witness_policies", 1, &["leaf", "policy", "warn_after"]),
    ("stamp_authorities", 1, &["no", "name", "removed", "facts"]),
    ("epochs", 1, &["epoch", "leaf"]),
    (
        "successions",
        1,
        &["leaf", "size", "key", "actor", "statement"],
    ),
    (
        "lists",
        1,
        &[
            "no", "number", "version", "member", "class", "shared", "dropped", "facts",
        ],
    ),
    ("fixity_runs", 1, &["leaf", "last"]),
    ("quarantine", 1, &["item", "leaf"]),
];

const TABLES: &str = "
CREATE TABLE chains (no INTEGER PRIMARY KEY, chain BLOB NOT NULL, kind INTEGER NOT NULL, custody_key INTEGER NOT NULL,
  content_key INTEGER NOT NULL, first_index INTEGER NOT NULL, last_n INTEGER NOT NULL, last_index INTEGER NOT NULL, last_leaf BLOB NOT NULL);
CREATE TABLE events (chain INTEGER NOT NULL, n INTEGER NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY (chain, n)) WITHOUT ROWID;
CREATE TABLE members (no INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, scope_key INTEGER NOT NULL, lock INTEGER NOT NULL, facts BLOB);
CREATE TABLE persons (no INTEGER PRIMARY KEY, member INTEGER NOT NULL, number TEXT NOT NULL UNIQUE, facts BLOB);
CREATE TABLE cases (no INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, facts BLOB);
CREATE TABLE scopes (member INTEGER NOT NULL, case_no INTEGER NOT NULL, scope_key INTEGER NOT NULL, PRIMARY KEY (member, case_no)) WITHOUT ROWID;
CREATE TABLE sources (no INTEGER PRIMARY KEY, member INTEGER NOT NULL, case_no INTEGER NOT NULL, tag BLOB NOT NULL);
CREATE TABLE intakes (no INTEGER PRIMARY KEY, member INTEGER NOT NULL, case_no INTEGER NOT NULL, number INTEGER NOT NULL,
  source INTEGER NOT NULL, closed INTEGER NOT NULL, facts BLOB, UNIQUE (member, number));
CREATE TABLE items (no INTEGER PRIMARY KEY, member INTEGER NOT NULL, case_no INTEGER NOT NULL, intake INTEGER NOT NULL,
  number INTEGER NOT NULL, source INTEGER NOT NULL, state INTEGER NOT NULL, size INTEGER NOT NULL, object INTEGER,
  received INTEGER NOT NULL, former INTEGER, erased INTEGER, facts BLOB, below BLOB NOT NULL);
CREATE UNIQUE INDEX items_by_number ON items (intake, number, below);
CREATE INDEX items_again ON items (object) WHERE object <> no;
CREATE TABLE objects (no INTEGER PRIMARY KEY, id BLOB NOT NULL, member INTEGER NOT NULL, size INTEGER NOT NULL,
  sealed_size INTEGER NOT NULL, sealed_sha256 BLOB NOT NULL, pack BLOB NOT NULL, at INTEGER NOT NULL);
CREATE TABLE digests (run INTEGER NOT NULL, member INTEGER NOT NULL, tag BLOB NOT NULL, object INTEGER NOT NULL, holder INTEGER NOT NULL,
  PRIMARY KEY (run, member, tag, object)) WITHOUT ROWID;
CREATE TABLE digest_filters (run INTEGER PRIMARY KEY, bits BLOB NOT NULL);
CREATE TABLE paths (source INTEGER NOT NULL, folder INTEGER NOT NULL, name INTEGER NOT NULL, item INTEGER NOT NULL,
  PRIMARY KEY (source, folder, name, item)) WITHOUT ROWID;
CREATE TABLE readings (item INTEGER PRIMARY KEY, leaf INTEGER NOT NULL, state INTEGER NOT NULL, waits INTEGER NOT NULL);
CREATE INDEX readings_by_leaf ON readings (leaf);
CREATE TABLE derivatives (leaf INTEGER PRIMARY KEY, item INTEGER NOT NULL);
CREATE INDEX derivatives_by_item ON derivatives (item);
CREATE TABLE segments (item INTEGER PRIMARY KEY, first INTEGER NOT NULL);
CREATE INDEX segments_by_first ON segments (first);
CREATE TABLE further (pass INTEGER NOT NULL, item INTEGER NOT NULL, leaf INTEGER, state INTEGER, waits INTEGER NOT NULL,
  PRIMARY KEY (pass, item)) WITHOUT ROWID;
CREATE INDEX further_by_item ON further (item);
CREATE TABLE erasures (no INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, completed INTEGER NOT NULL);
CREATE TABLE holds (no INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, case_no INTEGER, released INTEGER NOT NULL);
CREATE TABLE held (item INTEGER NOT NULL, hold INTEGER NOT NULL, PRIMARY KEY (item, hold)) WITHOUT ROWID;
CREATE TABLE person_keys (person INTEGER NOT NULL, since INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (person, since)) WITHOUT ROWID;
CREATE TABLE two_person_acts (act TEXT PRIMARY KEY, other_member INTEGER NOT NULL, hours INTEGER NOT NULL);
CREATE TABLE proposals (no INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, act TEXT NOT NULL, person TEXT NOT NULL,
  lapses INTEGER NOT NULL, state INTEGER NOT NULL);
CREATE TABLE disclosures (no INTEGER PRIMARY KEY, case_no INTEGER NOT NULL, failed INTEGER NOT NULL);
CREATE TABLE witness_policies (leaf INTEGER PRIMARY KEY, policy TEXT NOT NULL, warn_after INTEGER NOT NULL);
CREATE TABLE stamp_authorities (no INTEGER PRIMARY KEY, name TEXT NOT NULL, removed INTEGER NOT NULL, facts BLOB);
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, leaf INTEGER NOT NULL);
CREATE TABLE successions (leaf INTEGER PRIMARY KEY, size INTEGER NOT NULL, key INTEGER NOT NULL, actor TEXT NOT NULL, statement TEXT NOT NULL);
CREATE TABLE lists (no INTEGER PRIMARY KEY, number TEXT NOT NULL, version INTEGER NOT NULL, member INTEGER NOT NULL,
  class INTEGER NOT NULL, shared INTEGER NOT NULL, dropped INTEGER NOT NULL, facts BLOB, UNIQUE (number, version));
CREATE TABLE fixity_runs (leaf INTEGER PRIMARY KEY, last BLOB);
CREATE TABLE quarantine (item INTEGER PRIMARY KEY, leaf INTEGER NOT NULL);
CREATE TABLE log_state (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, size INTEGER NOT NULL, fence INTEGER NOT NULL, highest_key INTEGER NOT NULL, checkpoint BLOB);
CREATE TABLE pending (first INTEGER PRIMARY KEY, events INTEGER NOT NULL, records BLOB NOT NULL);
CREATE TABLE packages_in_work (tag TEXT PRIMARY KEY, chain INTEGER NOT NULL, recorded INTEGER NOT NULL, made TEXT NOT NULL, place TEXT NOT NULL, digest BLOB NOT NULL, checkpoint BLOB NOT NULL);
CREATE TABLE packs_in_work (id BLOB PRIMARY KEY, leaves INTEGER NOT NULL);
CREATE TABLE stamp_tries (name TEXT PRIMARY KEY, at INTEGER NOT NULL, error TEXT NOT NULL)
";

/// Makes the tables in an empty database, in one transaction.
pub fn create(session: &mut Session) -> Result<(), SqlError> {
    session.begin()?;
    let tables = if session.is_postgres() {
        TABLES
            .replace("INTEGER", "BIGINT")
            .replace(" BLOB", " BYTEA")
            .replace(" WITHOUT ROWID", "")
    } else {
        TABLES.to_owned()
    };
    session.execute_script(&tables)?;
    session.insert(
        "log_state",
        &["id", "version", "size", "fence", "highest_key"],
        &[
            1i64.into(),
            VERSION.into(),
            0i64.into(),
            0i64.into(),
            0i64.into(),
        ],
    )?;
    session.commit()
}

/// The version of the tables, or `None` where there are none yet.
pub fn version(session: &mut Session) -> Result<Option<i64>, SqlError> {
    let there = if session.is_postgres() {
        session.query_one("SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'log_state'", &[])?
    } else {
        session.query_one(
            "SELECT count(*) FROM sqlite_master WHERE name = 'log_state'",
            &[],
        )?
    };
    match there.map(|r| r.int(0)).transpose()? {
        Some(1) => session
            .query_one("SELECT version FROM log_state WHERE id = 1", &[])?
            .map(|r| r.int(0))
            .transpose(),
        _ => Ok(None),
    }
}
