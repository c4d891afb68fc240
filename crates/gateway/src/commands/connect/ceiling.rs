//! The ceiling of an owner's choice.

use serde_json::Value;

/// What all agents together may do at most.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ceiling {
    /// A ClusterRole that every cluster has.
    Role(&'static str),
    /// Rules of the owner's own.
    Rules(Value),
    /// Nothing is bound here: the owner binds the group.
    None,
}

const ROLES: [&str; 4] = ["view", "edit", "admin", "cluster-admin"];
/// A file with a role is far smaller.
const LONGEST: u64 = 1024 * 1024;

/// Reads a choice.
pub(super) fn read(text: &str) -> Result<Ceiling, String> {
    if let Some(role) = ROLES.into_iter().find(|role| *role == text) {
        return Ok(Ceiling::Role(role));
    }
    if text == "none" {
        return Ok(Ceiling::None);
    }
    let path = std::path::Path::new(text);
    let size = path.metadata().map(|metadata| metadata.len());
    if size.is_err() && !text.contains(['/', '.']) {
        return Err(format!(
            "{text:?} is no ceiling; there are {}, none, and a file with a ClusterRole",
            ROLES.join(", ")
        ));
    }
    if size.is_ok_and(|size| size > LONGEST) {
        return Err(format!("{text} is too large for a ClusterRole"));
    }
    let content = std::fs::read_to_string(path).map_err(|error| format!("{text} can't be read: {error}"))?;
    rules(&content).ok_or_else(|| format!("{text} has no ClusterRole with rules"))
}

fn rules(text: &str) -> Option<Ceiling> {
    let role: Value = serde_saphyr::from_str(text).ok()?;
    let is_role = role.get("kind").and_then(Value::as_str) == Some("ClusterRole");
    let rules = role.get("rules").filter(|rules| rules.as_array().is_some_and(|rules| !rules.is_empty()))?;
    is_role.then(|| Ceiling::Rules(rules.clone()))
}

impl Ceiling {
    /// What its owner should know.
    pub(super) fn caution(&self) -> Option<&'static str> {
        match self {
            Ceiling::Role("cluster-admin") => {
                Some("with this ceiling the cluster itself stops no agent: the scopes alone hold them")
            }
            Ceiling::Role("edit" | "admin") => Some(
                "this ceiling has Secrets, exec and acting as service accounts in it; scopes give them \
                 only where a rule names them exactly",
            ),
            Ceiling::None => Some(
                "no ceiling is bound: agents may do nothing until you bind the group \
                    system:serviceaccounts:drawbridge-agents",
            ),
            Ceiling::Role(_) | Ceiling::Rules(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_a_known_role_a_file_or_none() {
        assert_eq!(read("view"), Ok(Ceiling::Role("view")));
        assert_eq!(read("none"), Ok(Ceiling::None));
        assert!(read("wiew").unwrap_err().contains("view, edit, admin, cluster-admin"));
        assert!(read("./nowhere.yaml").unwrap_err().contains("can't be read"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("role.yaml");
        let text = path.display().to_string();
        std::fs::write(
            &path,
            "kind: ClusterRole\nrules: [{verbs: [get], apiGroups: [''], resources: [pods]}]",
        )
        .unwrap();
        assert!(matches!(read(&text), Ok(Ceiling::Rules(_))));
        for bad in ["", "kind: Role\nrules: [{}]", "kind: ClusterRole\nrules: []", "a: [", "nonsense"] {
            std::fs::write(&path, bad).unwrap();
            assert!(read(&text).unwrap_err().contains("no ClusterRole"), "{bad}");
        }
    }
}
