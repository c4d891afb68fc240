//! A wire between a gateway and the API server that the test can cut, and that counts what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use drawbridge_testkit::{Agent, Gateway};

use super::RULES;
use crate::suite::world;

/// A listener whose connections lead to the API server.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    passed: Arc<AtomicU64>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Starts one.
    pub(crate) fn start() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = world().cluster().server().trim_start_matches("https://").to_owned();
        let (passed, open) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Proxy { port, passed: passed.clone(), open: open.clone() };
        thread::spawn(move || {
            for gateway in listener.incoming() {
                let (gateway, cluster) = (gateway.unwrap(), TcpStream::connect(&server).unwrap());
                open.lock().unwrap().extend([gateway.try_clone().unwrap(), cluster.try_clone().unwrap()]);
                let up = (gateway.try_clone().unwrap(), cluster.try_clone().unwrap());
                thread::spawn(move || copy(up.0, up.1, &AtomicU64::new(0)));
                let passed = passed.clone();
                thread::spawn(move || copy(cluster, gateway, &passed));
            }
        });
        proxy
    }

    /// Makes the API server behind this known to a gateway; the answer is the cluster's name there.
    #[track_caller]
    pub(crate) fn join(&self, gateway: &Gateway) -> String {
        let world = world();
        let name = world.name("proxied");
        let manifest = world.cluster_manifest(&name);
        let path = manifest.split("path: ").nth(1).unwrap().split('}').next().unwrap();
        let kubeconfig = std::fs::read_to_string(path).unwrap();
        let here = format!("https://127.0.0.1:{}", self.port);
        assert!(kubeconfig.contains(world.cluster().server()), "{kubeconfig}");
        std::fs::write(path, kubeconfig.replace(world.cluster().server(), &here)).unwrap();
        gateway.apply(&manifest).ok();
        name
    }

    /// An agent that works with pods through this.
    #[track_caller]
    pub(crate) fn agent(&self, gateway: &Gateway, namespace: &str) -> (Agent, String) {
        let (world, cluster) = (world(), self.join(gateway));
        let name = world.name("proxied");
        let agent = Agent::enrol(gateway, &name, &cluster, world.directory(), world.cluster().kubectl());
        world.grant(gateway, &name, RULES, &[namespace], "");
        // The same grant, for this cluster.
        gateway
            .apply(&format!(
                "apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {name}}}\nspec:\n  \
                 agents: [{name}]\n  scopes: [{name}]\n  clusters: [{cluster}]\n  namespaces: [{namespace}]\n"
            ))
            .ok();
        (agent, cluster)
    }

    /// Bytes that came from the cluster so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Ends every connection, as the end of the API server's process would.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            end(&stream, Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
    end(&to, Shutdown::Write);
}

/// It may have ended already.
fn end(stream: &TcpStream, how: Shutdown) {
    drop(stream.shutdown(how));
}
