//! The token of a pod that was deleted, which its signature and its times let count for the rest of its hour.

use std::sync::LazyLock;

use drawbridge_testkit::Gateway;

use super::super::in_pod::Client;
use super::super::in_pod::account::{self, ASKING, Account, TRUSTING};
use super::super::streams::live::Live;
use super::super::world;

/// A gateway whose own user may not review tokens at first.
static UNASKED: LazyLock<Gateway> = LazyLock::new(|| Gateway::start(world().binary(), account::options()));

#[test]
fn where_the_cluster_is_asked_a_deleted_pod_ends_with_its_streams_and_another_goes_on() {
    let account = Account::new(&ASKING, "deleted");
    let (gone, stays) = (account.pod(), account.pod());
    let (token, other) = (account.token_of(&gone), account.token_of(&stays));
    let mut streams: Vec<_> = [&token, &other]
        .map(|token| Live::start(Client::Go.command(&account.inside(token), "hold", "x")))
        .into();
    streams.iter_mut().for_each(|stream| stream.shows("watching"));
    let mut program = Live::start(Client::Python.command(&account.inside(&token), "poll", "x"));
    program.says("\n");
    program.shows("listed");
    account.owner(&["delete", "pod", &gone, "--grace-period=0", "--force"]).ok();
    streams[0].shows("ended");
    let answer = account.until(&token, 401);
    assert_eq!(answer.reason(), "bad-token");
    assert!(answer.message().contains("its pod or its account is gone"), "{}", answer.message());
    program.says("\n");
    program.shows("refused: 401");
    let reached = account.reached().len();
    assert_eq!(account.ask(&token).status, 401);
    assert_eq!(account.reached().len(), reached, "nothing of it reached the cluster");
    assert!(streams[1].runs() && !streams[1].stdout().contains("ended"));
    assert_eq!(account.ask(&other).status, 200);
    let cut = |row: &serde_json::Value| row["outcome"]["reason"] == "instance";
    account.gateway.recorded(&["--agent", &account.name], cut);
}

#[test]
fn where_it_is_not_asked_the_token_counts_until_it_ends() {
    // What the guide says of a cluster without tokenReview. It is here so that it is noticed when it changes.
    let account = Account::new(&TRUSTING, "deleted");
    let pod = account.pod();
    let token = account.token_of(&pod);
    account.owner(&["delete", "pod", &pod, "--grace-period=0", "--force"]).ok();
    assert_eq!(account.ask(&token).status, 200);
}

#[test]
fn while_the_cluster_cannot_be_asked_nobody_is_let_through() {
    let world = world();
    let user = world.name("limited");
    let role = ["create", "rolebinding", &user, "--role=drawbridge-gateway", "-n", "drawbridge-agents"];
    world.admin(&[&role[..], &["--user", &user]].concat()).ok();
    let bind = |role: &str| {
        let name = format!("{user}-{}", role.replace(':', "-"));
        world.admin(&["create", "clusterrolebinding", &name, "--clusterrole", role, "--user", &user]).ok();
    };
    bind("system:service-account-issuer-discovery");
    let gateway = &*UNASKED;
    let kubeconfig = world.cluster().kubeconfig_for(&user, &[]).unwrap();
    gateway.apply(&account::cluster(&kubeconfig.display().to_string(), "{tokenReview: true}")).ok();
    let account = Account::new(gateway, "unasked");
    let token = account.token_of(&account.pod());
    let answer = account.ask(&token);
    assert_eq!((answer.status, answer.reason().as_str()), (503, "not-reviewed"), "{}", answer.message());
    assert!(!answer.message().contains(&account.name));
    assert_eq!(account.reached(), [""; 0]);
    assert!(gateway.log().contains("may not create tokenreviews"), "{}", gateway.log());
    bind("drawbridge-token-review");
    account.until(&token, 200);
}
