//! Errors of the Kubernetes library in words of our own: some of theirs quote what they read, and that is a
//! credential.

use kube::client::AuthError;
use kube::config::KubeconfigError;
use thiserror::Error;

/// What went wrong, without anything that was read.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unspoken(String);

impl Unspoken {
    /// Of preparing connections.
    pub(crate) fn of_client(error: kube::Error) -> Unspoken {
        match error {
            kube::Error::Auth(error) => Unspoken::of_auth(&error),
            other => Unspoken(other.to_string()),
        }
    }

    /// Of renewing a credential.
    pub(crate) fn of_layer(error: tower::BoxError) -> Unspoken {
        match error.downcast::<AuthError>() {
            Ok(error) => Unspoken::of_auth(&error),
            Err(error) => match error.downcast::<kube::Error>() {
                Ok(error) => Unspoken::of_client(*error),
                Err(_) => Unspoken("it can't be renewed".to_owned()),
            },
        }
    }

    /// Of reading a kubeconfig.
    pub(crate) fn of_file(error: KubeconfigError) -> Unspoken {
        match error {
            KubeconfigError::Parse(error) => Unspoken(match error.location() {
                Some(place) => format!("line {} is not what a kubeconfig has there", place.line()),
                None => "it isn't a kubeconfig".to_owned(),
            }),
            other => Unspoken(other.to_string()),
        }
    }

    fn of_auth(error: &AuthError) -> Unspoken {
        Unspoken(match error {
            AuthError::AuthExecRun { out, .. } => format!("the credential plugin ended with {}", out.status),
            AuthError::AuthExecParse(_) => "the credential plugin printed no ExecCredential".to_owned(),
            AuthError::AuthExecStart(error) => format!("the credential plugin can't be started: {error}"),
            AuthError::ParseTokenKey(_) => "the credential plugin's output can't be read".to_owned(),
            other => other.to_string(),
        })
    }
}
