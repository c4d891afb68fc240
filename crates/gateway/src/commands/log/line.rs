//! One entry of the record as one line.

use serde_json::Value;

use crate::commands::terminal::{Terminal, Tone, clean};
use crate::commands::times::{shown, took};

/// Columns that most names fit, so that lines stay aligned while they come one by one.
const AGENT: usize = 14;
const VERB: usize = 10;
const OBJECT: usize = 34;
const DECIDED: usize = 12;
const RULE: usize = 30;

/// The line.
pub(in crate::commands) fn of(entry: &Value, terminal: &Terminal) -> String {
    match entry.get("part").and_then(Value::as_str) {
        Some("event") => event(entry, terminal),
        _ => request(entry, terminal),
    }
}

fn request(entry: &Value, terminal: &Terminal) -> String {
    let text = |pointer: &str| text(entry, pointer);
    let result = text("/outcome/result");
    let (decided, tone) = match result.as_str() {
        // A dry run of the gateway's own, for what was decided afterwards.
        "answered" if !text("/request/rehearsalOf").is_empty() => ("tried".to_owned(), Tone::Plain),
        "answered" => ("allowed".to_owned(), Tone::Good),
        "refused" => ("refused".to_owned(), Tone::Bad),
        "cut" => (format!("cut ({})", text("/outcome/reason")), Tone::Warn),
        other => (other.to_owned(), Tone::Warn),
    };
    let verb = match text("/request/verb") {
        verb if verb.is_empty() => text("/request/method"),
        verb => verb,
    };
    let status = [text("/outcome/status"), text("/status")].into_iter().find(|status| !status.is_empty());
    let took = entry.get("milliseconds").and_then(Value::as_i64).map(took);
    let mut line = format!(
        "{}  {}  {}  {}  {}  {}  {:3}  {:>6}",
        time(entry),
        column(&text("/request/agent"), AGENT),
        column(&verb, VERB),
        column(&object(entry), OBJECT),
        terminal.paint(tone, &column(&decided, DECIDED)),
        column(&rule(entry), RULE),
        status.unwrap_or_else(|| "-".to_owned()),
        took.unwrap_or_else(|| "-".to_owned()),
    );
    let message = text("/outcome/message");
    if !message.is_empty() {
        line.push_str("  ");
        line.push_str(&clean(&message));
    }
    for observed in entry.get("observed").and_then(Value::as_array).into_iter().flatten() {
        line.push_str(&clean(&tried(observed)));
    }
    line
}

/// What a grant that only observes would have done otherwise.
fn tried(observed: &Value) -> String {
    let grant = text(observed, "/grant");
    match text(observed, "/decision").as_str() {
        "refused" => format!("  [observed: {grant} would refuse it: {}]", text(observed, "/message")),
        "depends" => format!("  [observed: {grant} would look at objects first]"),
        _ => format!("  [observed: {grant} would allow it]"),
    }
}

/// A change by a person, or what the gateway itself notes.
fn event(entry: &Value, terminal: &Terminal) -> String {
    let text = |pointer: &str| text(entry, pointer);
    let event = text("/event");
    let object = match (text("/what/kind"), text("/what/name")) {
        (kind, name) if kind.is_empty() && name.is_empty() => String::new(),
        (kind, name) => format!("{}/{name}", kind.to_lowercase()),
    };
    let mut line = format!(
        "{}  {}  {}  {}",
        time(entry),
        column("", AGENT),
        terminal.paint(Tone::Warn, &column(&event, VERB)),
        column(&object, OBJECT)
    );
    let mut said = vec![text("/what/change")];
    if let Some(closed) = entry.pointer("/what/closed") {
        let count = |name: &str| closed.get(name).and_then(Value::as_u64).unwrap_or(0);
        said.push(format!("closed {} streams, {} connections", count("streams"), count("connections")));
    }
    match event.as_str() {
        "refused-again" => {
            said.push(format!("{} more from {} ({})", text("/times"), text("/source"), text("/reason")))
        }
        _ => {
            said.push(format!("by {}", text("/by")));
            said.push(text("/reason"));
        }
    }
    let said: Vec<String> = said.iter().filter(|part| !part.is_empty()).map(|part| clean(part)).collect();
    line.push_str("  ");
    line.push_str(&said.join(", "));
    line
}

fn time(entry: &Value) -> String {
    shown(entry.get("time").and_then(Value::as_i64).unwrap_or(0))
}

