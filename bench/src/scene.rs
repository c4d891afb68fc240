//! A gateway in front of the fake cluster, and agents on it.

use std::fs;
use std::path::{Path, PathBuf};

use drawbridge_testkit::{Agent, Gateway, Options};
use serde_json::Value;

use crate::caller::Target;
use crate::fake::Fake;

pub struct Scene {
    pub gateway: Gateway,
    pub fake: Fake,
    directory: tempfile::TempDir,
}

impl Scene {
    pub fn start(binary: &Path) -> Scene {
        let directory = tempfile::tempdir().expect("a directory");
        let gateway = Gateway::start(binary, Options::default());
        let fake = Fake::start();
        gateway.apply(&fake.manifest(directory.path())).ok();
        Scene { gateway, fake, directory }
    }

    /// Enrols an agent that may do all there is to do with ConfigMaps, and calls as it.
    pub fn agent(&self, name: &str) -> Target {
        // Nobody runs kubectl here.
        let kubectl = PathBuf::new();
        let agent = Agent::enrol(&self.gateway, name, "local", self.directory.path(), &kubectl);
        let head = "apiVersion: drawbridge.dev/v1alpha1";
        self.gateway
            .apply(&format!(
                "{head}\nkind: Scope\nmetadata: {{name: {name}}}\nspec:\n  rules:\n  \
                 - {{name: all, verbs: [get, watch, create], apiGroups: [\"\"], resources: [configmaps]}}\n---\n\
                 {head}\nkind: Grant\nmetadata: {{name: {name}}}\n\
                 spec: {{agents: [{name}], scopes: [{name}], clusters: [local]}}\n"
            ))
            .ok();
        let ca = fs::read_to_string(self.gateway.ca()).expect("the gateway's CA");
        Target::new(&self.gateway.url(), &ca, Some(agent.certificate())).below("/clusters/local")
    }

    /// The cluster itself, past the gateway.
    pub fn direct(&self) -> Target {
        Target::new(&self.fake.url(), self.fake.ca(), None)
    }

    /// The admin API.
    pub fn people(&self) -> Target {
        let text = fs::read_to_string(self.gateway.data().join("admin.json")).expect("the admin file");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let part = |name: &str| file[name].as_str().expect("a text").to_owned();
        let mut target = Target::new(&part("server"), &part("ca"), None);
        target.bearer = Some(part("token"));
        target
    }
}
