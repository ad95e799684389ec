//! The last events of an intake: what its deliverer listed and did not hand over, and that it is closed.

use comity_core::json::Value;
use comity_core::merkle::Frontier;

use super::run::{Intake, Outcome};
use crate::commit::{Draft, Subject};
use crate::error::Result;
use crate::event::{EventDraft, NumberedKey};
use crate::intake_tree::to_json;
use crate::project::{ItemState, ObjectAt};

impl Intake<'_> {
    /// Closes it, and makes full tiles of what it brought.
    pub(super) fn close(mut self) -> Result<Outcome> {
        let (centre, random) = (self.centre, &*self.centre.ambient.random);
        let key: NumberedKey = centre.chain_key(&mut self.session, self.opened.no)?;
        self.record_missing(&key)?;
        let (compared, unused) = self.delivered.summary();
        let unused_provenance = unused
            .as_ref()
            .and_then(|u| u.get("unused"))
            .and_then(Value::as_array)
            .map_or(0, |l| l.len() as u64);
        let counts: Value = ItemState::ALL
            .iter()
            .map(|s| (s.word().to_owned(), Value::from(self.tally.of(*s))))
            .chain([
                ("delivered_again".to_owned(), Value::from(self.tally.again)),
                ("resumed".to_owned(), Value::from(self.tally.resumed)),
            ])
            .collect();
        let event = EventDraft::new("intake_closed", &self.common.actor, &centre.now(), random)
            .custody("member", self.common.member.as_str())
            .custody("case", self.common.case.as_str())
            .custody("intake", self.common.intake)
            .custody("items", self.items()?)
            .content("counts", counts)
            .content_opt("compared", compared)
            .content_opt("provenance_file", unused)
            .signed(self.actor, &centre.config.origin)?
            .seal(&self.common.scope, &key, random)?;
        let draft = Draft {
            subject: Subject::Known(self.opened.no),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        let mut sequencer = centre.sequencer();
        sequencer.commit(&centre.keys, |group| group.push(&draft))?;
        sequencer.tidy()?;
        Ok(Outcome {
            no: self.opened.no,
            name: format!("{}-{:06}", self.common.member, self.common.intake),
            resumed: self.opened.resumed,
            tally: self.tally,
            compared: self.delivered.compared(),
            unused_provenance,
        })
    }

    /// The tree over the events of all items of this intake. Those of runs that were interrupted are read from the log.
    fn items(&self) -> Result<Value> {
        if !self.opened.resumed {
            return Ok(to_json(&self.items));
        }
        let (from, to) = (self.opened.index + 1, self.centre.sequencer().tree.size());
        let mut tree = Frontier::new();
        self.centre
            .each_event_of(&self.common.act, from..to, &mut |event| {
                tree.push(event.hash);
                Ok(())
            })?;
        Ok(to_json(&tree))
    }

    /// What is listed and was not handed over, in events of the intake. A run that was interrupted here may have left
    /// some: they begin again from part 0, and what stands before that is of no account.
    fn record_missing(&self, key: &NumberedKey) -> Result<()> {
        let (centre, random) = (self.centre, &*self.centre.ambient.random);
        for (part, missing) in (0u64..).zip(self.delivered.missing()) {
            let event = EventDraft::new(
                "manifest_missing",
                &self.common.actor,
                &centre.now(),
                random,
            )
            .custody("member", self.common.member.as_str())
            .custody("intake", self.common.intake)
            .custody("part", part)
            .content("missing", missing)
            .seal(&self.common.scope, key, random)?;
            let draft = Draft {
                subject: Subject::Known(self.opened.no),
                event,
                secret: None,
                object: ObjectAt::Unknown,
            };
            centre
                .sequencer()
                .commit(&centre.keys, |group| group.push(&draft))?;
        }
        Ok(())
    }
}