/// `jobs.batch/status ci/nightly-1`; for what is no resource, the path.
fn object(entry: &Value) -> String {
    let text = |pointer: &str| text(entry, pointer);
    let mut object = text("/request/resource");
    if object.is_empty() {
        return path(&text("/request/path"), &text("/request/cluster"));
    }
    for (between, pointer) in [('.', "/request/apiGroup"), ('/', "/request/subresource")] {
        let part = text(pointer);
        if !part.is_empty() {
            object.push(between);
            object.push_str(&part);
        }
    }
    let place = match (text("/request/namespace"), text("/request/name")) {
        (namespace, name) if namespace.is_empty() => name,
        (namespace, name) if name.is_empty() => format!("{namespace}/*"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    if !place.is_empty() {
        object.push(' ');
        object.push_str(&place);
    }
    object
}

/// The path on the cluster, once it is known which; till then the path as it came.
fn path(path: &str, cluster: &str) -> String {
    let on_cluster = path.strip_prefix("/clusters/").and_then(|rest| rest.strip_prefix(cluster));
    match on_cluster {
        Some(rest) if !cluster.is_empty() && rest.starts_with('/') => rest.to_owned(),
        Some(_) | None => path.to_owned(),
    }
}

fn rule(entry: &Value) -> String {
    text(entry, "/rule")
}

fn column(text: &str, width: usize) -> String {
    let text = if text.is_empty() { "-".to_owned() } else { clean(text) };
    format!("{text:width$}")
}

fn text(entry: &Value, pointer: &str) -> String {
    match entry.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::terminal::Colour;

    fn line(entry: &Value) -> String {
        let terminal = Terminal::new(Box::new(std::io::sink()), Box::new(std::io::sink()), Colour::No);
        of(entry, &terminal).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_request_is_one_line_and_a_refusal_says_what_the_agent_was_told() {
        let mut entry = json!({"part": "outcome", "time": 0, "milliseconds": 12, "status": 200,
            "rule": "cleaner/see",
            "request": {"agent": "cleanup", "verb": "delete", "apiGroup": "batch", "resource": "jobs",
                "namespace": "ci", "name": "n-1", "method": "DELETE", "path": "/apis"},
            "outcome": {"result": "answered", "status": 200}});
        assert_eq!(
            line(&entry),
            "1970-01-01T00:00:00Z cleanup delete jobs.batch ci/n-1 allowed cleaner/see 200 12ms"
        );
        entry["outcome"] =
            json!({"result": "refused", "reason": "denied", "message": "no\nway", "status": 403});
        entry["rule"] = Value::Null;
        entry["status"] = Value::Null;
        assert_eq!(
            line(&entry),
            "1970-01-01T00:00:00Z cleanup delete jobs.batch ci/n-1 refused - 403 12ms no\\u{a}way"
        );
        entry["outcome"] = json!({"result": "cut", "reason": "agent"});
        assert!(line(&entry).contains("cut (agent) - - 12ms"), "{}", line(&entry));
    }

    #[test]
    fn what_was_not_understood_is_shown_as_it_came() {
        let entry = json!({"part": "outcome", "time": 0,
            "request": {"method": "GET", "path": "/clusters/a/%2e"},
            "outcome": {"result": "refused", "status": 400}});
        assert_eq!(line(&entry), "1970-01-01T00:00:00Z - GET /clusters/a/%2e refused - 400 -");
    }

    #[test]
    fn what_is_no_resource_is_shown_by_its_path_on_the_cluster() {
        assert_eq!(path("/clusters/prod/version", "prod"), "/version");
        for unknown in [path("/clusters/prod/version", ""), path("/clusters/prod/version", "pro")] {
            assert_eq!(unknown, "/clusters/prod/version");
        }
    }

    #[test]
    fn changes_by_people_say_who_and_why() {
        let entry = json!({"part": "event", "time": 0, "event": "suspend", "by": "admin", "reason": "odd",
            "what": {"kind": "agent", "name": "cleanup"}});
        assert_eq!(line(&entry), "1970-01-01T00:00:00Z - suspend agent/cleanup by admin, odd");
        let entry = json!({"part": "event", "time": 0, "event": "refused-again", "times": 4,
            "source": "127.0.0.1", "reason": "no-credential"});
        assert_eq!(
            line(&entry),
            "1970-01-01T00:00:00Z - refused-again - 4 more from 127.0.0.1 (no-credential)"
        );
    }
}
