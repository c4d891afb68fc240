//! `fieldSelector=metadata.name=…` with `resourceNames`: the only way to list or watch one object, and no way
//! to another.

use super::caller::{Caller, config_map, look};

const NAMED: &str = "
- name: named
  verbs: [list, watch, deletecollection]
  apiGroups: ['']
  resources: [configmaps]
  resourceNames: [control]";

#[test]
fn a_selector_leads_to_the_named_object_and_no_other() {
    let caller = Caller::within("field", NAMED);
    config_map(&caller.namespace, "victim");
    let path = "/api/v1/namespaces/{ns}/configmaps";
    for selector in [
        "",
        "metadata.name",
        "metadata.name=victim",
        "metadata.name==victim",
        "metadata.name!=victim",
        "metadata.name!=control",
        "metadata.namespace=control",
        "metadata.name=victim,metadata.name=victim",
        "metadata.name=control\\,victim",
        "metadata.name=Control",
        "metadata.name= control",
        " metadata.name=control",
        "metadata.name=control ",
        "metadata.name=control=",
        "metadata.name=control,x",
        "metadata.name=control/../victim",
        "metadata.name in (control)",
    ] {
        let selector: String = selector.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for more in ["", "&watch=1&timeoutSeconds=1"] {
            let answer = caller.get(&format!("{path}?fieldSelector={selector}{more}"));
            assert!([400, 403].contains(&answer.status), "{selector}: {}", answer.status);
        }
    }
    for query in [
        "fieldSelector=metadata.name%3Dcontrol&labelSelector=%3D",
        "fieldSelector=metadata.name%3Dcontrol&limit=x",
        "FieldSelector=metadata.name%3Dcontrol",
        "field-selector=metadata.name%3Dcontrol",
        "name=control",
        "metadata.name=control",
    ] {
        assert!([400, 403].contains(&caller.get(&format!("{path}?{query}")).status), "{query}");
    }
    // Several requirements of which one names it: whichever the API server takes, all must hold.
    let listed = caller.get(&format!("{path}?fieldSelector=metadata.name%3Dcontrol"));
    let items = listed.json()["items"].as_array().unwrap().clone();
    assert_eq!((items.len(), &items[0]["metadata"]["name"]), (1, &"control".into()));
    let both = caller.get(&format!("{path}?fieldSelector=metadata.name%3Dvictim%2Cmetadata.name%3Dcontrol"));
    if both.status == 200 {
        assert_eq!(both.json()["items"].as_array().map_or(0, Vec::len), 0);
    }
    caller.arrived();
    for event in caller.arrived_events() {
        assert_eq!(event.json()["objectRef"]["name"], "control", "{event:#?}");
    }
}

#[test]
fn a_collection_s_delete_has_no_name_whatever_its_selector_says() {
    let caller = Caller::within("field", NAMED);
    let path = "/api/v1/namespaces/{ns}/configmaps";
    for query in ["?fieldSelector=metadata.name%3Dcontrol", "?fieldSelector=metadata.name%3D%3Dcontrol", ""] {
        assert_eq!(caller.call("DELETE", &format!("{path}{query}"), &[], "").status, 403, "{query}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}
