//! nginx as a plain proxy, TLS on both ends: what a hop costs that decides and records nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use drawbridge_localcluster::LocalCluster;

use crate::caller::Target;
use crate::fake::Authority;

/// One process with one worker; it ends when this is dropped.
pub struct Nginx {
    child: Child,
    pub target: Target,
}

impl Nginx {
    /// Starts it in front of the cluster with this client certificate. None where it isn't installed.
    pub fn start(cluster: &LocalCluster, identity: &(String, String), directory: &Path) -> Option<Nginx> {
        Command::new("nginx").arg("-v").stderr(Stdio::null()).status().ok()?;
        let authority = Authority::new();
        let (certificate, key) = authority.serving();
        for (name, text) in [
            ("serving.pem", &certificate),
            ("serving.key", &key),
            ("user.pem", &identity.0),
            ("user.key", &identity.1),
        ] {
            fs::write(directory.join(name), text).expect("a file");
        }
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let config = directory.join("nginx.conf");
        let text = include_str!("nginx.conf")
            .replace("DIRECTORY", &directory.display().to_string())
            .replace("PORT", &port.to_string())
            .replace("CLUSTER", cluster.server().trim_start_matches("https://"));
        fs::write(&config, text).expect("a file");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(directory).arg("-c").arg(&config).arg("-e").arg(directory.join("nginx.log"));
        let child = command.spawn().expect("nginx starts");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "nginx does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
        let target = Target::new(&format!("https://127.0.0.1:{port}"), authority.pem(), None);
        Some(Nginx { child, target })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().expect("a child can be ended");
        self.child.wait().expect("a child can be waited for");
    }
}
