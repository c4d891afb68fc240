use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};
use ureq::tls::{RootCerts, TlsConfig};

use super::Search;
use super::cache::Cache;
use super::program::Program;
use crate::error::Error;
use crate::process::find_in;

/// Long enough for any network that could carry 100 MB programs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Ends a download that has stalled without ending one that is merely slow.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// More than any of the programs has; a broken mirror shouldn't fill the disk.
const LARGEST: u64 = 512 << 20;

/// The publishers' releases, or a mirror of them.
pub(super) struct Releases {
    agent: ureq::Agent,
    kubernetes: String,
    github: String,
    tar: Option<PathBuf>,
    unreachable: bool,
}

/// A published file and how to check it.
struct Published {
    url: String,
    checksum_url: String,
    algorithm: &'static Algorithm,
    /// The file's name in a list of checksums; a bare checksum stands alone.
    file: String,
    /// The member of the archive that is the program, when the file is an archive.
    member: Option<String>,
}

/// Why a download came to nothing. Never an error for the caller, who goes on with the next way.
enum Failure {
    Unreachable(String),
    Refused(String),
    Broken(Error),
}

impl Releases {
    pub(super) fn new(search: &Search) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(DOWNLOAD_TIMEOUT))
            .build();
        let base = |official: &str| search.release_url.clone().unwrap_or_else(|| official.to_owned());
        Self {
            agent: config.new_agent(),
            kubernetes: base("https://dl.k8s.io"),
            github: base("https://github.com"),
            tar: find_in(&search.path, "tar"),
            unreachable: false,
        }
    }

    /// Downloads a program into the cache. None when it isn't published for this machine, can't be reached
    /// or isn't what its publisher says it should be; a line to `progress` tells which.
    pub(super) fn fetch(
        &mut self,
        program: Program,
        cache: &Cache,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<PathBuf>, Error> {
        let Some(published) = self.published(program) else { return Ok(None) };
        if self.unreachable {
            return Ok(None);
        }
        progress(&format!("downloading {program} from {}", published.url));
        let scratch = cache.scratch(program)?;
        match self.fetch_to(&published, &scratch) {
            Ok(()) => cache.keep(program, &scratch).map(Some),
            Err(Failure::Broken(error)) => Err(error),
            Err(Failure::Unreachable(reason)) => {
                self.unreachable = true;
                progress(&format!("no downloads: {reason}"));
                Ok(None)
            }
            Err(Failure::Refused(reason)) => {
                progress(&format!("{program} is not taken from its release: {reason}"));
                Ok(None)
            }
        }
    }

    fn published(&self, program: Program) -> Option<Published> {
        let arch = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => "amd64",
            ("linux", "aarch64") => "arm64",
            _ => return None,
        };
        match program {
            // Nobody publishes the node program, and kwok's releases carry no checksums: both are built,
            // which go.sum vouches for.
            Program::Node | Program::Kwok => None,
            Program::Etcd => {
                let base = format!("{}/etcd-io/etcd/releases/download/v3.7.3", self.github);
                let stem = format!("etcd-v3.7.3-linux-{arch}");
                Some(Published {
                    url: format!("{base}/{stem}.tar.gz"),
                    checksum_url: format!("{base}/SHA256SUMS"),
                    algorithm: &SHA256,
                    file: format!("{stem}.tar.gz"),
                    member: Some(format!("{stem}/etcd")),
                })
            }
            Program::KubeApiserver
            | Program::KubeControllerManager
            | Program::KubeScheduler
            | Program::Kubectl => {
                let url = format!("{}/release/v1.37.2/bin/linux/{arch}/{program}", self.kubernetes);
                Some(Published {
                    checksum_url: format!("{url}.sha512"),
                    url,
                    algorithm: &SHA512,
                    file: program.name().to_owned(),
                    member: None,
                })
            }
        }
    }

    /// The program at `scratch`, if its checksum is right.
    fn fetch_to(&self, published: &Published, scratch: &Path) -> Result<(), Failure> {
        let mut list = String::new();
        self.open(&published.checksum_url)?
            .take(1 << 20)
            .read_to_string(&mut list)
            .map_err(|error| Failure::Refused(format!("its checksum could not be read: {error}")))?;
        let wanted = checksum_in(&list, &published.file)
            .ok_or_else(|| Failure::Refused(format!("{} has no checksum for it", published.checksum_url)))?;
        let found = copy(&mut self.open(&published.url)?, scratch, published.algorithm)?;
        if found != wanted {
            fs::remove_file(scratch).map_err(Error::file("removed", scratch)).map_err(Failure::Broken)?;
            return Err(Failure::Refused(format!("its checksum is {found} and should be {wanted}")));
        }
        match &published.member {
            Some(member) => self.unpack(scratch, member),
            None => Ok(()),
        }
    }

    fn open(&self, url: &str) -> Result<impl Read + use<>, Failure> {
        match self.agent.get(url).call() {
            Ok(response) => Ok(response.into_body().into_with_config().limit(LARGEST).reader()),
            Err(ureq::Error::StatusCode(status)) => Err(Failure::Refused(format!("{url} answered {status}"))),
            Err(error) => Err(Failure::Unreachable(format!("{url} can't be reached ({error})"))),
        }
    }

    /// Replaces a tar.gz archive by one of its members.
    fn unpack(&self, archive: &Path, member: &str) -> Result<(), Failure> {
        let Some(tar) = &self.tar else {
            return Err(Failure::Refused("there is no `tar` on PATH to unpack it".to_owned()));
        };
        let unpacked = archive.with_extension("unpacked");
        let file =
            File::create(&unpacked).map_err(Error::file("written", &unpacked)).map_err(Failure::Broken)?;
        let status = Command::new(tar)
            .arg("-xzOf")
            .arg(archive)
            .arg(member)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(Failure::Refused(format!("there is no {member} in it")));
        }
        fs::rename(&unpacked, archive).map_err(Error::file("written", archive)).map_err(Failure::Broken)
    }
}

/// Copies a download to a file and returns its checksum in hexadecimal digits.
fn copy(from: &mut impl Read, to: &Path, algorithm: &'static Algorithm) -> Result<String, Failure> {
    let broken = |source| Failure::Broken(Error::File { action: "written", path: to.to_owned(), source });
    let mut file = File::create(to).map_err(broken)?;
    let mut context = Context::new(algorithm);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Refused(format!("the download broke off: {error}"))),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        context.update(chunk);
        file.write_all(chunk).map_err(broken)?;
    }
    Ok(hex(context.finish().as_ref()))
}

/// The checksum of `file`: the word before its name in a list, or the only word of a text that names no
/// file.
fn checksum_in(list: &str, file: &str) -> Option<String> {
    list.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let sum = words.next()?;
            let names_it = words.next().is_none_or(|name| name.trim_start_matches('*') == file);
            names_it.then(|| sum.to_ascii_lowercase())
        })
        .next()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_found_in_a_list_and_alone() {
        let list = "aa11  other.tar.gz\nBB22 *wanted.tar.gz\n";
        assert_eq!(checksum_in(list, "wanted.tar.gz").as_deref(), Some("bb22"));
        assert_eq!(checksum_in("cc33", "wanted").as_deref(), Some("cc33"));
        assert_eq!(checksum_in(list, "absent"), None);
        assert_eq!(checksum_in("", "absent"), None);
    }
}
