//! Reads the decision corpus: its head says what its lines mean.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Effect, Fact, Facts, HeldScope, Line, Lists, Live, Millis, NamePattern,
    Payload, Reach, Rule, RuleSpec, Rules, Scope, Terms,
};
use serde_json::{Value, json};

pub(super) enum Expectation {
    Permit(String),
    Deny(String),
    Needs,
}

pub(super) struct Request {
    pub(super) number: usize,
    pub(super) expectation: Expectation,
    pub(super) line: String,
    pub(super) body: Option<(String, String)>,
    pub(super) live: Option<String>,
    pub(super) sends: Option<(Option<String>, String)>,
    pub(super) until: Option<i64>,
    pub(super) pinned: Option<String>,
    pub(super) says: Option<String>,
}

#[derive(Default)]
pub(super) struct Scene {
    pub(super) title: String,
    pub(super) requests: Vec<Request>,
    held: Vec<HeldScope>,
    making: Vec<Rule>,
}

impl Scene {
    pub(super) fn read_all(corpus: &str) -> Vec<Self> {
        let mut scenes: Vec<Self> = Vec::new();
        for (index, line) in corpus.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(title) = line.strip_prefix("== ") {
                scenes.push(Self { title: title.to_owned(), ..Self::default() });
            } else {
                scenes.last_mut().expect("a title first").read(index + 1, line);
            }
        }
        scenes
    }

    pub(super) fn rules(&self) -> Rules {
        Rules::new(self.held.clone())
    }

    fn read(&mut self, number: usize, line: &str) {
        if let Some(detail) = line.strip_prefix("  ") {
            return self.requests.last_mut().expect("a request first").read(detail);
        }
        let (word, rest) = line.split_once(' ').expect("two words");
        match word {
            "allow" => self.making.push(rule(Effect::Allow, rest)),
            "deny" => self.making.push(rule(Effect::Deny, rest)),
            "allow-url" => self.making.push(url_rule(Effect::Allow, rest)),
            "deny-url" => self.making.push(url_rule(Effect::Deny, rest)),
            "grant" => self.grant(rest),
            _ => self.requests.push(Request::new(number, word, rest)),
        }
    }

    fn grant(&mut self, text: &str) {
        let mut words = text.split(' ');
        let grant = words.next().expect("a name").to_owned();
        let (mut namespaces, mut until) = (Reach::everywhere(), None);
        for word in words {
            match word.split_once('=').expect("key=value") {
                ("in", patterns) => {
                    let patterns = patterns.split(',').map(|p| NamePattern::parse(p).expect("a pattern"));
                    namespaces = Reach::namespaces(patterns.collect());
                }
                ("until", time) => until = Some(Millis(time.parse().expect("a time"))),
                other => panic!("{other:?}"),
            }
        }
        let scope = Arc::new(Scope::new(&grant, std::mem::take(&mut self.making)));
        self.held.push(HeldScope { grant, until, namespaces, scope, lists: Lists::Refused });
    }
}

impl Request {
    fn new(number: usize, word: &str, line: &str) -> Self {
        let expectation = match (word.strip_suffix(':'), word.strip_suffix('!')) {
            (Some("needs"), _) => Expectation::Needs,
            (Some(rule), _) => Expectation::Permit(rule.to_owned()),
            (None, Some(reason)) => Expectation::Deny(reason.to_owned()),
            (None, None) => panic!("line {number}: {word}"),
        };
        Self {
            number,
            expectation,
            line: line.to_owned(),
            body: None,
            live: None,
            sends: None,
            until: None,
            pinned: None,
            says: None,
        }
    }

    fn read(&mut self, detail: &str) {
        let (word, rest) = detail.split_once(' ').expect("two words");
        match word {
            "body" => self.body = rest.split_once(' ').map(|(kind, text)| (kind.to_owned(), text.to_owned())),
            "live" => self.live = Some(rest.to_owned()),
            "sends" if rest.starts_with('/') => {
                let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
                self.sends = Some((Some(target.to_owned()), body.to_owned()));
            }
            "sends" => self.sends = Some((None, rest.to_owned())),
            "until" => self.until = Some(rest.parse().expect("a time")),
            "pinned" => self.pinned = Some(rest.to_owned()),
            "says" => self.says = Some(rest.to_owned()),
            other => panic!("line {}: {other}", self.number),
        }
    }

    pub(super) fn case(&self) -> Case {
        let payload = match &self.body {
            None => Payload::none(),
            Some((kind, text)) => {
                let kind = Some(kind.as_str()).filter(|kind| *kind != "-");
                Payload::new(kind, Bytes::copy_from_slice(text.as_bytes()))
            }
        };
        let agent = AgentName::parse("cleanup").expect("a name");
        let case = Case::new(agent, attributes(&self.line), payload);
        case.unwrap_or_else(|fault| panic!("line {}: {fault}", self.number))
    }

    pub(super) fn facts(&self) -> Facts {
        let Some(live) = &self.live else { return Facts::none() };
        let mut words = live.splitn(3, ' ');
        Facts::none().and(Fact::Live(match (words.next(), words.next(), words.next()) {
            (Some("absent"), ..) => Live::Absent,
            (Some("unseen"), ..) => Live::Unseen,
            (Some("present"), Some(uid), Some(owners)) => {
                Live::Present { uid: uid.to_owned(), resource_version: "1".to_owned(), object: owned(owners) }
            }
            other => panic!("line {}: {other:?}", self.number),
        }))
    }
}

fn owned(owners: &str) -> Value {
    json!({ "metadata": { "ownerReferences": serde_json::from_str::<Value>(owners).expect("JSON") } })
}

pub(super) fn attributes(line: &str) -> Attributes {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let read = Attributes::parse(Line { method, path, query });
    read.unwrap_or_else(|refused| panic!("{line}: {refused}"))
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(',').map(|word| if word == "core" { String::new() } else { word.to_owned() }).collect()
}

fn rule(effect: Effect, text: &str) -> Rule {
    let [name, verbs, groups, resources, rest @ ..] = &text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let names = rest.first().map(|names| words(names.strip_prefix("names=").expect("names=")));
    let spec = RuleSpec {
        name: (*name).to_owned(),
        effect,
        verbs: words(verbs),
        api_groups: words(groups),
        resources: words(resources),
        resource_names: names.unwrap_or_default(),
        non_resource_urls: Vec::new(),
        acknowledge: Vec::new(),
        terms: Terms::none(),
    };
    spec.check().unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn url_rule(effect: Effect, text: &str) -> Rule {
    let [name, verbs, urls] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let spec = RuleSpec {
        name: name.to_owned(),
        effect,
        verbs: words(verbs),
        api_groups: Vec::new(),
        resources: Vec::new(),
        resource_names: Vec::new(),
        non_resource_urls: words(urls),
        acknowledge: Vec::new(),
        terms: Terms::none(),
    };
    spec.check().unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}
