//! An OpenID Connect issuer for tests, over HTTPS on 127.0.0.1. It publishes what it is told, breaks as it is
//! told, and counts who asks.

mod https;
mod key;
mod zitadel;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub use https::{Answer, ask};
use https::{Authority, Stream};
pub use key::{SigningKey, hs256, unsigned};
pub use zitadel::Zitadel;

/// What an issuer does instead of answering well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Sends the asker elsewhere: to this address.
    Redirect(String),
    /// Answers with this many bytes of JSON.
    Huge(usize),
    /// Sends one byte and then another now and then, for ever.
    Slow,
    /// Takes the request and says nothing.
    Silent,
    /// Closes the connection in the middle of its answer.
    BreaksOff,
    /// Answers with this status and an otherwise good body.
    Status(u16),
    /// Answers with this body.
    Body(String),
}

/// One of the two things that an issuer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `/.well-known/openid-configuration`.
    Document,
    /// `/keys`.
    Keys,
}

/// A running issuer. It ends when this is dropped.
#[derive(Debug)]
pub struct TestIssuer {
    url: String,
    port: u16,
    directory: tempfile::TempDir,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    authority: Mutex<Arc<Authority>>,
    is: Mutex<Is>,
    over: AtomicBool,
}

/// How the issuer is now.
#[derive(Debug, Default)]
struct Is {
    document: Value,
    keys: Value,
    faults: Vec<(Part, Fault)>,
    /// Takes no connections.
    down: bool,
    heads: Vec<String>,
}

impl State {
    fn now(&self) -> MutexGuard<'_, Is> {
        self.is.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn authority(&self) -> MutexGuard<'_, Arc<Authority>> {
        self.authority.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TestIssuer {
    /// Starts one that publishes these keys.
    pub fn start(keys: &[&SigningKey]) -> TestIssuer {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let authority = Mutex::new(Arc::new(Authority::make(directory.path())));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let url = format!("https://127.0.0.1:{port}");
        let document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let is = Mutex::new(Is { document, ..Is::default() });
        let state = Arc::new(State { authority, is, over: AtomicBool::new(false) });
        let own = state.clone();
        thread::spawn(move || serve(&listener, &own));
        let issuer = TestIssuer { url, port, directory, state };
        issuer.publish(keys);
        issuer
    }

    /// Exactly what its tokens have in `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that signed its certificate, PEM.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Serves with a certificate of another authority from now on, which is in the same file.
    pub fn change_authority(&self) {
        *self.state.authority() = Arc::new(Authority::make(self.directory.path()));
    }

    /// Publishes these keys, and no others any more.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.publish_json(json!({ "keys": keys }));
    }

    /// Publishes any set of keys.
    pub fn publish_json(&self, set: Value) {
        self.state.now().keys = set;
    }

    /// Sets a field of its description; null takes it away.
    pub fn describe(&self, name: &str, value: Value) {
        let mut is = self.state.now();
        let document = is.document.as_object_mut().expect("an object");
        match value {
            Value::Null => document.remove(name),
            value => document.insert(name.to_owned(), value),
        };
    }

    /// Breaks one part until [`TestIssuer::mend`].
    pub fn break_part(&self, part: Part, fault: Fault) {
        self.state.now().faults.push((part, fault));
    }

    /// Answers well again, and takes connections.
    pub fn mend(&self) {
        let mut is = self.state.now();
        is.faults.clear();
        is.down = false;
    }

    /// Closes every connection as soon as it comes.
    pub fn go_down(&self) {
        self.state.now().down = true;
    }

    /// The paths that were asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        self.state.now().heads.iter().map(|head| path(head).to_owned()).collect()
    }

    /// The heads of the requests that came, in order.
    pub fn heads(&self) -> Vec<String> {
        self.state.now().heads.clone()
    }

    /// Plain claims for `audience`, good from now for ten minutes.
    pub fn claims(&self, subject: &str, audience: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        json!({ "iss": self.url, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 600 })
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes the one who waits for connections.
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(listener: &TcpListener, state: &Arc<State>) {
    while let Ok((tcp, _)) = listener.accept() {
        if state.over.load(Ordering::SeqCst) {
            return;
        }
        if state.now().down {
            continue;
        }
        let state = state.clone();
        thread::spawn(move || {
            // Who goes away in the middle is not this one's fault.
            let authority = state.authority().clone();
            if let Ok((stream, head)) = authority.accept(tcp) {
                drop(answer(stream, &head, &state));
            }
        });
    }
}

/// The path of a request, with its query.
fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn answer(mut stream: Stream, head: &str, state: &State) -> std::io::Result<()> {
    let (part, good) = {
        let mut is = state.now();
        is.heads.push(head.to_owned());
        match path(head).split('?').next().unwrap_or_default() {
            "/.well-known/openid-configuration" => (Part::Document, is.document.to_string()),
            "/keys" => (Part::Keys, is.keys.to_string()),
            _ => return reply(&mut stream, 404, "", "{}"),
        }
    };
    let fault = state.now().faults.iter().find(|(broken, _)| *broken == part).map(|(_, fault)| fault.clone());
    match fault {
        None => reply(&mut stream, 200, "", &good),
        Some(Fault::Redirect(to)) => reply(&mut stream, 302, &format!("location: {to}\r\n"), ""),
        Some(Fault::Status(status)) => reply(&mut stream, status, "", &good),
        Some(Fault::Body(body)) => reply(&mut stream, 200, "", &body),
        Some(Fault::Huge(bytes)) => {
            // Good JSON, so that its length is all that is wrong with it.
            let padded = format!("{}{}", " ".repeat(bytes.saturating_sub(good.len())), good);
            reply(&mut stream, 200, "", &padded)
        }
        Some(Fault::BreaksOff) => {
            let half = &good[..good.len() / 2];
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", good.len())?;
            stream.flush()
        }
        Some(Fault::Slow) => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", good.len() + 1_000_000)?;
            drip(&mut stream, state)
        }
        Some(Fault::Silent) => {
            while !state.over.load(Ordering::SeqCst) && stream.is_there() {
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
    }
}

fn drip(stream: &mut Stream, state: &State) -> std::io::Result<()> {
    while !state.over.load(Ordering::SeqCst) {
        stream.write_all(b" ")?;
        stream.flush()?;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn reply(stream: &mut Stream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.close()
}

/// The path of a certificate's file in `directory`.
fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(name)
}
