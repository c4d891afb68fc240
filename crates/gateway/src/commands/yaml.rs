//! Manifests and kubeconfigs as YAML.

use anyhow::Context;
use serde_json::Value;

/// One document.
pub(super) fn document(value: &Value) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(value).context("this can't be written as YAML")?;
    Ok(if text.ends_with('\n') { text } else { format!("{text}\n") })
}

/// Several documents in one file.
pub(super) fn documents(values: &[Value]) -> anyhow::Result<String> {
    let documents = values.iter().map(document).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(documents.join("---\n"))
}
