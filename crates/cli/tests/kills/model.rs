//! What was acknowledged, and must be there after every kill.

use comity_app::item::Filter;
use comity_app::verify::{Depth, verify};
use comity_app::{Ambient, Centre};
use comity_core::Digest;
use comity_core::digest::hex;

use crate::world::{PASSPHRASE, World};

/// An item as it was shown: number, state, size, digest; the last is missing once it was forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(String, &'static str, u64, Option<String>);

/// What a person outside remembers of a centre.
#[derive(Clone, Debug)]
pub struct Model {
    /// Items that were shown.
    pub items: Vec<Shown>,
    /// Size and root of the last checkpoint that was seen.
    checkpoint: (u64, Digest),
}

impl Model {
    /// What a centre shows now. Opening it is what any command begins with: it recovers.
    pub fn of(world: &World, what: &str) -> Model {
        let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system())
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let mut items = Vec::new();
        let mut session = centre.session().unwrap();
        centre
            .each_item(&mut session, &Filter::default(), 0, &mut |item| {
                let sha256 = item.facts.as_ref().and_then(|f| f.sha256);
                items.push(Shown(
                    item.ern.to_string(),
                    item.state.word(),
                    item.size,
                    sha256.map(|d| hex(&d)),
                ));
                Ok(true)
            })
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let sequencer = centre.sequencer();
        let size = sequencer.tree.published_size();
        Model {
            items,
            checkpoint: (size, sequencer.tree.root_at(size).unwrap()),
        }
    }

    /// Whatever was acknowledged is there and whole, and what is new is a beginning of what is `expected`.
    pub fn check(&mut self, world: &World, what: &str, expected: &[Shown]) {
        self.check_log(world, what, expected);
        let report = verify(
            &world.dir,
            Depth::Full,
            Some(PASSPHRASE),
            &Ambient::system(),
            &|_, _, _| (),
        )
        .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
    }

    /// As [`Model::check`], of a vault that is damaged and is being mended.
    pub fn check_log(&mut self, world: &World, what: &str, expected: &[Shown]) {
        let now = Model::of(world, what);
        assert!(
            now.items.len() >= self.items.len(),
            "{what}: items are lost"
        );
        for (at, item) in now.items.iter().enumerate() {
            let is_known = self.items.get(at) == Some(item) || expected.get(at) == Some(item);
            assert!(is_known, "{what}: {item:?}");
        }
        let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system()).unwrap();
        let (size, root) = self.checkpoint;
        assert!(
            now.checkpoint.0 >= size,
            "{what}: the log has become shorter"
        );
        let then = centre.sequencer().tree.root_at(size).unwrap();
        assert_eq!(then, root, "{what}: the log has another history");
        *self = now;
    }
}
