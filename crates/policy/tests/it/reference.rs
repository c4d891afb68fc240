//! docs/reference/rules.md, from the tables that decisions are made with: `UPDATE_DOCS=1 cargo test -p
//! drawbridge-policy reference` writes it anew.

use std::fmt::Write as _;

use drawbridge_policy::rules::{BUILT_INS, CAUTIONS, DISCOVERY, ESCAPES, EXCEPTIONS, Verbs};

const MADE: &str = "<!-- Made from crates/policy/src/rules; `UPDATE_DOCS=1 cargo test -p drawbridge-policy \
                    reference` writes it anew. -->\n";

const MEANING: &str = "\
A scope is a list of rules, a grant gives scopes to agents. A rule means what the same rule means in a ClusterRole of
Kubernetes RBAC, and can be pasted from one; a grant without `namespaces` is a ClusterRoleBinding, one with `namespaces`
a RoleBinding in each namespace that matches. What no rule allows is refused. Where a rule means less than in RBAC, this
page says so, in [stricter than RBAC](#stricter-than-rbac); nowhere does one mean more, but for what is
[behind an escape](#escapes) that a rule names.

## What a rule says

| field | what it means |
| --- | --- |
| `name` | what refusals, the record and warnings call it, `SCOPE/NAME`; by its place if left out |
| `effect` | `allow` (if left out) or `deny` |
| `verbs` | `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; of paths the methods in lower case; `*` is every one |
| `apiGroups` | without the version; `\"\"` is the core group, `*` every group |
| `resources` | the plural, `jobs`, or with a subresource, `pods/log`; `*` is everything with and without subresources, `*/scale` the subresource `scale` of everything. `jobs` alone has no subresources, and `jobs/*` is refused since it matches nothing in Kubernetes |
| `resourceNames` | only objects of these names; without it all. A list, a watch, a create and a deletecollection have no name, so that such a rule doesn't allow them, but for a list or a watch with `fieldSelector=metadata.name=NAME`. No wildcards |
| `nonResourceURLs` | paths such as `/metrics`, with a `*` at their end for everything that begins so. Only through a grant without `namespaces` |
| `acknowledge` | the words of [warnings](#warnings) that the author knows of |

The verb is the API server's: POST is `create`, PUT `update`, PATCH `patch`; GET of a collection is `list`, or `watch` with
`?watch=true`; DELETE of a collection is `deletecollection`. What one request needs more is in
[stricter than RBAC](#stricter-than-rbac).

A grant's `namespaces` are names, or beginnings with a `*` at the end (`ci-*`). Through such a grant a rule allows nothing
that has no namespace: no nodes, no paths, no list over all namespaces, and of a namespace itself only `get`.
";

const REVIEWS: &str = "\
Asking what one may do oneself (`kubectl auth can-i`, `can-i --list`, `whoami`): create of `selfsubjectaccessreviews` and
`selfsubjectrulesreviews` of `authorization.k8s.io/v1` and of `selfsubjectreviews` of `authentication.k8s.io/v1`. A user of
RBAC has it from `system:basic-user`. The cluster alone would answer for the ceiling, so the gateway puts both halves
together, whichever rule allows the question:

- An access review is a yes if the scopes and the ceiling allow it. Its reason names the rule, or says whose the no is; what
  the scopes refuse, the cluster isn't asked. What stands above in [stricter than RBAC](#stricter-than-rbac) counts: a
  question with a wildcard is a yes only if all that it covers is allowed, so that one which covers an escape is a no. A
  question about a namespace, or a built-in kind without one, is answered for the place where its request would be,
  whatever namespace kubectl sends with it.
- A rules review lists what rules and ceiling have in common in a namespace. What a list can't say (all but one name, a
  wildcard without the escapes) makes it `incomplete`, and `evaluationError` says what is left out.
- Who one is, the cluster answers.

The body must ask about nobody else and say nothing twice. The first two answers are JSON; who doesn't accept that gets 406.
They can't tell what depends on an object: a rule with a condition, a mask or limits is a yes whose reason says so, and
`update` is a yes where only what exists may be changed. Reviews of other subjects need a rule that names them.

";

const DENY: &str = "\
## Deny rules

A rule with `effect: deny` wins over every rule that allows, of any grant. Within its grant's reach it refuses whatever
could include what it names: with `namespaces` also lists over all namespaces and a new namespace, with `resourceNames`
also requests without a name. It covers what has the same effect: both groups of events, deletecollection and eviction
for `delete` of pods. Its wildcards match everything, escapes too. It never allows anything.
";

const TESTED: &str = "\
## How this is known

`rules_mean_what_they_mean_in_rbac_but_for_the_strict_exceptions` makes up rules, bindings and requests, and asks the real
API server's authorizer the same as the gateway, over ten thousand times in each run.
`a_user_and_an_agent_with_the_same_rules_get_the_same_but_for_the_strict_exceptions` sends a thousand requests both ways,
as a user of RBAC and as an agent, since some checks are made only inside. Both know the exceptions from the design and
not from the code, fail for any other difference, and fail if an exception never showed. They print their seed, which
`DRAWBRIDGE_SEED` sets.
`what_the_api_server_asks_behind_a_named_escape_the_ceiling_answers` shows the one place where an agent gets more than a
user with the same rules would.
";

fn page() -> String {
    let mut page = format!("# Rules\n\n{MADE}\n{MEANING}");
    exceptions(&mut page);
    escapes(&mut page);
    page.push_str("\n## What no grant allows\n\n| refused | the caller is told |\n| --- | --- |\n");
    for built_in in BUILT_INS {
        writeln!(page, "| {} | {} |", built_in.what, built_in.why).unwrap();
    }
    page.push_str(
        "\n## What every grant allows\n\nGET of the paths of discovery, as `system:discovery` has it: ",
    );
    page.push_str(&words(&DISCOVERY));
    page.push_str(".\n\n");
    page.push_str(REVIEWS);
    page.push_str(DENY);
    cautions(&mut page);
    page.push_str(TESTED);
    page
}

fn exceptions(page: &mut String) {
    page.push_str("\n## Stricter than RBAC\n\n| | what | what holds instead |\n| --- | --- | --- |\n");
    for exception in EXCEPTIONS {
        writeln!(page, "| {} | {} | {} |", exception.number, exception.title, exception.text).unwrap();
    }
}

fn escapes(page: &mut String) {
    page.push_str(
        "\n## Escapes\n\nWhat gives an agent other credentials or other rights than its own. No wildcard matches \
         these, neither in `verbs` nor in\n`apiGroups` nor in `resources`: only a rule that names verb, group and \
         resource allows one. `apply` then says what it gives,\nunless the rule has the word in `acknowledge`.\n\n\
         | word | API group | resources | verbs | what it gives |\n| --- | --- | --- | --- | --- |\n",
    );
    for escape in ESCAPES {
        let groups: Vec<_> = escape.groups.iter().map(|group| group_name(group)).collect();
        let resources: Vec<_> = escape.resources.iter().map(|resource| resource_name(resource)).collect();
        let verbs = match escape.verbs {
            Verbs::Any => "every".to_owned(),
            Verbs::Writes => "all that write".to_owned(),
            Verbs::Words(verbs) => words(verbs),
        };
        let (groups, resources) = (groups.join(", "), resources.join(", "));
        writeln!(page, "| `{}` | {groups} | {resources} | {verbs} | it {} |", escape.word, escape.gives)
            .unwrap();
    }
    page.push_str(
        "\nBehind some of these the API server asks once more: for `escalate` and `bind` when roles are written, for \
         `approve` and\n`sign` when certificates are. It asks about the agent as the cluster knows it, and that is the \
         ceiling. So a rule that\nnames RBAC writes passes on whatever the ceiling has, and not only what the agent's \
         scopes have.\n",
    );
}

fn cautions(page: &mut String) {
    page.push_str(
        "\n## Warnings\n\n`drawbridge apply` says what a rule gives besides what it says. The word in the rule's \
         `acknowledge` says that this is\nmeant. Escapes are warned of by their words; the others are these.\n\n\
         | word | what is said |\n| --- | --- |\n",
    );
    for (word, what) in CAUTIONS {
        writeln!(page, "| `{word}` | {what} |").unwrap();
    }
    page.push('\n');
}

fn group_name(group: &str) -> String {
    match group {
        "" => "core".to_owned(),
        "*" => "every".to_owned(),
        group => format!("`{group}`"),
    }
}

fn resource_name(resource: &str) -> String {
    match resource.strip_suffix("/*") {
        Some(main) => format!("`{main}` with and without subresources"),
        None if resource == "*" => "every".to_owned(),
        None => format!("`{resource}`"),
    }
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_reference_of_rules_is_up_to_date() {
    let path = format!("{}/../../docs/reference/rules.md", env!("CARGO_MANIFEST_DIR"));
    let page = page();
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let make = "UPDATE_DOCS=1 cargo test -p drawbridge-policy reference";
    assert!(kept == page, "docs/reference/rules.md is stale: {make}, and commit it");
}
