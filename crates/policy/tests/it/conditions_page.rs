//! docs/reference/conditions.md, from the tables that conditions are compiled and evaluated with:
//! `UPDATE_DOCS=1 cargo test -p drawbridge-policy reference` writes it anew.

use std::fmt::Write as _;

use drawbridge_policy::condition::{
    Condition, DIFFERENCES, LIBRARIES, MAX_CHANGED, MAX_DEPTH, MAX_NESTED, MAX_SOURCE, MAX_STEPS,
    REQUEST_FIELDS,
};

const MADE: &str = "<!-- Made from crates/policy/src/condition; `UPDATE_DOCS=1 cargo test -p drawbridge-policy \
                    reference` writes it anew. -->\n";

const MEANING: &str = "\
A condition is an expression of [CEL](https://cel.dev) that is true or false. It means what the same expression means in a
`validations` of Kubernetes' ValidatingAdmissionPolicy, or it is refused when it is applied, or it has no answer. Where it
has no answer, a rule that allows doesn't, and a rule that denies does.

## Variables

| variable | what it is |
| --- | --- |
| `request` | the request, with the [fields](#fields-of-request) below |
| `object` | the object as it would be, or as it is read |
| `oldObject` | the object as it is |
| `namespaceObject` | the namespace of the object |
| `agent`, `grant`, `task` | who asks, by what, for what |
| `changed` | the JSON pointers of the deepest values at which `object` differs from `oldObject`, but for managedFields, resourceVersion and generation of the metadata |
| `revisions` | the pod templates that the workload has had, newest first |

What isn't there is `null`: `oldObject` of a create, `object` of a delete, `namespaceObject` of what has no namespace.

## What is written

Strings, numbers, `true`, `false`, `null`, lists, maps; `&&`, `||`, `!`, `? :`; `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`; `+`,
`-`, `*`, `/`, `%`; `object.field`, `object['field']`, `list[0]`.

- A field that isn't there is an error, not null: `has(object.spec.replicas)` asks whether it is. An error in one side of
  `&&` or `||` doesn't matter if the other side decides.
- Values of different types are never equal, but numbers are compared by their value. What is written out with different
  types on both sides is refused when the condition is compiled.
- The whole condition has to be true or false for sure: `object.spec.suspend == true`, not `object.spec.suspend`.

| macro | what it gives |
| --- | --- |
| `has(object.field)` | whether the field is there |
| `list.all(x, …)` | whether it is true of every element; of a map, of every key |
| `list.exists(x, …)` | whether it is true of some element |
| `list.exists_one(x, …)` | whether it is true of exactly one |
| `list.filter(x, …)` | the elements of which it is true |
| `list.map(x, …)` | what it gives for every element |
| `list.map(x, …, …)` | what the second gives for every element of which the first is true |

";

const REGEX: &str = "\
## Regular expressions

Those of Go (RE2), as far as they mean the same in Rust, and written out in the condition. `\\d`, `\\s`, `\\w` and `\\b` know
ASCII only. Refused are brackets in brackets, `&&`, `--` and `~~` in brackets, flags other than `i`, `m`, `s` and `U`, `\\Q`,
`\\B`, `\\u`, Unicode classes other than categories such as `\\p{Lu}`, and more than 1000 repetitions.

";

fn page() -> String {
    let mut page = format!("# Conditions\n\n{MADE}\n{MEANING}");
    page.push_str("## Functions\n\n");
    for library in LIBRARIES {
        let (title, about) = (library.title, library.about);
        write!(page, "### {title}\n\n{about}\n\n| function | what it gives |\n| --- | --- |\n").unwrap();
        for function in library.functions {
            writeln!(page, "| `{}` | {} |", function.signature(), function.what()).unwrap();
        }
        page.push('\n');
    }
    page.push_str(REGEX);
    page.push_str("## Fields of request\n\n| field | type |\n| --- | --- |\n");
    for (field, kind) in REQUEST_FIELDS {
        writeln!(page, "| `request.{field}` | {kind} |").unwrap();
    }
    write!(
        page,
        "\n`request.time` is Drawbridge's own: when the decision is made.\n\n## Bounds\n\n\
         A condition has at most {MAX_SOURCE} bytes, parentheses and the like are at most {MAX_DEPTH} deep, and \
         at most {MAX_NESTED} macros\nstand in each other. An evaluation takes at most {MAX_STEPS} steps: about one \
         for each part of the condition and each element it\nlooks at. With more than {MAX_CHANGED} changes a \
         condition that names `changed` has no answer.\n\n\
         ## Where it isn't Kubernetes' CEL\n\n\
         What differs is refused or has no answer.\n\n"
    )
    .unwrap();
    for (_, reason) in DIFFERENCES {
        writeln!(page, "- {reason}").unwrap();
    }
    page.push_str(
        "\n`conditions_answer_what_cel_go_answers_but_for_the_listed_differences` compares a corpus with cel-go and \
         Kubernetes'\nlibraries, and `policies_on_the_api_server_answer_as_conditions_do` a part of it with a real API \
         server.\n",
    );
    page
}

#[test]
fn the_reference_of_conditions_is_up_to_date() {
    let path = format!("{}/../../docs/reference/conditions.md", env!("CARGO_MANIFEST_DIR"));
    let page = page();
    if super::variable("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let make = "UPDATE_DOCS=1 cargo test -p drawbridge-policy reference";
    assert!(kept == page, "docs/reference/conditions.md is stale: {make}, and commit it");
}

/// What a value of a type is, as text.
fn example(kind: &str) -> &'static str {
    match kind {
        "string" => "request.name",
        "bytes" => "b'a'",
        "bool" => "true",
        "int" => "1",
        "uint" => "1u",
        "double" => "1.5",
        "list" => "object.list",
        "list(string)" => "['a']",
        "map" => "object.map",
        "google.protobuf.Timestamp" => "request.time",
        "google.protobuf.Duration" => "duration('1s')",
        "kubernetes.Quantity" => "quantity('1')",
        "net.IP" => "ip('10.0.0.1')",
        "net.CIDR" => "cidr('10.0.0.0/8')",
        "kubernetes.URL" => "url('/a')",
        "dyn" => "object.x",
        other => panic!("{other} has no example"),
    }
}

/// From `string.f(int) → bool` to `request.name.f(1) == true`.
fn call(signature: &str) -> String {
    let (call, _) = signature.split_once(" → ").unwrap();
    let (head, args) = call.trim_end_matches(')').split_once('(').unwrap_or((call, ""));
    // A receiver of type list(string) has a parenthesis of its own.
    let (head, args) = match call.strip_prefix("list(string).") {
        Some(rest) => {
            let (name, args) = rest.trim_end_matches(')').split_once('(').unwrap();
            (format!("{}.{name}", example("list(string)")), args)
        }
        None => match head.rsplit_once('.') {
            Some((receiver, name)) if !matches!(receiver, "sets" | "ip") => {
                (format!("{}.{name}", example(receiver)), args)
            }
            _ => (head.to_owned(), args),
        },
    };
    let args: Vec<&str> = args.split(", ").filter(|arg| !arg.is_empty()).map(example).collect();
    format!("dyn({head}({})) == object.y", args.join(", "))
}

#[test]
fn every_function_of_the_reference_compiles_as_it_is_written_there() {
    let mut count = 0;
    for function in LIBRARIES.iter().flat_map(|library| library.functions) {
        let expression = call(&function.signature());
        if let Err(error) = Condition::compile(&expression) {
            panic!("{expression}: {error}");
        }
        count += 1;
    }
    assert!(count > 100, "only {count} functions");
}
