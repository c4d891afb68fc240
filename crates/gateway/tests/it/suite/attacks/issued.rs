//! A job that an issuer of the test's own vouches for, and tokens for it that no issuer would sign.

use drawbridge_testkit::Event;
use drawbridge_testkit::issuer::{SigningKey, TestIssuer};
use serde_json::Value;

use super::super::wire::Answer;
use super::super::world;
use super::caller::{CONTROL, gateway, namespace, request, say};

/// What the issuer says the job is.
const SUBJECT: &str = "repo:acme/ops:ref:refs/heads/main";

/// An agent that is recognised by an issuer's tokens, with a namespace in which it may read `control`.
pub(super) struct Job {
    /// Who vouches for it.
    pub(super) issuer: TestIssuer,
    agent: String,
    namespace: String,
}

impl Job {
    /// A fresh agent of a fresh issuer that signs with these keys.
    #[track_caller]
    pub(super) fn new(stem: &str, keys: &[&SigningKey]) -> Job {
        Job::of(stem, TestIssuer::start(keys))
    }

    /// A fresh agent of this issuer.
    #[track_caller]
    pub(super) fn of(stem: &str, issuer: TestIssuer) -> Job {
        let (agent, namespace) = (world().name(stem), namespace(stem));
        let manifest = format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: TrustedIssuer\nmetadata: {{name: {agent}}}\n\
             spec: {{oidc: {{url: \"{}\", algorithms: [RS256, ES256, EdDSA], caFile: \"{}\"}}}}\n---\n\
             apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {agent}}}\n\
             spec:\n  owner: tests@example.com\n  purpose: Tests one thing\n  identities:\n\
             \x20 - oidc: {{issuer: {agent}, claims: {{sub: \"{SUBJECT}\"}}}}\n",
            issuer.url(),
            issuer.ca().display()
        );
        gateway().apply(&manifest).ok();
        let rules = "- {name: control, verbs: [get], apiGroups: [''], resources: [configmaps]}";
        world().grant(gateway(), &agent, rules, &[&namespace], "");
        Job { issuer, agent, namespace }
    }

    /// The claims of its good tokens.
    pub(super) fn claims(&self) -> Value {
        self.issuer.claims(SUBJECT, &gateway().url())
    }

    /// Asks for its control with a token.
    #[track_caller]
    pub(super) fn present(&self, token: &str) -> Answer {
        let text = request("GET", CONTROL, &[], "").replace("{token}", token);
        let text = text.replace("{ns}", &self.namespace).replace("{host}", &gateway().address());
        say(text.as_bytes()).expect("an answer")
    }

    /// A token that is refused as no good credential, for a reason with `words` in it.
    #[track_caller]
    pub(super) fn is_refused(&self, token: &str, words: &str) {
        let answer = self.present(token);
        let said = answer.message();
        assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-token"), "{words}: {said}");
        assert!(said.contains(words), "no {words:?} in {said:?}");
        assert!(!said.contains(token) && !gateway().log().contains(token), "the token is told");
    }

    /// A token that nobody can tell about.
    #[track_caller]
    pub(super) fn is_undecided(&self, token: &str) {
        let answer = self.present(token);
        assert_eq!(answer.status, 503, "{}", answer.message());
        assert!(answer.message().contains("can't be asked for its keys"), "{}", answer.message());
    }

    /// A good token comes through, and it is the first and only one that did.
    #[track_caller]
    pub(super) fn alone_comes_through(&self, token: &str) {
        assert_eq!(self.controls().len(), 0);
        let answer = self.present(token);
        assert_eq!(answer.status, 200, "{}", answer.message());
        assert_eq!(self.controls().len(), 1);
    }

    /// The times that its control reached the cluster.
    pub(super) fn controls(&self) -> Vec<Event> {
        let uri = CONTROL.replace("{ns}", &self.namespace);
        let events = world().audit().of_agent(&self.agent);
        events.into_iter().filter(|event| event.uri() == uri).collect()
    }
}
