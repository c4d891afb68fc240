//! A step of the scene: one call of kubectl's, what should come of it, and what came.

use super::agents::Agent;
use super::kubectl::{Answer, Went};
use super::own::Own;
use super::recall::{Entry, Sought};

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// kubectl's arguments, as typed.
    pub(super) line: &'static str,
    /// The one of its requests that matters.
    pub(super) asks: Sought,
    /// What should come of it.
    pub(super) expected: Expected,
}

/// What should come of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    Refused,
}

/// What came of a step.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) answer: Answer,
    /// What the record says; none if it says nothing.
    pub(super) entry: Option<Entry>,
    pub(super) came: Came,
}

/// Whether it came out as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    AsSaid,
    Otherwise,
}

impl Step {
    /// Takes it.
    pub(super) async fn take(&self, agent: &Agent, own: &Own) -> anyhow::Result<Taken> {
        let before = Entry::last(own, agent.name).await?;
        let arguments: Vec<&str> = self.line.split(' ').collect();
        let answer = agent.kubectl.run(&arguments).await?;
        let entry = Entry::find(own, agent.name, before, self.asks).await?;
        let came = match self.expected {
            Expected::Allowed => allowed(&answer, entry.as_ref()),
            Expected::Refused => refused(&answer, entry.as_ref()),
        };
        Ok(Taken { answer, entry, came })
    }
}

/// kubectl was content, the cluster answered with yes, and the record names the rule.
fn allowed(answer: &Answer, entry: Option<&Entry>) -> Came {
    let entry = entry.filter(|entry| entry.rule().is_some() && entry.grant().is_some());
    let yes = entry.and_then(Entry::answered).is_some_and(|status| (200..300).contains(&status));
    if yes && answer.went == Went::Well { Came::AsSaid } else { Came::Otherwise }
}

/// kubectl failed, and what it printed is the refusal that the record has.
fn refused(answer: &Answer, entry: Option<&Entry>) -> Came {
    let told = entry.and_then(Entry::message).is_some_and(|message| answer.complaint.contains(message));
    if told && answer.went == Went::Wrong { Came::AsSaid } else { Came::Otherwise }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(went: Went, complaint: &str) -> Answer {
        Answer { went, output: String::new(), complaint: complaint.to_owned() }
    }

    #[test]
    fn a_call_counts_as_allowed_only_if_kubectl_the_cluster_and_the_record_agree() {
        let entry = |status: u16, rule: Option<&str>| {
            let outcome = json!({"result": "answered", "status": status});
            Entry::from(json!({"outcome": outcome, "rule": rule, "grant": "g"}))
        };
        let (good, failed, nameless) = (entry(200, Some("s/r")), entry(404, Some("s/r")), entry(200, None));
        let well = answer(Went::Well, "");
        assert_eq!(allowed(&well, Some(&good)), Came::AsSaid);
        for other in [Some(&failed), Some(&nameless), None] {
            assert_eq!(allowed(&well, other), Came::Otherwise);
        }
        assert_eq!(allowed(&answer(Went::Wrong, ""), Some(&good)), Came::Otherwise);
    }

    #[test]
    fn a_call_counts_as_refused_only_if_kubectl_printed_what_the_record_says() {
        let outcome = json!({"result": "refused", "reason": "no-rule", "message": "no way", "status": 403});
        let entry = Entry::from(json!({"outcome": outcome}));
        let told = answer(Went::Wrong, "Error from server (Forbidden): no way");
        assert_eq!(refused(&told, Some(&entry)), Came::AsSaid);
        assert_eq!(refused(&told, None), Came::Otherwise);
        assert_eq!(refused(&answer(Went::Wrong, "NotFound"), Some(&entry)), Came::Otherwise);
        assert_eq!(refused(&answer(Went::Well, "no way"), Some(&entry)), Came::Otherwise);
    }
}
