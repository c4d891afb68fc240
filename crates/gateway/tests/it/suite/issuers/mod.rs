//! Trusted issuers, over real HTTPS: one that breaks as it is told, a real one, and a cluster's own.

mod authorities;
mod cluster;
mod command_line;
mod faults;
mod keys;
mod real;
mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use drawbridge::clock::Clock;
use drawbridge::identity::issuer::{Around, Claims, Expected, Issuer, LONGEST, Oidc, Unverified};
use drawbridge::identity::jwt::{Algorithm, Jwt};
use drawbridge_policy::Millis;
use drawbridge_testkit::issuer::TestIssuer;
use tokio_util::task::TaskTracker;

const AUDIENCE: &str = "https://gate.example:8443";

/// The machine's clock, which a test sets forward.
#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn clock(&self) -> Clock {
        let (time, system) = (self.clone(), Clock::system());
        Clock::new(move || Millis(system.now().0 + time.0.load(Ordering::SeqCst)))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

/// The issuer as a gateway trusts it that was given its authority.
fn trust(issuer: &TestIssuer, time: &Time) -> Issuer {
    trust_at(issuer.url(), issuer.ca(), time)
}

fn trust_at(url: &str, ca: std::path::PathBuf, time: &Time) -> Issuer {
    let algorithms = vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
    let trust = Oidc::new(url, algorithms, Some(ca), LONGEST).unwrap();
    Issuer::oidc("ci", trust, around(time))
}

fn around(time: &Time) -> Around {
    Around { clock: time.clock(), tasks: TaskTracker::new(), metrics: Arc::default() }
}

async fn verify(issuer: &Issuer, token: &str) -> Result<Claims, Unverified> {
    verify_for(issuer, token, AUDIENCE).await
}

/// As of now on the machine's own clock: a test that sets time forward means the issuer's keys.
async fn verify_for(issuer: &Issuer, token: &str, audience: &str) -> Result<Claims, Unverified> {
    let expected = Expected { audience, now: Clock::system().now(), skew: Duration::from_secs(30) };
    issuer.verify(&Jwt::read(token)?, expected).await
}

fn unreachable() -> Unverified {
    Unverified::Unreachable("ci".to_owned())
}
