//! What a condition sees of an exec, attach, port-forward or log: its options, which stand in the query.
//!
//! Source: the conversions of `url.Values` to `PodExecOptions` and its like
//! (`k8s.io/kubernetes/pkg/apis/core/v1/zz_generated.conversion.go`, 1.37). A key that the API server doesn't
//! read for this subresource isn't there: `command` of an attach is nobody's command.

use serde_json::{Map, Value, json};

use crate::attributes::{Attributes, Query, is_true};

/// What all containers write, unless one stream is asked for.
const ALL_STREAMS: &str = "All";

/// The options. None: of a port-forward, whose streams name the ports ([`super::ports`]).
pub(super) fn read(attributes: &Attributes) -> Option<Value> {
    let query = attributes.query();
    let subresource = attributes.resource()?.subresource();
    let options = match subresource {
        "exec" => {
            let mut options = streams(query);
            let words = query.pairs().filter(|(key, _)| *key == "command").map(|(_, word)| word);
            options.insert("command".to_owned(), words.collect());
            options
        }
        "attach" => streams(query),
        "log" => log(query),
        _ => return None,
    };
    Some(Value::Object(options))
}

/// `PodPortForwardOptions` of these ports.
pub(super) fn of_ports(ports: &[u16]) -> Value {
    json!({ "ports": ports })
}

/// The ports that the query names: over plain WebSocket all there are. One key may hold several, with commas
/// between.
///
/// # Errors
/// One that isn't a port written in one way only (API servers take `0080`, too).
pub(super) fn ports(query: &Query) -> Result<Vec<u16>, &'static str> {
    let named = query.pairs().filter(|(key, _)| *key == "ports");
    named.flat_map(|(_, value)| value.split(',')).map(port).collect()
}

fn port(text: &str) -> Result<u16, &'static str> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let port = text.parse::<u16>().ok().filter(|port| canonical && *port > 0);
    port.ok_or("a port is a number from 1 to 65535, without signs or zeros before it")
}

/// What exec and attach share.
fn streams(query: &Query) -> Map<String, Value> {
    let mut options = flags(query, &["stdin", "stdout", "stderr", "tty"]);
    options.insert("container".to_owned(), json!(query.get("container").unwrap_or_default()));
    options
}

fn log(query: &Query) -> Map<String, Value> {
    let mut options = flags(query, &["follow", "previous", "timestamps", "insecureSkipTLSVerifyBackend"]);
    options.insert("container".to_owned(), json!(query.get("container").unwrap_or_default()));
    options.insert("stream".to_owned(), json!(query.get("stream").unwrap_or(ALL_STREAMS)));
    for number in ["tailLines", "sinceSeconds", "limitBytes"] {
        // The API server refuses what is no number.
        if let Some(value) = query.get(number).and_then(|text| text.parse::<i64>().ok()) {
            options.insert(number.to_owned(), json!(value));
        }
    }
    if let Some(time) = query.get("sinceTime") {
        options.insert("sinceTime".to_owned(), json!(time));
    }
    options
}

fn flags(query: &Query, names: &[&str]) -> Map<String, Value> {
    let flag = |name: &&str| ((*name).to_owned(), json!(query.get(name).is_some_and(is_true)));
    names.iter().map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Line;

    fn of(subresource: &str, query: &str) -> Option<Value> {
        let path = format!("/api/v1/namespaces/a/pods/p/{subresource}");
        read(&Attributes::parse(Line { method: "GET", path: &path, query: Some(query) }).unwrap())
    }

    #[test]
    fn flags_are_read_as_the_api_server_reads_them() {
        for (given, read) in [
            ("tty", true),
            ("tty=", true),
            ("tty=true", true),
            ("tty=TRUE", true),
            ("tty=1", true),
            ("tty=no", true),
            ("tty=00", true),
            ("tty=%20false", true),
            ("tty=0", false),
            ("tty=false", false),
            ("tty=FaLSe", false),
            ("TTY=true", false),
            ("x=tty%3Dtrue", false),
            ("%74ty=true", true),
        ] {
            for subresource in ["exec", "attach"] {
                assert_eq!(of(subresource, given).unwrap()["tty"], read, "{given}");
            }
        }
    }

    #[test]
    fn commands_keep_their_order_and_their_empty_words() {
        let command = |query: &str| of("exec", query).unwrap()["command"].clone();
        assert_eq!(
            command("command=cat&tty=false&command=/a%20b&command=c%2Cd"),
            json!(["cat", "/a b", "c,d"])
        );
        assert_eq!(command("command=-l&command=ls"), json!(["-l", "ls"]));
        assert_eq!(command("command="), json!([""]));
        assert_eq!(command("command"), json!([""]));
        assert_eq!(command("Command=sh"), json!([]));
        assert_eq!(command("command=a&%63ommand=b"), json!(["a", "b"]));
    }

    #[test]
    fn each_subresource_has_its_own_options_and_no_other_s() {
        let everything = "command=sh&container=c&stdin=1&stdout=1&stderr=1&tty=1&follow=1&previous=1\
            &timestamps=1&tailLines=5&sinceSeconds=6&limitBytes=7&sinceTime=2026-01-01T00:00:00Z\
            &stream=Stdout&insecureSkipTLSVerifyBackend=1&ports=80";
        let keys = |subresource: &str| -> Vec<String> {
            of(subresource, everything).unwrap().as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys("exec"), ["command", "container", "stderr", "stdin", "stdout", "tty"]);
        assert_eq!(keys("attach"), ["container", "stderr", "stdin", "stdout", "tty"]);
        assert_eq!(
            keys("log"),
            [
                "container",
                "follow",
                "insecureSkipTLSVerifyBackend",
                "limitBytes",
                "previous",
                "sinceSeconds",
                "sinceTime",
                "stream",
                "tailLines",
                "timestamps"
            ]
        );
        let nothing = of("log", "").unwrap();
        assert_eq!((&nothing["stream"], &nothing["follow"]), (&json!("All"), &json!(false)));
        assert_eq!(nothing.get("tailLines"), None);
        assert_eq!(of("log", "tailLines=x").unwrap().get("tailLines"), None);
    }

    #[test]
    fn ports_are_read_in_one_way_only() {
        let ports = |query: &str| {
            let path = "/api/v1/namespaces/a/pods/p/portforward";
            ports(Attributes::parse(Line { method: "GET", path, query: Some(query) }).unwrap().query()).ok()
        };
        assert_eq!(ports("ports=80"), Some(vec![80]));
        assert_eq!(ports("ports=80&ports=443"), Some(vec![80, 443]));
        assert_eq!(ports("ports=80,443&ports=1"), Some(vec![80, 443, 1]));
        assert_eq!(ports("ports=65535"), Some(vec![65535]));
        assert_eq!(ports(""), Some(Vec::new()));
        for bad in [
            "ports=",
            "ports=0",
            "ports=080",
            "ports=+80",
            "ports=-1",
            "ports=65536",
            "ports=80,",
            "ports=8%2080",
        ] {
            assert_eq!(ports(bad), None, "{bad}");
        }
    }
}
