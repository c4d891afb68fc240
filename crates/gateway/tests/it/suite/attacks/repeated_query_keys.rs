//! A query key twice: readers differ in which one counts.

use super::caller::{Caller, config_map, look};

const RULES: &str = "
- {name: list, verbs: [list, watch], apiGroups: [''], resources: [configmaps], resourceNames: [control]}
- {name: delete, verbs: [delete], apiGroups: [''], resources: [configmaps]}
- {name: enter, verbs: [create], apiGroups: [''], resources: [pods/exec], acknowledge: [exec]}";

#[test]
fn a_key_that_stands_twice_is_refused_in_every_spelling() {
    let caller = Caller::within("twice", RULES);
    config_map(&caller.namespace, "victim");
    let named = "fieldSelector=metadata.name%3Dcontrol";
    let other = "fieldSelector=metadata.name%3Dvictim";
    let queries = [
        format!("{named}&{other}"),
        format!("{other}&{named}"),
        format!("{named}&%66ieldSelector=metadata.name%3Dvictim"),
        format!("{named}&{named}"),
        format!("{named}&watch=0&watch=1"),
        format!("{named}&limit=1&limit=500"),
        format!("{named}&labelSelector=a&labelSelector="),
        format!("{named}&x&x"),
        format!("{named}&ports=1&ports=2"),
    ];
    for query in queries {
        let answer = caller.get(&format!("/api/v1/namespaces/{{ns}}/configmaps?{query}"));
        assert_eq!((answer.status, answer.reason().as_str()), (400, "query-repeated"), "{query}");
    }
    for query in [format!("{named};{other}"), format!("{named}&"), format!("&&{named}"), format!("{named}&=")]
    {
        let answer = caller.get(&format!("/api/v1/namespaces/{{ns}}/configmaps?{query}"));
        assert_eq!(answer.status, 400, "{query}");
    }
    let listed = caller.get(&format!("/api/v1/namespaces/{{ns}}/configmaps?{named}"));
    assert_eq!(listed.status, 200);
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    let expected = format!("list /api/v1/namespaces/{{ns}}/configmaps?{named}");
    assert_eq!(caller.arrived(), [caller.fill(&expected)]);
}

#[test]
fn options_of_a_delete_that_stand_twice_delete_nothing() {
    let caller = Caller::within("twice", RULES);
    let path = "/api/v1/namespaces/{ns}/configmaps/control";
    for query in [
        "dryRun=All&dryRun=",
        "dryRun=&dryRun=All",
        "dryRun=All&dryRun=All",
        "propagationPolicy=Orphan&propagationPolicy=Foreground",
        "gracePeriodSeconds=0&gracePeriodSeconds=30",
        "dryRun=All&%64ryRun=",
    ] {
        assert_eq!(caller.call("DELETE", &format!("{path}?{query}"), &[], "").status, 400, "{query}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.call("DELETE", &format!("{path}?dryRun=All"), &[], "").status, 200);
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}

#[test]
fn only_the_arguments_of_a_command_may_repeat() {
    let caller = Caller::within("twice", RULES);
    let path = "/api/v1/namespaces/{ns}/pods/none/exec";
    for query in ["container=a&container=b", "command=ls&stdin=0&stdin=1", "command=ls&tty=0&%74ty=1"] {
        assert_eq!(caller.call("POST", &format!("{path}?{query}"), &[], "").status, 400, "{query}");
    }
    caller.call("POST", &format!("{path}?command=ls&command=-l"), &[], "");
    let expected = caller.fill(&format!("create {path}?command=ls&command=-l"));
    assert_eq!(caller.arrived(), [expected]);
}
