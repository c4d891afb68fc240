//! The server's config: one YAML file, one struct for each section in its own file. Without a file
//! everything has its default: loopback addresses and `./drawbridge-data`. docs/reference/config.md is made
//! from this module.

mod address;
mod bounds;
mod domain;
pub mod limits;
pub(crate) mod quantity;
mod tls;
mod url;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use domain::{Domain, Under};
pub use limits::Limits;
pub use tls::TlsFiles;
pub use url::PublicUrl;

use crate::yaml::{self, At, Fields, MAX_BYTES, Node, Place, Problems, Report, Shape};

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where agents connect: an IP address and a port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where people and the command line connect. It asks for the admin credential on any address.
    pub admin: SocketAddr,
    /// The public address, which agents use and which their credentials must name as their audience. Needed
    /// where `listen` is no address that an agent could use.
    pub url: Option<PublicUrl>,
    /// The domain under which each cluster has a host name, `NAME.DOMAIN`, for callers that can't carry a
    /// path prefix. Without it, clusters have paths only: `/clusters/NAME`. Credentials name `url` on
    /// either way.
    pub domain: Option<Domain>,
    /// The directory that keeps the database, and the generated serving CA where `tls` is left out.
    pub data: PathBuf,
    /// A directory whose manifests are applied at start and whenever they change. What it no longer has is
    /// deleted.
    pub manifests: Option<PathBuf>,
    /// The serving certificate. Where it is left out the gateway makes its own CA and certificate.
    pub tls: Option<TlsFiles>,
    /// How long, how many, how large: every bound there is.
    pub limits: Limits,
}

/// Why there is no config.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the config {} can't be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that isn't right; all of it is listed.
    #[error("{0}")]
    Wrong(Problems),
}

const SHAPE: Shape = Shape {
    known: &["listen", "admin", "url", "domain", "data", "manifests", "tls", "limits"],
    later: &[("record", "where the record is copied to and how long it is kept")],
};

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8444)),
            url: None,
            domain: None,
            data: PathBuf::from("./drawbridge-data"),
            manifests: None,
            tls: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Reads a config file. Relative paths in it start at its directory.
    ///
    /// # Errors
    /// A file that can't be read, and everything that is wrong in it at once.
    pub fn read(file: &Path) -> Result<Config, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
        let mut bytes = Vec::new();
        // One byte more than is read, so that what is too large is told from what just fits.
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        opened.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
        let name = file.display().to_string();
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(ConfigError::Wrong(Problems::of_file(&name, "not UTF-8 text; save it as UTF-8")));
        };
        let directory = file.parent().unwrap_or(Path::new(""));
        Config::parse(&name, &text, directory).map_err(ConfigError::Wrong)
    }

    /// Reads a config's text. `name` is the file in messages, `directory` where relative paths start.
    ///
    /// # Errors
    /// Everything that is wrong in it at once.
    pub fn parse(name: &str, text: &str, directory: &Path) -> Result<Config, Problems> {
        let mut report = Report::new(name);
        let documents = yaml::parse(text, &mut report);
        if let Some(second) = documents.get(1) {
            report.add(second.place, "a config is one YAML document; leave the second one out");
        }
        let mut config = Config { data: directory.join("drawbridge-data"), ..Config::default() };
        if let Some(root) = documents.first() {
            config.fill(root, directory, &mut report);
        }
        report.finish().or(config)
    }

    /// The address that agents use, when the server listens on `bound` (which has the port that 0 became).
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> PublicUrl {
        self.url.clone().unwrap_or_else(|| PublicUrl::of(bound))
    }

    fn fill(&mut self, root: &Node, directory: &Path, report: &mut Report) {
        let Some(fields) = At::root(root).fields(SHAPE, report) else { return };
        address(&fields, "listen", &mut self.listen, report);
        address(&fields, "admin", &mut self.admin, report);
        self.url = fields.optional("url").and_then(|at| url::read(&at, report));
        self.domain = fields.optional("domain").and_then(|at| domain::read(&at, report));
        if let Some(data) = fields.optional("data").and_then(|at| path(&at, directory, report)) {
            self.data = data;
        }
        self.manifests = fields.optional("manifests").and_then(|at| path(&at, directory, report));
        self.tls = fields.optional("tls").and_then(|at| tls::read(&at, directory, report));
        if let Some(at) = fields.optional("limits") {
            bounds::read(&at, &mut self.limits, report);
        }
        self.together(&fields, report);
    }

    /// What is wrong only beside another field.
    fn together(&self, fields: &Fields<'_>, report: &mut Report) {
        if self.listen == self.admin && self.listen.port() != 0 {
            let place = most_specific(fields, "admin", "listen");
            report.add(
                place,
                format!("listen and admin are both {}; give one of them another port", self.listen),
            );
        }
        if self.listen.ip().is_unspecified() && fields.optional("url").is_none() {
            let message = format!(
                "url is missing; {} is every address of the machine, so say which one agents use, \
                 such as https://drawbridge.example.com:8443",
                self.listen.ip()
            );
            report.add(fields.place_of("listen"), message);
        }
        if let (Some(url), Some(domain)) = (&self.url, &self.domain)
            && domain.under(url.host()) != Under::Not
        {
            let message = format!(
                "domain: {}, the host of url, would be a cluster's name under it; take a domain that url isn't \
                 under, such as clusters.{domain}",
                url.host()
            );
            report.add(fields.place_of("domain"), message);
        }
    }
}

fn most_specific(fields: &Fields<'_>, one: &str, other: &str) -> Place {
    if fields.optional(one).is_some() { fields.place_of(one) } else { fields.place_of(other) }
}

fn address(fields: &Fields<'_>, name: &str, into: &mut SocketAddr, report: &mut Report) {
    if let Some(address) = fields.optional(name).and_then(|at| address::read(&at, report)) {
        *into = address;
    }
}

/// A path; a relative one starts at the config's directory, so that the config means the same from anywhere.
fn path(at: &At<'_>, directory: &Path, report: &mut Report) -> Option<PathBuf> {
    let text = at.text(report)?;
    if text.is_empty() || text.contains('\0') {
        at.wrong(report, "expected a path, found an empty text");
        return None;
    }
    Some(directory.join(text))
}
