//! `comity item groups`: groups of items of a case that are nearly the same.

use clap::Args;
use comity_app::search::{AskedGroups, Compared, FoundGroups, GroupMember};
use comity_core::id::Ern;
use comity_core::shown::escape_for_terminal;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::progress::Bar;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct GroupsArgs {
    /// Of this case, by code or name
    #[arg(long)]
    pub case: String,
    /// Texts, by their runs of words; so unless it is said otherwise
    #[arg(long, conflicts_with = "pictures")]
    pub text: bool,
    /// Pictures, by what they look like
    #[arg(long)]
    pub pictures: bool,
    /// What they are looked for; goes on record before an answer is given
    #[arg(long)]
    pub purpose: String,
    /// At most so many groups
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Only those after the group whose first item this is
    #[arg(long, value_name = "ERN")]
    pub after: Option<Ern>,
}

pub fn run(global: &Global, args: &GroupsArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let after = args.after.map(|ern| ern.to_string());
    let asked = AskedGroups {
        case: &args.case,
        compared: match args.pictures {
            true => Compared::Pictures,
            false => Compared::Texts,
        },
        after: after.as_deref(),
        limit: args.limit,
        purpose: &args.purpose,
    };
    let bar = Bar::new(!global.json);
    let found = centre.groups(&actor, &asked, &bar.indexing());
    bar.clear();
    let found = found?;
    answer(global, &body(&found), &lines(&found))
}

fn body(found: &FoundGroups) -> Value {
    let member = |m: &GroupMember| json!({ "ern": m.ern, "case": m.case, "path": m.path, "size": m.size, "like_the_first": m.like });
    let group = |group: &Vec<GroupMember>| group.iter().map(member).collect::<Vec<_>>();
    json!({
        "count": found.groups.count, "items": found.groups.items,
        "groups": found.groups.page.iter().map(group).collect::<Vec<_>>(),
        "waiting": found.waiting, "events_behind": found.behind, "leaf": found.leaf,
    })
}

fn lines(found: &FoundGroups) -> Vec<String> {
    let groups = &found.groups;
    let mut lines = found.said.clone();
    lines.push(format!(
        "{} of {}.",
        counted(groups.count, "group"),
        counted(groups.items, "item")
    ));
    for group in &groups.page {
        lines.push(String::new());
        for member in group {
            let like = member.like.as_ref().map(|like| format!("  ({like})"));
            lines.push(escape_for_terminal(&format!(
                "{}  {}{}",
                member.ern,
                member.path,
                like.unwrap_or_default()
            )));
        }
    }
    if let Some(first) = groups.page.last().and_then(|group| group.first())
        && (groups.page.len() as u64) < groups.count
    {
        lines.push(String::new());
        lines.push(format!("More may follow: --after {}", first.ern));
    }
    for member in &found.waiting {
        lines.push(format!(
            "Not compared: the items of {member}, whose desk has not brought its key."
        ));
    }
    if found.behind > 0 {
        lines.push(format!(
            "Not compared yet: {} that another process is bringing into the index.",
            counted(found.behind, "event")
        ));
    }
    lines.push(format!("On record: leaf {}.", found.leaf));
    lines
}
