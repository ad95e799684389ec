//! Signatures of people over their acts, held against the keys that they had registered by then
//! (`docs/format/acts.md`, *Signature*).

use std::collections::HashMap;

use comity_core::digest::unhex;
use comity_core::finding::Finding;

use super::events::text;
use crate::rebuild::Opened;

/// Acts that a person with a registered key signs.
const SIGNED: [&str; 20] = [
    "person_key_registered",
    "two_person_acts_set",
    "witnesses_set",
    "log_keys_succeeded",
    "log_heirs_named",
    "intake_opened",
    "intake_closed",
    "hold_placed",
    "held",
    "hold_released",
    "released",
    "proposed",
    "confirmed",
    "withdrawn",
    "erasure_ordered",
    "erased",
    "stamp_authority_set",
    "stamp_authority_removed",
    "list_imported",
    "list_dropped",
];

/// The keys that persons have registered, as the log goes on.
#[derive(Default)]
pub(super) struct Signatures {
    keys: HashMap<String, [u8; 32]>,
}

impl Signatures {
    /// Takes the next event. What is wrong with its signature is a finding.
    pub fn meet(&mut self, event: &Opened) -> Option<Finding> {
        let fields = &event.fields;
        let kind = text(fields, "kind")?;
        let actor = text(fields, "actor")?;
        let registered = match kind {
            "person_key_registered" => {
                let key = text(fields, "key").and_then(unhex)?;
                let key = <[u8; 32]>::try_from(key).ok()?;
                let person = text(fields, "person").unwrap_or(actor);
                let signer = match person == actor {
                    true => Some(key),
                    // Another person has confirmed what its owner proposed with it.
                    false => self.keys.get(actor).copied(),
                };
                self.keys.insert(person.to_owned(), key);
                signer
            }
            // A key shows by its proposal that its person has it.
            "proposed" if text(fields, "proposes") == Some("person_key") => {
                let parameters = fields.iter().find(|f| f.name == "parameters");
                let key = parameters.and_then(|f| f.value.get("key")?.as_str());
                key.and_then(unhex).and_then(|key| key.try_into().ok())
            }
            _ => self.keys.get(actor).copied(),
        };
        let act_of_disclosure = kind == "disclosed" && event.event.leaf.n == 0;
        let two_persons = text(fields, "proposal").is_some() && !finished_later(kind);
        let must = SIGNED.contains(&kind) || act_of_disclosure || two_persons;
        let what = match (&event.signature, registered) {
            (None, Some(_)) if must => {
                format!("{actor} had registered a key, and has not signed it")
            }
            (None, None) if two_persons => format!("{actor} had no key to sign it with"),
            (None, _) => return None,
            (Some(Err(what)), _) => what.clone(),
            (Some(Ok(key)), Some(registered)) if *key == registered => return None,
            (Some(Ok(_)), _) => {
                format!("it is signed with another key than {actor} had registered")
            }
        };
        let place = match text(fields, "ern") {
            Some(ern) => format!("{ern}, event {} of the ledger ({kind})", event.event.index),
            None => format!("event {} of the ledger ({kind})", event.event.index),
        };
        Some(Finding::new(place, what))
    }
}

/// Changes of the keyring, which whoever comes finishes: their signature is that of the confirmation before them.
fn finished_later(kind: &str) -> bool {
    crate::keychange::KINDS.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_with_a_key_signs_and_nobody_else_in_that_name() {
        use crate::read::OpenedEvent;
        use comity_core::body::Field;
        use comity_core::digest::{Digest, hex};
        use comity_core::id::ChainId;
        use comity_core::leaf::Leaf;

        let event = |kind: &str, signature: Option<Result<[u8; 32], String>>| Opened {
            event: OpenedEvent {
                index: 7,
                entry: Vec::new(),
                leaf: Leaf {
                    chain: ChainId([0; 16]),
                    n: 1,
                    prev: None,
                    body: Digest::of(b""),
                },
                hash: Digest::of(b""),
                custody_key: 1,
                content_key: 0,
                fields: Vec::new(),
            },
            fields: vec![
                Field::custody("kind", kind),
                Field::custody("actor", "UKR-P0001"),
                Field::custody("key", hex(&[1; 32])),
            ],
            secret: None,
            received: None,
            signature,
        };
        let mut signatures = Signatures::default();
        assert!(signatures.meet(&event("intake_opened", None)).is_none());
        let other = Some(Ok([2; 32]));
        assert!(
            signatures
                .meet(&event("person_key_registered", other.clone()))
                .is_some()
        );
        assert!(
            signatures
                .meet(&event("person_key_registered", Some(Ok([1; 32]))))
                .is_none()
        );
        assert!(
            signatures
                .meet(&event("erased", Some(Ok([1; 32]))))
                .is_none()
        );
        for wrong in [None, other, Some(Err("it does not hold".to_owned()))] {
            assert!(signatures.meet(&event("erased", wrong)).is_some());
        }
        assert!(signatures.meet(&event("received", None)).is_none());
    }
}
