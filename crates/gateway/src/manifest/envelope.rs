//! What all manifests have around their spec.

use super::located::{Located, Source};
use super::{API_VERSION, Agent, Cluster, Grant, KINDS, Manifest, Metadata, Scope, TrustedIssuer};
use crate::yaml::{self, At, Content, Node, Problems, Report, Shape, closest, shown};

/// What was read of some files, right or wrong.
pub(super) struct Read {
    pub(super) manifests: Vec<Located<Manifest>>,
    /// Kind and name of every manifest, also of those that have problems.
    pub(super) declared: Vec<(&'static str, String)>,
    pub(super) problems: Problems,
    /// The files with nothing in them: no document, and no mistake either.
    pub(super) empty: Vec<String>,
}

pub(super) const SHAPE: Shape = Shape::of(&["apiVersion", "kind", "metadata", "spec"]);

/// Reads all documents of all files.
pub(super) fn read(sources: &[Source]) -> Read {
    let mut read = Read {
        manifests: Vec::new(),
        declared: Vec::new(),
        problems: Problems::default(),
        empty: Vec::new(),
    };
    for source in sources {
        let mut report = Report::new(&source.file);
        let nodes = yaml::parse(&source.text, &mut report);
        if nodes.is_empty() && report.count() == 0 {
            read.empty.push(source.file.clone());
        }
        for node in nodes {
            if let Some(manifest) = document(&node, &mut report, &mut read.declared) {
                read.manifests.push(Located::new(manifest, &source.file, node));
            }
        }
        read.problems.append(report.finish());
    }
    read
}

/// Reads one document. Its kind and name are noted as soon as they are known.
pub(super) fn document(
    node: &Node,
    report: &mut Report,
    declared: &mut Vec<(&'static str, String)>,
) -> Option<Manifest> {
    let root = At::root(node);
    // What it is decides what its fields mean, so that a document of another kind has this one problem only.
    let top = root.top(report)?;
    let kind = kind(&top, report)?;
    let fields = root.fields(SHAPE, report)?;
    let metadata = fields.required("metadata", "the name", report);
    let metadata = metadata.and_then(|at| Metadata::read(&at, kind, report));
    if let Some(metadata) = &metadata {
        declared.push((kind, metadata.name.clone()));
    }
    // The spec is read without a name too, so that its problems are told in the same run.
    let metadata = metadata.unwrap_or_default();
    let spec = fields.required("spec", "what it says", report)?;
    match kind {
        "Agent" => Agent::read(metadata, &spec, report).map(Manifest::Agent),
        "Scope" => Scope::read(metadata, &spec, report).map(Manifest::Scope),
        "Grant" => Grant::read(metadata, &spec, report).map(Manifest::Grant),
        "Cluster" => Cluster::read(metadata, &spec, report).map(Manifest::Cluster),
        _ => TrustedIssuer::read(metadata, &spec, report).map(Manifest::TrustedIssuer),
    }
}

/// The kind, if it is one of ours in our version.
fn kind(top: &yaml::Fields<'_>, report: &mut Report) -> Option<&'static str> {
    let version = top.required("apiVersion", API_VERSION, report);
    let kind = top.required("kind", "one of Agent, Scope, Grant, Cluster and TrustedIssuer", report);
    if let Some(role) = kind.as_ref().and_then(rbac) {
        // Its version is as it should be for what it is: one sentence says all that is to be changed.
        kind?.wrong(report, &becomes_a_scope(role));
        return None;
    }
    if let Some(at) = version
        && let Some(text) = at.text(report)
        && text != API_VERSION
    {
        at.wrong(report, &format!("expected {API_VERSION}, found {}", shown(text)));
    }
    let at = kind?;
    let text = at.text(report)?;
    let known = KINDS.iter().copied().find(|known| *known == text);
    if known.is_none() {
        at.wrong(report, &unknown(text));
    }
    known
}

/// The kind, if it is one of RBAC's that has rules.
fn rbac(kind: &At<'_>) -> Option<&'static str> {
    let Content::Scalar(scalar) = &kind.node().content else { return None };
    ["ClusterRole", "Role"].into_iter().find(|role| *role == scalar.text)
}

fn becomes_a_scope(role: &str) -> String {
    format!(
        "a {role} is a Scope once three lines are changed: \"apiVersion: {API_VERSION}\", \"kind: Scope\", \
         and a line \"spec:\" above \"rules:\", which with all of its lines goes two spaces to the right; \
         'drawbridge import --cluster-role-file FILE' prints it so, and says what would be lost"
    )
}

fn unknown(kind: &str) -> String {
    let name = shown(kind);
    match (kind, closest(kind, KINDS.iter().copied())) {
        ("List", _) => {
            "a List isn't read; write its items one after another, with --- between them".to_owned()
        }
        (_, Some(meant)) => format!("unknown kind {name}; did you mean {meant}?"),
        (_, None) => format!("unknown kind {name}; the kinds are {}", KINDS.join(", ")),
    }
}
