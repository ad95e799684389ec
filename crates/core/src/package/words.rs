//! An event in words, for people: history, pages and the verifier say the same.

use crate::json::Value;

/// One English sentence, without its full stop, about what an event did.
///
/// `field` gives the value of a field of the event, and `None` for one that it does not have or
/// that is withheld. Kinds and fields are those of `docs/format/events.md`; a kind that this
/// program does not know is named as it is. The texts come from outside: whoever shows the
/// sentence escapes it.
///
/// ```
/// use comity_core::json::{Value, json};
/// use comity_core::package::words;
///
/// let event = json!({"kind": "opened", "actor": "UKR-P0001", "purpose": "translation"});
/// let sentence = words(&|name: &str| event.get(name).cloned());
/// assert_eq!(sentence, "UKR-P0001 opened it for the purpose “translation”");
/// ```
#[must_use]
pub fn words(field: &dyn Fn(&str) -> Option<Value>) -> String {
    let event = Words { field };
    let Some(kind) = event.text("kind") else {
        return "Something happened that is withheld".to_owned();
    };
    let actor = event
        .text("actor")
        .unwrap_or_else(|| "A person whose number is withheld".to_owned());
    let act = match kind.as_str() {
        "received" => event.received(),
        "extracted" | "read" | "drawn" | "recognised" | "reading_begun" | "reading_asked" => {
            return event.reading(&kind);
        }
        "delivered_again" => "recorded that the same bytes were delivered again".to_owned(),
        "opened" => format!("opened {}{}", event.part(), event.purpose()),
        "searched" => format!("searched{}", event.purpose()),
        "disclosed" if event.text("tagmanifest_sha256").is_some() => {
            format!(
                "disclosed {}{}{}",
                event.exhibits(),
                event.recipient(),
                event.purpose()
            )
        }
        "disclosed" => format!("disclosed it{}{}", event.recipient(), event.purpose()),
        "disclosure_failed" => format!(
            "recorded that a disclosure was never handed over{}",
            event.reason()
        ),
        "centre_created" => format!("created the centre{}", event.named()),
        "member_registered" => format!(
            "registered the member {}{}",
            event.or_unknown("member"),
            event.named()
        ),
        "person_registered" => format!(
            "registered the person {}{}",
            event.or_unknown("person"),
            event.named()
        ),
        "case_opened" => format!(
            "opened the case {}{}",
            event.or_unknown("case"),
            event.named()
        ),
        "intake_opened" => format!(
            "opened the intake {}{}",
            event.or_unknown("intake"),
            event.source()
        ),
        "manifest_missing" => format!(
            "recorded files that the deliverer's list names and the intake {} lacks",
            event.or_unknown("intake")
        ),
        "intake_closed" => format!("closed the intake {}", event.or_unknown("intake")),
        "receipt_made" => format!(
            "made a receipt for the intake {}{}",
            event.or_unknown("intake"),
            event.recipient()
        ),
        "stamp_authority_set" => format!(
            "set the time stamp authority {}",
            event.or_unknown("authority")
        ),
        "stamp_authority_removed" => format!(
            "removed the time stamp authority {}",
            event.or_unknown("authority")
        ),
        "list_imported" => format!("brought the list {}", event.or_unknown("list")),
        "list_dropped" => format!("dropped the list {}", event.or_unknown("list")),
        "vault_compacted" => "gave back the space of bytes whose keys were destroyed".to_owned(),
        "fixity_checked" => "read a part of the vault and held it against its digests".to_owned(),
        "quarantined" => format!(
            "set it apart, since its bytes did not pass a check of fixity{}",
            event.reason()
        ),
        "repaired" => "put its bytes in place again, the same as before".to_owned(),
        "vault_repaired" => "mended the vault from another copy".to_owned(),
        "mirror_added" => "gave the centre a mirror of its store".to_owned(),
        "mirror_dropped" => "took the mirror of the store from the centre".to_owned(),
        "backup_made" => "made a backup".to_owned(),
        kind => event
            .by_law(kind)
            .or_else(|| event.of_the_centre(kind))
            .unwrap_or_else(|| format!("recorded “{}”", kind.replace('_', " "))),
    };
    format!("{actor} {act}")
}

struct Words<'a> {
    field: &'a dyn Fn(&str) -> Option<Value>,
}

