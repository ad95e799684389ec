//! Searching: the question is put on record, and answered with what the one who asks may find.

mod alike;
mod current;
mod document;
mod draft;
mod follow;
mod groups;

use std::collections::BTreeSet;

use comity_core::id::Ern;
use comity_core::json::Value;
use comity_extract::State;
use comity_index::{Answer, Ask, Clause, Index, IndexError, Mark, Scope, SeenList, Sort, ask};
use comity_rules::finding::{Seeker, Term, terms};
use comity_search::query::{Field, Query, Value::Is, parse};

pub use comity_index::{
    Class, Compared, Facet, Found, Groups, Hit, How, Known, Member as GroupMember, Mention, OnList,
    Piece, Sort as Order, Suggestion,
};

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::project::{ItemState, ObjectAt};
use crate::sql::{Session, Value as Sql};
pub use alike::NearlySame;
pub use current::KeepingUp;
use follow::Opened;
pub use follow::{Watch, unwatched};
pub use groups::{AskedGroups, FoundGroups};

/// What is searched for, by whom it is put on record.
#[derive(Clone, Debug)]
pub struct Search {
    /// The question; several when a list of terms is asked for one by one.
    pub questions: Vec<Query>,
    /// In the case of this code or name alone.
    pub case: Option<String>,
    /// Words without a sign mean their exact form alone.
    pub exact: bool,
    /// Names are found in another alphabet too.
    pub transliterate: bool,
    /// The order of hits.
    pub sort: Sort,
    /// What for.
    pub purpose: String,
}

/// How complete an answer is: every answer says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Items that were looked at.
    pub items: u64,
    /// How many of them were read, whole or in part.
    pub read: u64,
    /// How many of these in part.
    pub in_part: u64,
    /// The others, of which name and record alone were looked at: how each ended, and how many.
    pub unread: Vec<(String, u64)>,
    /// Members whose items wait for their desk, and how many those are: none of them was looked at.
    pub waiting: Vec<(String, u64)>,
    /// Events of the log that are still being brought into the index by another process.
    pub behind: u64,
    /// Where it was asked what lists of files say: how many items could not be held against a list, by its number,
    /// since the list has MD5 or SHA-1 alone and they have none.
    pub not_held: Vec<(String, u64)>,
}

impl Completeness {
    /// The question that finds what was not read.
    pub const UNREAD: &str = "NOT (state:read OR state:\"read in part\" OR state:empty)";

    fn of(answer: &Answer<'_>, waiting: Vec<(String, u64)>, behind: u64) -> Completeness {
        let with = |holds: &dyn Fn(&[String]) -> bool| -> u64 {
            let holding = answer.states.iter().filter(|(states, _)| holds(states));
            holding.map(|(_, n)| n).sum()
        };
        let count = |state: State| with(&|states| states.iter().any(|s| s == state.name()));
        let readings = |state: &&State| match state {
            State::Read | State::InPart | State::Empty => false,
            state => count(**state) > 0,
        };
        let mut unread: Vec<(String, u64)> = State::ALL
            .iter()
            .filter(readings)
            .map(|state| (state.name().to_owned(), count(*state)))
            .collect();
        // What was found inside of another may have no bytes and be damaged: it is counted once.
        let untried = |sealed: bool| {
            with(&|states| {
                let tried = |s: &String| State::ALL.iter().any(|state| s == state.name());
                let is_sealed = states.iter().any(|s| s == ItemState::Sealed.word());
                is_sealed == sealed && !states.iter().any(tried)
            })
        };
        for (what, n) in [
            ("without bytes", untried(false)),
            ("not read yet", untried(true)),
        ] {
            if n > 0 {
                unread.push((what.to_owned(), n));
            }
        }
        let not_read: u64 = unread.iter().map(|(_, n)| n).sum();
        Completeness {
            items: answer.items,
            read: answer.items.saturating_sub(not_read),
            in_part: count(State::InPart),
            unread,
            waiting,
            behind,
            not_held: answer.not_held.clone(),
        }
    }
}

/// An answer with what belongs to it.
pub struct Answered<'a> {
    /// As the question was understood.
    pub understood: String,
    /// The answer.
    pub answer: Answer<'a>,
    /// How complete it is.
    pub completeness: Completeness,
}

