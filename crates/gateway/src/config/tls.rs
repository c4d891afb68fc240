//! Section `tls`: the serving certificate.

use std::path::{Path, PathBuf};

use crate::yaml::{At, Report, Shape};

/// Where the serving certificate and its key are. Both are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its chain, PEM.
    pub cert_file: PathBuf,
    /// The private key, PEM.
    pub key_file: PathBuf,
}

pub(super) const SHAPE: Shape = Shape::of(&["certFile", "keyFile"]);

pub(super) fn read(at: &At<'_>, directory: &Path, report: &mut Report) -> Option<TlsFiles> {
    let fields = at.fields(SHAPE, report)?;
    let certificate = fields.required("certFile", "the path of the certificate and its chain in PEM", report);
    let key = fields.required("keyFile", "the path of the certificate's private key in PEM", report);
    let cert_file = certificate.and_then(|at| super::path(&at, directory, report));
    let key_file = key.and_then(|at| super::path(&at, directory, report));
    Some(TlsFiles { cert_file: cert_file?, key_file: key_file? })
}
