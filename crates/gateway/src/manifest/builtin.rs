//! Scopes that come with the program. A grant names them as any other; a manifest of the same name takes the
//! built-in one's place.

use std::sync::LazyLock;

use super::{Manifest, Scope, Source, read};

/// Their texts, which are manifests like those that people write.
const TEXTS: [(&str, &str); 6] = [
    ("view", include_str!("builtin/view.yaml")),
    ("logs", include_str!("builtin/logs.yaml")),
    ("job-cleaner", include_str!("builtin/job-cleaner.yaml")),
    ("rollback", include_str!("builtin/rollback.yaml")),
    ("scaler", include_str!("builtin/scaler.yaml")),
    ("restart", include_str!("builtin/restart.yaml")),
];

static SCOPES: LazyLock<Vec<Scope>> = LazyLock::new(|| {
    let sources = TEXTS.map(|(name, text)| Source { file: format!("{name}.yaml"), text: text.to_owned() });
    let manifests = read(&sources).unwrap_or_default();
    let scope = |manifest| match manifest {
        Manifest::Scope(scope) => Some(scope),
        Manifest::Agent(_) | Manifest::Grant(_) | Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => None,
    };
    manifests.into_iter().filter_map(|located| scope(located.into_inner())).collect()
});

/// All of them.
pub fn scopes() -> &'static [Scope] {
    &SCOPES
}

/// One, by its name.
pub fn scope(name: &str) -> Option<&'static Scope> {
    scopes().iter().find(|scope| scope.metadata.name == name)
}

/// The manifest of one, as it is written.
pub fn text(name: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scope_is_a_manifest_of_its_own_name() {
        let names: Vec<_> = scopes().iter().map(|scope| scope.metadata.name.as_str()).collect();
        assert_eq!(names, TEXTS.map(|(name, _)| name));
        assert!(TEXTS.iter().all(|(name, _)| text(name).is_some() && scope(name).is_some()));
    }
}
