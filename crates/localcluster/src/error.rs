use std::path::PathBuf;

/// Why a local cluster could not be had. Each message is one sentence that says what was wrong and what
/// would help; the cause, where there is one, is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The user's cache folder can't be told from the environment.
    #[error("there is no place for the control plane's binaries: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// Something must be built and there is no Go.
    #[error(
        "{program} has to be built and there is no `go` on PATH: install Go 1.26 or newer \
         (https://go.dev/dl), or point KUBEBUILDER_ASSETS at a folder that has {program}"
    )]
    NoGo {
        /// The program that is missing.
        program: &'static str,
    },
    /// `go build` has failed.
    #[error(
        "{program} could not be built from its Go modules; `go build` said (all of it is in {}): {tail}",
        log.display()
    )]
    Build {
        /// The program that was built.
        program: &'static str,
        /// The complete output.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// A file operation has failed.
    #[error("{} could not be {action}: check its permissions and the free space", path.display())]
    File {
        /// What was tried: "read", "written", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The folder for a new cluster has an earlier one in it.
    #[error(
        "{} has an earlier cluster in it: stop that one if it still runs, and remove the folder",
        directory.display()
    )]
    NotNew {
        /// The folder.
        directory: PathBuf,
    },
    /// A program could not be run at all.
    #[error(
        "{} could not be run: check that it is a program for this machine, or delete it to get it anew",
        program.display()
    )]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A part of the cluster ended, or wasn't ready in time.
    #[error("{component} {happened}; the end of its log ({}) says: {tail}", log.display())]
    NotReady {
        /// The part.
        component: &'static str,
        /// What happened instead.
        happened: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A key or a certificate could not be made.
    #[error("a certificate for the cluster could not be made: user and group names must be plain text")]
    Certificate {
        /// The cause.
        #[source]
        source: rcgen::Error,
    },
    /// The API server answered a request of the start-up in an unexpected way.
    #[error("the API server answered {request} with {status}: {body}")]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The answer.
        body: String,
    },
    /// The API server could not be asked.
    #[error(
        "the API server could not be asked for {request}: see kube-apiserver.log in the cluster's folder"
    )]
    Unreachable {
        /// Method and path.
        request: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// For `map_err` after a file operation.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
