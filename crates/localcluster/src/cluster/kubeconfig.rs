use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;

/// Writes a kubeconfig that holds everything it needs:
/// <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.
pub(super) fn write(path: &Path, server: &str, ca: &str, certificate: &str, key: &str) -> Result<(), Error> {
    let text = format!(
        "apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: {server}
    certificate-authority-data: {}
users:
- name: local
  user:
    client-certificate-data: {}
    client-key-data: {}
contexts:
- name: local
  context:
    cluster: local
    user: local
    namespace: default
current-context: local
",
        STANDARD.encode(ca),
        STANDARD.encode(certificate),
        STANDARD.encode(key),
    );
    write_private(path, &text)
}

/// Writes a file that only its owner may read, replacing an earlier one.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("created", folder))?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::file("written", path))
}
