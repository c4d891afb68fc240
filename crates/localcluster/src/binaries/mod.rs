//! Where the control plane's programs come from.
//!
//! For each program in turn: the folder in `KUBEBUILDER_ASSETS`, `PATH` (right version only), the user's
//! cache, the publisher's release (with its checksum), and at last a build from Go modules, whose content Go
//! verifies against the embedded `go.sum`.

mod build;
mod cache;
mod program;
mod release;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::process::find_in;
use cache::Cache;
pub use program::Program;
use release::Releases;

/// All programs of a local cluster, ready to run.
#[derive(Debug, Clone)]
pub struct Binaries {
    paths: BTreeMap<Program, PathBuf>,
}

/// Where to look for programs. Tests vary it; everyone else takes [`Search::from_env`].
#[derive(Debug, Clone)]
pub struct Search {
    /// A folder whose programs are taken whatever their version is, as `KUBEBUILDER_ASSETS` names it.
    pub assets: Option<PathBuf>,
    /// The folders of `PATH`. Programs in it are taken when they say the version that is wanted; `go` and
    /// `tar` are looked for in it too.
    pub path: Vec<PathBuf>,
    /// The folder that downloaded and built programs are kept in.
    pub cache: PathBuf,
    /// Base URL of a mirror that has both the Kubernetes and the etcd releases under the paths of the
    /// official hosts. None stands for the official hosts.
    pub release_url: Option<String>,
}

impl Search {
    /// The search that this process's environment asks for.
    ///
    /// # Errors
    /// [`Error::NoCache`] when neither `XDG_CACHE_HOME` nor `HOME` is set.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment; who wants another passes a Search"
    )]
    pub fn from_env() -> Result<Self, Error> {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Self {
            assets: folder("KUBEBUILDER_ASSETS"),
            path: std::env::split_paths(&path).collect(),
            cache: home.ok_or(Error::NoCache)?.join("drawbridge").join("controlplane"),
            release_url: None,
        })
    }

    /// A program that is already here.
    fn present(&self, program: Program) -> Option<PathBuf> {
        self.assets
            .as_ref()
            .and_then(|folder| find_in([folder], program.name()))
            .or_else(|| self.path.iter().find_map(|folder| program.right_version_in(folder)))
            .or_else(|| Cache::new(&self.cache).find(program))
    }
}

impl Binaries {
    /// Finds every program, or downloads or builds it. `progress` is given a line of text now and then; a
    /// first build takes about ten minutes on two cores, later calls milliseconds.
    ///
    /// # Errors
    /// When a program is neither here nor can be downloaded or built.
    pub fn find(progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        Self::search(&Search::from_env()?, progress)
    }

    /// As [`Binaries::find`], with the places to look in given by the caller.
    ///
    /// # Errors
    /// When a program is neither here nor can be downloaded or built.
    pub fn search(search: &Search, progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let mut paths = BTreeMap::new();
        let missing = take_present(search, Program::ALL.to_vec(), &mut paths);
        if missing.is_empty() {
            return Ok(Self { paths });
        }
        let cache = Cache::new(&search.cache);
        let _lock = cache.lock(progress)?;
        // Another process may have got them while this one waited for the lock.
        let missing = take_present(search, missing, &mut paths);
        let missing = download(search, &cache, missing, &mut paths, progress)?;
        let count = missing.len();
        for (index, program) in missing.into_iter().enumerate() {
            let node = paths.get(&Program::Node).map(PathBuf::as_path);
            let place = format!("{} of {count}", index + 1);
            let path = build::build(program, search, &cache, node, &mut |text| {
                progress(&format!("building {program} ({place}): {text}"));
            })?;
            paths.insert(program, path);
        }
        Ok(Self { paths })
    }

    /// Where a program is.
    #[must_use]
    pub fn path(&self, program: Program) -> &Path {
        // Both ways to make Binaries end with every program found, so the empty path is never given out.
        self.paths.get(&program).map_or(Path::new(""), PathBuf::as_path)
    }
}

fn take_present(
    search: &Search,
    wanted: Vec<Program>,
    paths: &mut BTreeMap<Program, PathBuf>,
) -> Vec<Program> {
    let mut missing = Vec::new();
    for program in wanted {
        match search.present(program) {
            Some(path) => drop(paths.insert(program, path)),
            None => missing.push(program),
        }
    }
    missing
}

/// Downloads what is published, and returns what has to be built. The first host that can't be reached ends
/// all downloads: a machine without a network shouldn't wait once per program.
fn download(
    search: &Search,
    cache: &Cache,
    wanted: Vec<Program>,
    paths: &mut BTreeMap<Program, PathBuf>,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Program>, Error> {
    let mut releases = Releases::new(search);
    let mut missing = Vec::new();
    for program in wanted {
        match releases.fetch(program, cache, progress)? {
            Some(path) => drop(paths.insert(program, path)),
            None => missing.push(program),
        }
    }
    Ok(missing)
}
