//! All groups of items of a case that are nearly the same, for whoever may find them: put on record as a search is.

use std::collections::BTreeSet;

use comity_core::json::Value;
use comity_index::{Compared, Groups, IndexError, Sort, groups};
use comity_rules::finding::Seeker;

use super::{Search, Watch, scope_of};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;

/// Which groups are asked for.
#[derive(Clone, Debug)]
pub struct AskedGroups<'a> {
    /// In the case of this code or name.
    pub case: &'a str,
    /// Of texts or of pictures.
    pub compared: Compared,
    /// Those after the group whose first item has this number.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
    /// What for.
    pub purpose: &'a str,
}

/// The groups that were found.
#[derive(Clone, Debug)]
pub struct FoundGroups {
    /// The index of the leaf that says that they were asked for.
    pub leaf: u64,
    /// The groups.
    pub groups: Groups,
    /// Members whose items wait for their desk: none of them was compared.
    pub waiting: Vec<String>,
    /// Events that another process is still bringing into the index.
    pub behind: u64,
    /// What was done with the index before it could answer, in sentences.
    pub said: Vec<String>,
}

impl Centre {
    /// Finds the groups of a case. That they were asked for stands in a published checkpoint before they are told.
    pub fn groups(
        &self,
        actor: &Actor,
        asked: &AskedGroups<'_>,
        watch: Watch<'_>,
    ) -> Result<FoundGroups> {
        let search = Search {
            questions: Vec::new(),
            case: Some(asked.case.to_owned()),
            exact: false,
            transliterate: false,
            sort: Sort::Ern,
            purpose: asked.purpose.to_owned(),
        };
        search.has_purpose()?;
        let mut session = self.session()?;
        let case = self.case(&mut session, asked.case)?;
        let mut said = Vec::new();
        for last in [false, true] {
            let opened = self.indexes(watch)?;
            said.extend(opened.said.iter().cloned());
            let scope = scope_of(&Seeker {
                case: Some(case.code.clone()),
                waiting: opened.waiting.iter().cloned().collect::<BTreeSet<_>>(),
            });
            let found = groups(
                &opened.indexes,
                &scope,
                asked.compared,
                asked.after,
                asked.limit,
            );
            let found = match found {
                Err(IndexError::Damaged { what }) if !last => {
                    self.make_anew(opened, &what, &mut said)?;
                    continue;
                }
                found => found?,
            };
            let what = match asked.compared {
                Compared::Texts => "groups of texts that are nearly the same",
                Compared::Pictures => "groups of pictures that look alike",
            };
            let query = Value::from_iter([
                ("query".to_owned(), Value::from(what)),
                ("found".to_owned(), Value::from(found.count)),
            ]);
            let leaf =
                self.record_search(&mut session, actor, &search, Some(&case.code), vec![query])?;
            return Ok(FoundGroups {
                leaf,
                groups: found,
                waiting: opened.waiting.clone(),
                behind: opened.behind,
                said,
            });
        }
        Err(AppError::damaged("index", "it could not be made anew"))
    }
}
