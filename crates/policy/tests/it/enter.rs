//! Conditions on exec, attach, log and port-forward.

use drawbridge_policy::attributes::Line;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Effect, Fact, Facts, HeldScope, Lists, Live, Millis, Needs,
    Payload, Permit, Reach, Reason, RuleSpec, Rules, Scope, Terms, decide,
};
use serde_json::{Value, json};

const GROUPS: [&str; 3] = ["", "pods.example.com", "subresources.kubevirt.io"];

const POD: &str = "/api/v1/namespaces/a/pods/p";

fn rule(name: &str, effect: Effect, resources: &[&str], when: &str) -> RuleSpec {
    let verb = if resources.contains(&"pods/log") { "get" } else { "create" };
    RuleSpec {
        name: name.to_owned(),
        effect,
        verbs: vec![verb.to_owned()],
        api_groups: GROUPS.map(str::to_owned).to_vec(),
        resources: resources.iter().map(|text| (*text).to_owned()).collect(),
        resource_names: Vec::new(),
        non_resource_urls: Vec::new(),
        acknowledge: vec!["exec".to_owned()],
        terms: Terms { when: Some(when.to_owned()).filter(|when| !when.is_empty()), ..Terms::none() },
    }
}

fn allow(resource: &str, when: &str) -> RuleSpec {
    rule("allow", Effect::Allow, &[resource], when)
}

fn rules(specs: Vec<RuleSpec>) -> Rules {
    let rules = specs.into_iter().map(|spec| spec.check().unwrap()).collect();
    let scope = Scope::new("s", rules).into();
    Rules::new(vec![HeldScope {
        grant: "g".to_owned(),
        until: None,
        namespaces: Reach::Everywhere,
        scope,
        lists: Lists::Refused,
    }])
}

fn case(path: &str, query: &str) -> Case {
    let attributes = Attributes::parse(Line { method: "GET", path, query: Some(query) }).unwrap();
    Case::new(AgentName::parse("x").unwrap(), attributes, Payload::none()).unwrap()
}

fn pod() -> Facts {
    let object: Value = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "p", "namespace": "a", "uid": "u", "labels": { "enter": "yes" } },
        "status": { "phase": "Failed" },
    });
    Facts::none().and(Fact::Live(Live::Present {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        object,
    }))
}

#[track_caller]
fn ask(specs: Vec<RuleSpec>, subresource: &str, query: &str) -> Result<Permit, Reason> {
    match decide(case(&format!("{POD}/{subresource}"), query), &rules(specs), &pod(), Millis(1)) {
        Decision::Permit(permit) => Ok(permit),
        Decision::Deny(denial, _) => Err(denial.reason()),
        other => panic!("{other:?}"),
    }
}

const LABELLED: &str = "oldObject.metadata.labels.enter == 'yes'";

