//! What there is to ask for: what a kube-apiserver serves, and a few resources of custom definitions.

const DISCOVERY: &str = include_str!("../../corpus/discovery.txt");

/// Custom resources: with subresources, whole-cluster, with a long group, and named like something else.
const CUSTOM: &str = "\
example.com/v1 widgets namespaced create,delete,deletecollection,get,list,patch,update,watch
example.com/v1 widgets/status namespaced get,patch,update
example.com/v1 widgets/scale namespaced get,patch,update
example.com/v1alpha1 gadgets cluster create,delete,deletecollection,get,list,patch,update,watch
a.very.long.group-name.of-some.company.example.org/v2beta3 x namespaced delete,get,list,watch
example.com/v1 secrets namespaced create,get,list,watch
example.com/v1 namespaces cluster get,list
aggregated.example.com/v1 things/exec namespaced create,get
";

/// A resource or a subresource that is served.
pub(crate) struct Served {
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    pub(crate) prefix: String,
    pub(crate) resource: String,
    /// "" for the resource itself.
    pub(crate) subresource: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
}

pub(crate) fn served() -> Vec<Served> {
    let lines = DISCOVERY.lines().chain(CUSTOM.lines());
    lines.filter(|line| !line.starts_with('#')).map(read).collect()
}

fn read(line: &str) -> Served {
    let words: Vec<&str> = line.split(' ').collect();
    let [group_version, kind, scope, verbs] = words[..] else { panic!("{line} is no line of discovery.txt") };
    let prefix = if group_version.contains('/') { "apis" } else { "api" };
    let (resource, subresource) = kind.split_once('/').unwrap_or((kind, ""));
    Served {
        prefix: format!("/{prefix}/{group_version}"),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespaced: scope == "namespaced",
        verbs: verbs.split(',').map(str::to_owned).collect(),
    }
}

impl Served {
    /// The path of an object (its subresource's, if this is one), of a collection, or of a collection
    /// over all namespaces.
    pub(crate) fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = self.prefix.clone();
        if let (true, Some(namespace)) = (self.namespaced, namespace) {
            path += &format!("/namespaces/{namespace}");
        }
        path += &format!("/{}", self.resource);
        if let Some(name) = name {
            path += &format!("/{name}");
            if !self.subresource.is_empty() {
                path += &format!("/{}", self.subresource);
            }
        }
        path
    }
}
