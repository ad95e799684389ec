//! Ids numbered in the order in which they come, for a run over the whole log: each is kept once, and beside it four
//! bytes in a table that finds it.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Ids of sixteen bytes, numbered from 0.
#[derive(Default)]
pub(crate) struct Numbered {
    ids: Vec<[u8; 16]>,
    numbers: HashTable<u32>,
    /// A key of its own for each table: whoever chooses ids cannot make them collide.
    hasher: RandomState,
}

impl Numbered {
    /// The number of an id that came before.
    pub fn of(&self, id: &[u8; 16]) -> Option<usize> {
        let is_it = |number: &u32| self.ids[*number as usize] == *id;
        let number = self.numbers.find(self.hasher.hash_one(id), is_it);
        number.map(|number| *number as usize)
    }

    /// Gives an id that did not come before the next number.
    pub fn add(&mut self, id: [u8; 16]) {
        let Ok(number) = u32::try_from(self.ids.len()) else {
            return;
        };
        self.ids.push(id);
        let (ids, hasher) = (&self.ids, &self.hasher);
        let hash = |number: &u32| hasher.hash_one(ids[*number as usize]);
        self.numbers
            .insert_unique(hasher.hash_one(id), number, hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_numbers() {
        let id = |i: u32| {
            let mut id = [0; 16];
            id[12..].copy_from_slice(&i.to_be_bytes());
            id
        };
        let mut numbered = Numbered::default();
        for i in 0..10_000 {
            assert_eq!(numbered.of(&id(i)), None);
            numbered.add(id(i));
        }
        assert!((0..10_000).all(|i| numbered.of(&id(i)) == Some(i as usize)));
        assert_eq!(numbered.of(&id(10_000)), None);
    }
}