impl Words<'_> {
    /// A field as text: integers are written out.
    fn text(&self, name: &str) -> Option<String> {
        match (self.field)(name)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn or_unknown(&self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| "(withheld)".to_owned())
    }

    fn after(&self, name: &str, before: &str) -> String {
        self.text(name)
            .map(|text| format!("{before}“{text}”"))
            .unwrap_or_default()
    }

    fn purpose(&self) -> String {
        self.after("purpose", " for the purpose ")
    }

    fn recipient(&self) -> String {
        self.after("recipient", " to ")
    }

    fn source(&self) -> String {
        self.after("source", " from ")
    }

    fn named(&self) -> String {
        self.after("name", " ")
    }

    fn reason(&self) -> String {
        self.text("reason")
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default()
    }

    fn exhibits(&self) -> String {
        match self.text("exhibits").as_deref() {
            Some("1") => "1 exhibit".to_owned(),
            Some(count) => format!("{count} exhibits"),
            None => "exhibits".to_owned(),
        }
    }

    fn authority(&self) -> String {
        self.after("authority", "; on the authority of ")
    }

    fn proposed_by(&self) -> String {
        self.text("proposed_by")
            .map(|person| format!(", as {person} proposed"))
            .unwrap_or_default()
    }

    /// Holds, erasures and acts of two persons (`docs/format/acts.md`).
    fn by_law(&self, kind: &str) -> Option<String> {
        let why = || format!("{}{}", self.reason(), self.authority());
        Some(match kind {
            "erased" => format!("erased what it held{}{}", self.proposed_by(), why()),
            "erasure_ordered" => format!(
                "ordered the erasure {}{}{}",
                self.or_unknown("erasure"),
                self.proposed_by(),
                why()
            ),
            "erasure_completed" => format!(
                "recorded that the erasure {} is complete",
                self.or_unknown("erasure")
            ),
            "held" => format!(
                "put it under the hold {}{}{}",
                self.or_unknown("hold"),
                self.proposed_by(),
                why()
            ),
            "hold_placed" => format!(
                "placed the hold {}{}{}",
                self.or_unknown("hold"),
                self.proposed_by(),
                why()
            ),
            "released" => format!(
                "freed it of the hold {}{}{}",
                self.or_unknown("hold"),
                self.proposed_by(),
                why()
            ),
            "hold_released" => format!(
                "ended the hold {}{}{}",
                self.or_unknown("hold"),
                self.proposed_by(),
                why()
            ),
            "proposed" => format!("proposed {}", self.or_unknown("proposal")),
            "confirmed" => format!("confirmed {}", self.or_unknown("proposal")),
            "withdrawn" => format!("withdrew {}{}", self.or_unknown("proposal"), self.reason()),
            "two_person_acts_set" => {
                format!("set which acts need two persons{}", self.proposed_by())
            }
            _ => return None,
        })
    }

    /// Who proposed it, where two persons did it, and why.
    fn proposed_and_why(&self) -> String {
        format!("{}{}", self.proposed_by(), self.reason())
    }

    /// Keys and witnesses.
    fn of_the_centre(&self, kind: &str) -> Option<String> {
        Some(match kind {
            "person_key_registered" => {
                format!(
                    "registered a key of {}{}",
                    self.or_unknown("person"),
                    self.proposed_by()
                )
            }
            "witnesses_set" => format!(
                "set the policy that names the witnesses{}",
                self.proposed_by()
            ),
            "log_keys_succeeded" => format!("gave the log new keys{}", self.proposed_and_why()),
            "log_heirs_named" => {
                format!("named who may give the log new keys{}", self.proposed_by())
            }
            "keys_rotated" => format!("made new keys{}", self.proposed_and_why()),
            "keys_shared" => format!(
                "shared the root key among the members{}",
                self.proposed_and_why()
            ),
            "scope_locked" => format!(
                "locked the keys of {} by its desk's key{}",
                self.or_unknown("member"),
                self.proposed_and_why()
            ),
            "scope_unlocked" => format!(
                "unlocked the keys of {}{}",
                self.or_unknown("member"),
                self.proposed_and_why()
            ),
            _ => return None,
        })
    }

    /// The whole of an item, or the range of its bytes that was read.
    fn part(&self) -> &'static str {
        if (self.field)("range").is_some() {
            "a part of it"
        } else {
            "it"
        }
    }

    /// What a program read, on nobody's behalf; and who asked for it to be read again.
    fn reading(&self, kind: &str) -> String {
        let state = ["reading", "drawing", "recognition"].into_iter();
        let state = state.filter_map(|name| self.text(name)).next();
        let outcome = || match &state {
            Some(state) => format!(": {state}{}", self.after("reason", ", ")),
            None => String::new(),
        };
        match kind {
            "extracted" => format!(
                "It was found inside of the item above it{}{}{}",
                self.after("path", " as "),
                self.text("size")
                    .map(|size| format!(", {size} bytes"))
                    .unwrap_or_default(),
                outcome()
            ),
            "read" => format!(
                "It was read by {}{}{}",
                self.or_unknown("reader"),
                self.image(),
                outcome()
            ),
            "drawn" => format!(
                "Pictures of it were drawn by {}{}",
                self.or_unknown("reader"),
                outcome()
            ),
            "recognised" => format!(
                "Its characters were recognised by {}{}",
                self.or_unknown("reader"),
                outcome()
            ),
            "reading_asked" => format!(
                "{} asked for it to be read again{}",
                self.text("actor")
                    .unwrap_or_else(|| "A person whose number is withheld".to_owned()),
                self.text("because")
                    .map(|other| format!(", with {other}, which came later"))
                    .unwrap_or_default()
            ),
            _ => "What was taken in began to be read".to_owned(),
        }
    }

    /// With which files of the same image it was read.
    fn image(&self) -> String {
        let files = (self.field)("files");
        let files = files.as_ref().and_then(Value::as_array);
        match (files.map(Vec::as_slice), self.text("part_of")) {
            (Some([first, .., last]), _) => format!(
                " as one image with {} to {}",
                first.as_str().unwrap_or("?"),
                last.as_str().unwrap_or("?")
            ),
            (Some([one]), _) => format!(" as one image with {}", one.as_str().unwrap_or("?")),
            (_, Some(first)) => format!(" as a file of the image of {first}"),
            _ => String::new(),
        }
    }

    fn received(&self) -> String {
        let path = self.after("path", " as ");
        let state = self.text("state");
        let outcome = match state.as_deref() {
            Some("sealed") | None => match self.text("size") {
                Some(size) => format!(", {size} bytes"),
                None => String::new(),
            },
            Some("link") => {
                "; it is a symbolic link, which was recorded and not followed".to_owned()
            }
            Some("refused") => format!("; it is no file, so no bytes were kept{}", self.reason()),
            Some("unreadable") => format!(
                "; it could not be read, so no bytes were kept{}",
                self.reason()
            ),
            Some("vanished") => format!("; it vanished before it was read{}", self.reason()),
            Some("changed") => format!(
                "; it changed while it was read, so its bytes were not kept{}",
                self.reason()
            ),
            Some(other) => format!("; its state is {other}{}", self.reason()),
        };
        format!("took it in{}{path}{outcome}", self.source())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::json::json;

    #[test]
    fn events_in_words() {
        for (event, expected) in [
            (
                json!({"kind":"received","actor":"UKR-P0001","source":"Police","path":"a/b.txt","size":4,"state":"sealed"}),
                "UKR-P0001 took it in from “Police” as “a/b.txt”, 4 bytes",
            ),
            (
                json!({"kind":"received","actor":"UKR-P0001","path":"x","state":"unreadable","reason":"permission denied"}),
                "UKR-P0001 took it in as “x”; it could not be read, so no bytes were kept: permission denied",
            ),
            (
                json!({"kind":"disclosed","actor":"A-P1","purpose":"trial","recipient":"the court"}),
                "A-P1 disclosed it to “the court” for the purpose “trial”",
            ),
            (
                json!({"kind":"disclosed","actor":"A-P1","purpose":"trial","tagmanifest_sha256":"00","exhibits":1}),
                "A-P1 disclosed 1 exhibit for the purpose “trial”",
            ),
            (
                json!({"kind":"opened","range":{}}),
                "A person whose number is withheld opened a part of it",
            ),
            (
                json!({"kind":"erased","actor":"B-P1","proposed_by":"A-P1","reason":"wrong person","authority":"Court, order 7"}),
                "B-P1 erased what it held, as A-P1 proposed: wrong person; on the authority of “Court, order 7”",
            ),
            (
                json!({"kind":"held","actor":"B-P1","hold":"H0001","proposed_by":"A-P1","reason":"trial"}),
                "B-P1 put it under the hold H0001, as A-P1 proposed: trial",
            ),
            (
                json!({"kind":"log_keys_succeeded","actor":"B-P1","proposed_by":"A-P1","reason":"five years"}),
                "B-P1 gave the log new keys, as A-P1 proposed: five years",
            ),
            (
                json!({"kind":"held","actor":"A-P1","hold":"H0001"}),
                "A-P1 put it under the hold H0001",
            ),
            (
                json!({"kind":"extracted","actor":"centre","path":"a/b.txt","size":4}),
                "It was found inside of the item above it as “a/b.txt”, 4 bytes",
            ),
            (
                json!({"kind":"read","actor":"centre","reader":"extract-worker 0.1.0","reading":"damaged","reason":"no pages"}),
                "It was read by extract-worker 0.1.0: damaged, “no pages”",
            ),
            (
                json!({"kind":"drawn","actor":"centre","reader":"extract-worker 0.1.0","drawing":"read"}),
                "Pictures of it were drawn by extract-worker 0.1.0: read",
            ),
            (
                json!({"kind":"recognised","actor":"centre","reader":"tesseract 5.3.0","recognition":"empty"}),
                "Its characters were recognised by tesseract 5.3.0: empty",
            ),
            (
                json!({"kind":"read","reader":"r 1","reading":"read","files":["A-1-2","A-1-3","A-1-4"]}),
                "It was read by r 1 as one image with A-1-2 to A-1-4: read",
            ),
            (
                json!({"kind":"read","reader":"r 1","reading":"read","part_of":"A-1-1"}),
                "It was read by r 1 as a file of the image of A-1-1: read",
            ),
            (
                json!({"kind":"reading_asked","actor":"centre","because":"A-1-2"}),
                "centre asked for it to be read again, with A-1-2, which came later",
            ),
            (
                json!({"kind":"reading_asked","actor":"A-P1"}),
                "A-P1 asked for it to be read again",
            ),
            (
                json!({"kind":"fixity_run","actor":"A-P1"}),
                "A-P1 recorded “fixity run”",
            ),
            (json!({}), "Something happened that is withheld"),
        ] {
            assert_eq!(words(&|name: &str| event.get(name).cloned()), expected);
        }
    }
}