/// What a search came to.
#[derive(Debug)]
pub struct Searched<T> {
    /// The index of the leaf that says that it was made.
    pub leaf: u64,
    /// What was done with the index before it could answer, in sentences.
    pub said: Vec<String>,
    /// What was made of the answers.
    pub told: T,
}

impl Search {
    /// A search for one question as it is typed, with filters that must all hold.
    ///
    /// # Errors
    /// A question or filter that is not understood, with the place.
    pub fn new(question: &str, filters: &[String], purpose: &str) -> Result<Search> {
        Ok(Search {
            questions: vec![question_of(question, filters)?],
            case: None,
            exact: false,
            transliterate: true,
            sort: Sort::Relevance,
            purpose: purpose.to_owned(),
        })
    }

    fn has_purpose(&self) -> Result<()> {
        match self.purpose.trim() {
            "" => Err(AppError::Usage(
                "a search is made for a purpose: --purpose \"why\"".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// A question as it is typed, with filters that must all hold.
///
/// # Errors
/// A question or filter that is not understood, with the place.
pub fn question_of(question: &str, filters: &[String]) -> Result<Query> {
    let read = |text: &str, name: &str| {
        parse(text).map_err(|e| AppError::Usage(format!("{name} “{text}” is not understood: {e}")))
    };
    let mut parts = vec![read(question, "the question")?];
    for filter in filters {
        match read(filter, "the filter")? {
            part @ (Query::Field { .. } | Query::Has(_) | Query::Around(_)) => parts.push(part),
            _ => {
                return Err(AppError::Usage(format!(
                    "“{filter}” is no filter: give field:value, such as state:sealed or date:2022-02..2022-03"
                )));
            }
        }
    }
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ => Query::And(parts),
    })
}

impl Centre {
    /// Answers a search. That it was made stands in a published checkpoint before `tell` gets to see an answer.
    ///
    /// `watch` is told of what must be brought into the indexes first. `tell` makes what it needs of the answers, one
    /// for each question. It may be called again from the beginning
    /// when a file of the index turns out damaged in the middle: the index is made anew first.
    pub fn search<T>(
        &self,
        actor: &Actor,
        search: &Search,
        watch: Watch<'_>,
        tell: &mut dyn FnMut(&mut [Answered<'_>]) -> Result<T>,
    ) -> Result<Searched<T>> {
        search.has_purpose()?;
        let mut session = self.session()?;
        let case = match &search.case {
            Some(case) => Some(self.case(&mut session, case)?),
            None => None,
        };
        let lists = self.seen_lists(&mut session, Some(&actor.member))?;
        let (mut leaf, mut said) = (None, Vec::new());
        for last in [false, true] {
            let opened = self.indexes(watch)?;
            said.extend(opened.said.iter().cloned());
            let scope = scope_of(&Seeker {
                case: case.as_ref().map(|c| c.code.clone()),
                waiting: opened.waiting.iter().cloned().collect::<BTreeSet<_>>(),
            });
            let told = self
                .answered(
                    &mut session,
                    search,
                    &opened,
                    &scope,
                    case.as_ref().map(|c| c.no),
                    &lists,
                )
                .and_then(|mut answers| {
                    let at = match leaf {
                        Some(at) => at,
                        None => self.record_search(
                            &mut session,
                            actor,
                            search,
                            case.as_ref().map(|c| c.code.as_str()),
                            answers.iter().map(asked_and_found).collect(),
                        )?,
                    };
                    leaf = Some(at);
                    Ok((at, tell(&mut answers)?))
                });
            match told {
                Ok((leaf, told)) => return Ok(Searched { leaf, said, told }),
                Err(AppError::Index(IndexError::Damaged { what })) if !last => {
                    self.make_anew(opened, &what, &mut said)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(AppError::damaged("index", "it could not be made anew"))
    }

    /// Forgets the indexes that are damaged, and says so: whoever asks next makes them anew.
    fn make_anew(&self, opened: Opened, what: &str, said: &mut Vec<String>) -> Result<()> {
        let damaged = opened.indexes.iter().filter(|i| i.damage().is_some());
        let mut members: Vec<String> = damaged.map(|i| i.member.clone()).collect();
        if members.is_empty() {
            members = opened.indexes.iter().map(|i| i.member.clone()).collect();
        }
        said.push(format!(
            "The search index of {} was damaged ({what}); it was made anew from the ledger.",
            members.join(", ")
        ));
        drop(opened);
        self.purge_indexes(&members)
    }

    /// What the lists that a person of this member may see say of an item: `None` where there are no such lists, or
    /// where the item is not found. It is the program's own look into the index, of which nothing but this is told.
    pub fn listed(&self, member: Option<&str>, ern: &Ern, watch: Watch<'_>) -> Result<Option<Hit>> {
        let lists = self.seen_lists(&mut self.session()?, member)?;
        if lists.is_empty() {
            return Ok(None);
        }
        let opened = self.indexes(watch)?;
        let asked = Ask {
            query: Query::Field {
                field: Field::Ern,
                value: Is(ern.to_string()),
            },
            scope: Scope::default(),
            exact: true,
            transliterate: false,
            sort: Sort::Ern,
            lists,
        };
        let mut answer = ask(&opened.indexes, &asked)?;
        Ok(answer.page(None, 1)?.pop())
    }

    fn answered<'a>(
        &self,
        session: &mut Session,
        search: &Search,
        opened: &'a Opened,
        scope: &Scope,
        case: Option<i64>,
        lists: &[SeenList],
    ) -> Result<Vec<Answered<'a>>> {
        let mut waiting = Vec::new();
        for member in &opened.waiting {
            waiting.push((member.clone(), self.items_of(session, member, case)?));
        }
        let indexes: &[Index] = &opened.indexes;
        let answer = |query: &Query| {
            let answer = ask(
                indexes,
                &Ask {
                    query: query.clone(),
                    scope: scope.clone(),
                    exact: search.exact,
                    transliterate: search.transliterate,
                    sort: search.sort,
                    lists: lists.to_vec(),
                },
            )?;
            Ok(Answered {
                understood: query.to_string(),
                completeness: Completeness::of(&answer, waiting.clone(), opened.behind),
                answer,
            })
        };
        search.questions.iter().map(answer).collect()
    }

    /// How many items of a member there are that were not erased.
    fn items_of(&self, session: &mut Session, member: &str, case: Option<i64>) -> Result<u64> {
        let mut values: Vec<Sql> = vec![member.into()];
        let mut sql = "SELECT count(*) FROM items i JOIN members m ON m.no = i.member WHERE m.code = ? AND i.erased IS NULL".to_owned();
        if let Some(case) = case {
            sql.push_str(" AND i.case_no = ?");
            values.push(case.into());
        }
        let row = session.query_one(&sql, &values)?;
        Ok(row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64)
    }

    /// A search is one event on the centre's chain: a person's chain goes into packages, to show their keys. Who asked, when and what for are custody; what was asked is content,
    /// sealed for the person's member.
    fn record_search(
        &self,
        session: &mut Session,
        actor: &Actor,
        search: &Search,
        case: Option<&str>,
        queries: Vec<Value>,
    ) -> Result<u64> {
        let row = session.query_one(
            "SELECT scope_key FROM members WHERE code = ?",
            &[actor.member.as_str().into()],
        )?;
        let scope = row.map(|r| r.int(0)).transpose()?.unwrap_or(0) as u64;
        let scope = self.keys.scope_key(scope)?;
        let own = self.chain_key(session, actor.no)?;
        let event = self
            .draft("searched", actor)
            .custody("purpose", search.purpose.trim())
            .custody_opt("case", case)
            .content("queries", Value::Array(queries))
            .content("exact", search.exact)
            .content("transliterated", search.transliterate);
        let draft = Draft {
            subject: Subject::Known(self.own_chain(session)?),
            event: event.seal(&scope, &own, &*self.ambient.random)?,
            secret: None,
            object: ObjectAt::Unknown,
        };
        Ok(self.append(draft)?.index)
    }
}

/// What was asked and how much was found, as the event of a search says it.
fn asked_and_found(answered: &Answered<'_>) -> Value {
    Value::from_iter([
        (
            "query".to_owned(),
            Value::from(answered.understood.as_str()),
        ),
        ("found".to_owned(), Value::from(answered.answer.count())),
    ])
}

/// The decision of `rules` as the index takes it.
pub fn scope_of(seeker: &Seeker) -> Scope {
    let clause = |term: Term| match term {
        Term::MemberNot(values) => Clause {
            mark: Mark::Member,
            values,
            among: false,
        },
        Term::Case(case) => Clause {
            mark: Mark::Case,
            values: vec![case],
            among: true,
        },
    };
    Scope {
        clauses: terms(seeker).into_iter().map(clause).collect(),
    }
}
