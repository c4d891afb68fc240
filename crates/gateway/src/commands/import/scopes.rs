//! RBAC's rules as a scope's: what is the same, what is left out, and what to know about it.

use drawbridge_policy::rules::{Escape, weigh};
use drawbridge_policy::{Effect, RuleSpec, Terms};

use crate::cluster::review::Right;

/// A rule for a scope, with what is to be said beside it.
#[derive(Debug, Clone)]
pub(super) struct Converted {
    /// The rule; none where nothing of it can mean anything.
    pub(super) spec: Option<RuleSpec>,
    /// One line each.
    pub(super) comments: Vec<String>,
}

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    /// Everywhere.
    Everywhere,
    /// In namespaces.
    Namespaces,
}

/// Converts one rule. `place` names it.
pub(super) fn convert(right: &Right, place: usize, holds: Where) -> Converted {
    let mut comments = Vec::new();
    if !right.non_resource_urls.is_empty() && holds == Where::Namespaces {
        let paths = right.non_resource_urls.join(", ");
        comments.push(format!("left out: {paths}; through a namespaced binding it gives nothing"));
        return Converted { spec: None, comments };
    }
    let mut spec = RuleSpec {
        name: format!("rule-{place}"),
        effect: Effect::Allow,
        verbs: right.verbs.clone(),
        api_groups: right.api_groups.clone(),
        resources: right.resources.clone(),
        resource_names: right.resource_names.clone(),
        non_resource_urls: right.non_resource_urls.clone(),
        acknowledge: Vec::new(),
        terms: Terms::none(),
    };
    let fits = prune(&mut spec, &mut comments);
    if !fits {
        return Converted { spec: None, comments };
    }
    let weighed = weigh(&spec);
    for escape in &weighed.kept {
        comments.push(format!("KEPT, named exactly ({}): this {}", escape.word, escape.gives));
    }
    if !weighed.lost.is_empty() {
        comments.push(format!("lost, since a wildcard never gives them: {}", words(&weighed.lost)));
    }
    if enters_with_get(&spec) {
        comments.push(
            "exec, attach, portforward and proxy need the verb create here; get alone gives none of them"
                .to_owned(),
        );
    }
    if holds == Where::Namespaces
        && spec.resources.iter().any(|resource| resource == "namespaces" || resource == "*")
    {
        comments.push("of the namespaces themselves a namespaced grant gives only get".to_owned());
    }
    Converted { spec: Some(spec), comments }
}

/// Takes out what RBAC takes and what can't mean anything. Whether something is left.
fn prune(spec: &mut RuleSpec, comments: &mut Vec<String>) -> bool {
    // Each round takes out at least one entry.
    let most = spec.verbs.len()
        + spec.api_groups.len()
        + spec.resources.len()
        + spec.resource_names.len()
        + spec.non_resource_urls.len()
        + 1;
    for _ in 0..most {
        let Err(problems) = spec.clone().check() else { return true };
        let Some(problem) = problems.first() else { return true };
        let field = match problem.field {
            "verbs" => &mut spec.verbs,
            "apiGroups" => &mut spec.api_groups,
            "resources" => &mut spec.resources,
            "resourceNames" => &mut spec.resource_names,
            "nonResourceURLs" => &mut spec.non_resource_urls,
            _ => return left_out(&problem.message, comments),
        };
        match problem.index {
            Some(index) if index < field.len() => {
                let entry = field.remove(index);
                comments.push(format!("left out of {}: {}", problem.field, problem.message));
                // Names that can't be were no limit that may be widened by leaving them out.
                if problem.field == "resourceNames" && field.is_empty() {
                    return left_out(&format!("{entry:?} was its only name"), comments);
                }
            }
            Some(_) | None => return left_out(&problem.message, comments),
        }
    }
    false
}

fn left_out(why: &str, comments: &mut Vec<String>) -> bool {
    comments.push(format!("a rule is left out: {why}"));
    false
}

fn words(escapes: &[&Escape]) -> String {
    escapes.iter().map(|escape| escape.word).collect::<Vec<_>>().join(", ")
}

fn enters_with_get(spec: &RuleSpec) -> bool {
    let has = |verb: &str| spec.verbs.iter().any(|have| have == "*" || have == verb);
    let enters = |resource: &String| {
        let sub = resource.split_once('/').map(|(_, sub)| sub);
        matches!(sub, Some("exec" | "attach" | "portforward" | "proxy"))
    };
    has("get") && !has("create") && spec.resources.iter().any(enters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Right {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Right {
            verbs: texts(verbs),
            api_groups: texts(groups),
            resources: texts(resources),
            resource_names: texts(names),
            non_resource_urls: Vec::new(),
        }
    }

    #[test]
    fn a_rule_stays_what_it_is_and_says_what_a_wildcard_no_longer_gives() {
        let converted = convert(&right(&["*"], &[""], &["*"], &[]), 1, Where::Everywhere);
        assert_eq!(converted.spec.unwrap().verbs, ["*"]);
        assert!(converted.comments[0].contains("lost") && converted.comments[0].contains("secrets"));
        let kept = convert(&right(&["get"], &[""], &["secrets"], &[]), 1, Where::Namespaces);
        assert!(kept.comments[0].starts_with("KEPT, named exactly (secrets)"), "{:?}", kept.comments);
        let plain = convert(&right(&["get"], &["batch"], &["jobs"], &["a"]), 1, Where::Namespaces);
        assert!(plain.comments.is_empty() && plain.spec.is_some());
    }

    #[test]
    fn what_can_mean_nothing_is_left_out_and_never_widens_a_rule() {
        let odd = convert(&right(&["get", "GET"], &[""], &["pods", "pods/*"], &[]), 1, Where::Everywhere);
        let spec = odd.spec.unwrap();
        assert_eq!((spec.verbs, spec.resources), (vec!["get".to_owned()], vec!["pods".to_owned()]));
        assert_eq!(odd.comments.len(), 2);
        let names = convert(&right(&["get"], &[""], &["pods"], &["a*"]), 1, Where::Everywhere);
        assert!(names.spec.is_none(), "a rule for one name must not become one for all: {names:?}");
        assert!(convert(&right(&[], &[""], &["pods"], &[]), 1, Where::Everywhere).spec.is_none());
    }
}
