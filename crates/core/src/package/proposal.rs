//! The act of a disclosure that two persons made, held against the proposal of the first of them
//! (`docs/format/acts.md`, *Two persons*).

use crate::digest::Digest;
use crate::json::Value;

use super::event::{EventLine, Signer};

/// What an act and its proposal are held against.
pub(super) struct Expected<'a> {
    /// The origin of the log.
    pub origin: &'a str,
    /// SHA-256 over the exhibits' numbers, where all of them were read.
    pub selection: Option<Digest>,
    /// Whose key has signed the act.
    pub signer: Option<&'a Signer>,
}

/// Checks the proposal that an act names. Says everything that is wrong, and who proposed it.
pub(super) fn check(
    act: &EventLine<'_>,
    proposal: Option<&EventLine<'_>>,
    expected: &Expected<'_>,
) -> (Option<Signer>, Vec<String>) {
    let named = act.text("proposal_leaf");
    let (named, proposal) = match (named, proposal) {
        (None, None) => return (None, Vec::new()),
        (Some(named), Some(proposal)) => (named, proposal),
        (Some(_), None) => {
            let what = "another person proposed it, and the proposal is not there";
            return (None, vec![what.to_owned()]);
        }
        (None, Some(_)) => {
            let what = "it shows a proposal that its act does not name";
            return (None, vec![what.to_owned()]);
        }
    };
    match proposal.check() {
        Ok(checked) if checked.hash.to_string() == *named => {}
        Ok(_) => return (None, vec!["its act names another proposal".to_owned()]),
        Err(error) => return (None, vec![format!("its proposal: {error}")]),
    }
    let mut wrong = Vec::new();
    let proposer = match proposal.signer(expected.origin) {
        Ok(Some(signer)) => Some(signer),
        Ok(None) => {
            wrong.push("its proposal is not signed".to_owned());
            None
        }
        Err(problem) => {
            wrong.push(format!("its proposal: {problem}"));
            None
        }
    };
    if proposal.text("kind").as_deref() != Some("proposed")
        || proposal.text("proposes").as_deref() != Some("disclose")
    {
        wrong.push("its proposal is of another act".to_owned());
    }
    match (expected.signer, &proposer) {
        (Some(second), Some(first)) if second.person == first.person || second.key == first.key => {
            wrong.push(
                "whoever proposed it confirmed it: these are not two persons with two keys"
                    .to_owned(),
            );
        }
        (None, _) => wrong.push("whoever confirmed it has not signed it".to_owned()),
        _ => {}
    }
    if act.text("proposed_by") != proposal.text("actor") {
        wrong.push("its act says that another person proposed it".to_owned());
    }
    wrong.extend(differences(act, proposal.value("parameters").as_ref()));
    let said = act.text("selection_sha256");
    if let Some(selection) = expected.selection
        && said.as_deref() != Some(selection.to_string().as_str())
    {
        wrong.push("the exhibits are not those that were proposed".to_owned());
    }
    (proposer, wrong)
}

/// Every parameter that is text or a truth value equals the field of its name, where the act has one.
fn differences(act: &EventLine<'_>, parameters: Option<&Value>) -> Vec<String> {
    let Some(Value::Object(parameters)) = parameters else {
        return vec!["its proposal shows no parameters".to_owned()];
    };
    let differs = |name: &str, value: &Value| {
        matches!(value, Value::String(_) | Value::Bool(_))
            && act.value(name).is_some_and(|found| found != *value)
    };
    parameters
        .iter()
        .filter(|(name, value)| differs(name, value))
        .map(|(name, _)| format!("its act has another {name} than was proposed"))
        .collect()
}