#[test]
fn a_condition_on_the_command_takes_that_command_and_no_other() {
    let when = format!("object.command == ['cat', '/log'] && !object.tty && {LABELLED}");
    let asked = |query: &str| ask(vec![allow("pods/exec", &when)], "exec", query).map(drop);
    for good in [
        "command=cat&command=/log",
        "stdout=1&command=cat&tty=false&command=%2Flog",
        "command=cat&command=/log&tty=0",
    ] {
        assert_eq!(asked(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "command=",
        "command=cat",
        "command=/log&command=cat",
        "command=cat&command=/log&command=/secret",
        "command=cat&command=/log&command=",
        "command=&command=cat&command=/log",
        "command=cat%20/log",
        "command=cat+/log",
        "command=cat,/log",
        "command=cat&Command=/log",
        "command=cat&command=/log&tty",
        "command=cat&command=/log&tty=",
        "command=cat&command=/log&tty=True",
        "command=cat&command=/log&tty=off",
        "command=sh&command=-c&command=cat%20/log",
    ] {
        assert_eq!(asked(bad), Err(Reason::Condition), "{bad}");
    }
}

#[test]
fn a_command_of_an_attach_is_nobody_s_command() {
    let both = |when: &str| vec![rule("allow", Effect::Allow, &["pods/exec", "pods/attach"], when)];
    let when = "object.command == ['cat']";
    assert!(ask(both(when), "exec", "command=cat").is_ok());
    assert_eq!(ask(both(when), "attach", "command=cat").unwrap_err(), Reason::Condition);
    let deny = |subresource: &str| {
        let deny = rule("deny", Effect::Deny, &["pods/exec", "pods/attach"], "object.command == ['sh']");
        ask(
            vec![rule("allow", Effect::Allow, &["pods/exec", "pods/attach"], ""), deny],
            subresource,
            "command=cat",
        )
    };
    assert!(deny("exec").is_ok());
    assert_eq!(deny("attach").unwrap_err(), Reason::DenyRule, "what can't be said denies");
}

#[test]
fn what_was_looked_at_must_still_be_there_once_it_is_open() {
    let looked = |resource: &str, subresource: &str, query: &str, when: &str| {
        ask(vec![allow(resource, when)], subresource, query).unwrap().still().map(str::to_owned)
    };
    for (resource, subresource) in [
        ("pods/exec", "exec"),
        ("pods/attach", "attach"),
        ("pods/log", "log"),
        ("pods/portforward", "portforward"),
    ] {
        assert_eq!(looked(resource, subresource, "", LABELLED).as_deref(), Some("u"), "{subresource}");
        assert_eq!(looked(resource, subresource, "", "request.namespace == 'a'"), None, "{subresource}");
    }
    let when = format!("{LABELLED} && object.ports == [80]");
    assert_eq!(looked("pods/portforward", "portforward", "", &when).as_deref(), Some("u"));
}

#[test]
fn logs_are_read_by_the_pod_and_by_their_own_options() {
    let asked = |when: &str, query: &str| ask(vec![allow("pods/log", when)], "log", query).map(drop);
    assert_eq!(asked("oldObject.status.phase == 'Failed'", "follow=true"), Ok(()));
    assert_eq!(asked("oldObject.status.phase == 'Running'", ""), Err(Reason::Condition));
    let bounded = "!object.follow && object.tailLines <= 10";
    assert_eq!(asked(bounded, "tailLines=10"), Ok(()));
    for bad in
        ["", "tailLines=11", "tailLines=10&follow", "tailLines=10&follow=", "tailLines=ten", "TailLines=1"]
    {
        assert_eq!(asked(bounded, bad), Err(Reason::Condition), "{bad}");
    }
}

#[test]
fn options_of_other_apis_are_not_a_pod_s() {
    const OTHERS: [&str; 4] =
        ["pods/exec", "pods/portforward", "services/portforward", "virtualmachineinstances/portforward"];
    let paths = [
        "/apis/subresources.kubevirt.io/v1/namespaces/a/virtualmachineinstances/vm/portforward/80/tcp",
        "/apis/pods.example.com/v1/namespaces/a/pods/p/exec",
        "/api/v1/namespaces/a/pods/p/exec/more",
        "/api/v1/namespaces/a/pods/p/portforward/80",
        "/api/v1/namespaces/a/services/p/portforward",
    ];
    for path in paths {
        for when in ["object.command == ['cat']", "object.ports == [80]", LABELLED] {
            let spec = rule("allow", Effect::Allow, &OTHERS, when);
            let decision = decide(case(path, "command=cat&ports=80"), &rules(vec![spec]), &pod(), Millis(1));
            assert!(matches!(&decision, Decision::Deny(..)), "{path}: {decision:?}");
        }
    }
}

fn forward(specs: Vec<RuleSpec>, query: &str) -> Result<Permit, Reason> {
    ask(specs, "portforward", query)
}

#[track_caller]
fn reaches(permit: &Permit, port: u16) -> bool {
    permit.ports().expect("something to ask").look(port).is_ok()
}

#[test]
fn what_comes_out_of_a_container_of_a_masked_pod_is_no_object() {
    let mut masked = allow("pods", "");
    masked.verbs = vec!["get".to_owned()];
    masked.api_groups = vec![String::new()];
    masked.terms.mask = vec!["spec.containers[*].env[*].value".to_owned()];
    for (resource, subresource) in
        [("pods/exec", "exec"), ("pods/log", "log"), ("pods/portforward", "portforward")]
    {
        let mut enter = allow(resource, "");
        enter.name = "enter".to_owned();
        let permit = ask(vec![masked.clone(), enter], subresource, "").unwrap();
        assert!(permit.screen().is_none(), "{subresource}");
    }
}

#[test]
fn each_port_of_a_port_forward_is_asked_of_the_rule() {
    for when in [
        "object.ports == [8080]",
        "object.ports.all(p, p == 8080)",
        "object.ports.exists(p, p == 8080)",
        "8080 in object.ports",
        "object.ports[0] == 8080",
        "has(object.ports) && size(object.ports) == 1 && object.ports[0] == 8080",
        "has( object.ports ) && object.ports == [8080]",
        "object != null && object.ports == [8080]",
    ] {
        let when = format!("{LABELLED} && {when}");
        let permit = forward(vec![allow("pods/portforward", &when)], "").unwrap();
        assert!(reaches(&permit, 8080), "{when}");
        for port in [0, 1, 80, 8079, 8081, 65_535] {
            assert!(!reaches(&permit, port), "{when}: {port}");
        }
        let denial = permit.ports().unwrap().look(22).unwrap_err();
        assert_eq!(denial.reason(), Reason::Condition);
        assert!(denial.message().contains("port was 22"), "{}", denial.message());
    }
}

#[test]
fn ports_in_the_query_are_decided_at_once() {
    let asked = |query: &str| {
        let permit = forward(vec![allow("pods/portforward", "object.ports.exists(p, p == 80)")], query)?;
        Ok(permit.ports().unwrap().are_named())
    };
    assert_eq!(asked(""), Ok(false));
    assert_eq!(asked("ports=80"), Ok(true));
    assert_eq!(asked("ports=80&ports=80"), Ok(true));
    for bad in ["ports=22", "ports=80&ports=22", "ports=80,22", "ports=22,80"] {
        assert_eq!(asked(bad), Err(Reason::Condition), "{bad}");
    }
    for bad in ["ports=", "ports=080", "ports=80,", "ports=0", "ports=80&ports=x"] {
        assert_eq!(asked(bad), Err(Reason::Unsupported), "{bad}");
    }
}

#[test]
fn a_port_forward_that_no_port_could_save_is_refused_at_once() {
    let when = "oldObject.metadata.labels.enter == 'no' && object.ports == [80]";
    assert_eq!(forward(vec![allow("pods/portforward", when)], "").unwrap_err(), Reason::Condition);
    let when = "has(oldObject.metadata.annotations) && object.ports == [80]";
    assert_eq!(forward(vec![allow("pods/portforward", when)], "").unwrap_err(), Reason::Condition);
    let when = "object.ports == [80] && request.namespace == 'b'";
    assert_eq!(forward(vec![allow("pods/portforward", when)], "").unwrap_err(), Reason::Condition);
}

#[test]
fn rules_for_different_ports_add_up_and_deny_rules_take_away() {
    let two = vec![
        rule("one", Effect::Allow, &["pods/portforward"], "object.ports == [80]"),
        rule("two", Effect::Allow, &["pods/portforward"], "object.ports == [443]"),
    ];
    let permit = forward(two.clone(), "ports=80&ports=443").unwrap();
    assert!(reaches(&permit, 80) && reaches(&permit, 443) && !reaches(&permit, 22));
    let deny = rule("deny", Effect::Deny, &["pods/portforward"], "object.ports.exists(p, p < 100)");
    let permit = forward([two, vec![deny.clone()]].concat(), "").unwrap();
    assert!(!reaches(&permit, 80) && reaches(&permit, 443));
    let permit = forward(vec![allow("pods/portforward", ""), deny.clone()], "").unwrap();
    assert!(!reaches(&permit, 80) && reaches(&permit, 5000));
    assert_eq!(forward(vec![allow("pods/portforward", ""), deny], "ports=80").unwrap_err(), Reason::DenyRule);
    let unclear = rule("deny", Effect::Deny, &["pods/portforward"], "object.nothing == 1");
    let permit = forward(vec![allow("pods/portforward", ""), unclear], "").unwrap();
    assert!(!reaches(&permit, 5000), "what can't be said denies");
}

#[test]
fn without_a_condition_on_ports_nobody_looks_at_them() {
    let free = [
        vec![allow("pods/portforward", "")],
        vec![allow("pods/portforward", LABELLED)],
        vec![
            allow("pods/portforward", ""),
            rule("b", Effect::Allow, &["pods/portforward"], "object.ports == [1]"),
        ],
    ];
    for specs in free {
        assert!(forward(specs, "").unwrap().ports().is_none());
    }
}

#[test]
fn the_pod_is_read_only_for_a_condition_that_looks_at_it() {
    let needs = |when: &str| {
        let rules = rules(vec![allow("pods/portforward", when)]);
        let decision = decide(case(&format!("{POD}/portforward"), ""), &rules, &Facts::none(), Millis(1));
        matches!(decision, Decision::Needs(Needs::Facts(wanted), _) if wanted.live)
    };
    assert!(!needs("object.ports == [80]"));
    assert!(needs("object.ports == [80] && oldObject.metadata.name == 'p'"));
}
