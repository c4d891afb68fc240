//! What is to be seen of the gateway itself.

use super::url;
use super::{Finding, Notes, Severity, ends};
use crate::admin::Admin;
use crate::telemetry::{Failed, Metrics};

/// Less free disk than this is said.
const LITTLE: u64 = 1 << 30;
/// With less than this the record stops soon, and every request with it.
const ALMOST_NONE: u64 = 100 << 20;

/// Looks at it.
pub(super) async fn look(admin: &Admin) -> Vec<Finding> {
    let mut notes = Notes::about("gateway");
    let now = admin.gate.clock.now().0 / 1_000;
    record(admin, &mut notes);
    disk(admin, &mut notes);
    errands(admin.gate.record.metrics(), &mut notes);
    if let Some(life) = admin.ca.as_ref().and_then(|pem| ends::certificate(pem.as_bytes())) {
        ends::tell("authority", "the gateway's own certificate authority", life, now, &mut notes);
    }
    url::look(admin, now, &mut notes).await;
    notes.finish()
}

fn record(admin: &Admin, notes: &mut Notes) {
    let (taken, all) = admin.gate.record.places();
    if admin.gate.record.is_failing() {
        let todo = "look into the gateway's log for why: disk full, or the database gone?";
        let seen = "it takes no writes, so that every request is refused";
        return notes.add(Severity::Problem, "record", seen, todo);
    }
    if taken > all / 10 * 8 {
        let todo = "raise limits.requests, or look for an agent with very many open requests";
        return notes.add(
            Severity::Warning,
            "record",
            format!("{taken} of its {all} places are taken"),
            todo,
        );
    }
    notes.ok("record", "it takes writes");
}

/// The counters say that something failed, not when: what is wrong now is found at clusters and issuers.
fn errands(metrics: &Metrics, notes: &mut Notes) {
    const CHECK: &str = "own calls";
    let failed = metrics.failed();
    if failed.is_empty() {
        return notes.ok(CHECK, "none to a cluster or an issuer has failed since the start");
    }
    for Failed { kind, failed, done } in failed {
        let all = failed.saturating_add(done);
        let seen = format!("{failed} of {all} of the kind {} failed since the start", kind.as_str());
        let severity = if done == 0 { Severity::Warning } else { Severity::Note };
        let todo = "see what is found about clusters and issuers, and the gateway's log for each of them";
        notes.add(severity, CHECK, seen, todo);
    }
}

fn disk(admin: &Admin, notes: &mut Notes) {
    let data = admin.data.display();
    let free = match rustix::fs::statvfs(&admin.data) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            return notes.add(Severity::Warning, "disk", format!("{data} can't be looked at: {error}"), "");
        }
    };
    let seen = format!("{} MiB free in {data}", free >> 20);
    let severity = match free {
        ..ALMOST_NONE => Severity::Problem,
        ALMOST_NONE..LITTLE => Severity::Warning,
        _ => return notes.ok("disk", seen),
    };
    notes.add(severity, "disk", seen, "make room: what can't be recorded is refused");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Called;

    #[tokio::test]
    async fn calls_that_failed_are_told_by_their_kind_and_worse_where_none_went_well() {
        let metrics = Metrics::default();
        let found = |metrics: &Metrics| {
            let mut notes = Notes::about("gateway");
            errands(metrics, &mut notes);
            notes.finish()
        };
        metrics.errand(Called::Keys, async { Ok::<(), ()>(()) }).await.unwrap();
        let [well] = &found(&metrics)[..] else { panic!("one finding") };
        assert_eq!(well.severity, Severity::Ok);
        for kind in [Called::Keys, Called::TokenReview, Called::Document, Called::Keys] {
            metrics.errand(kind, async { Err::<(), ()>(()) }).await.unwrap_err();
        }
        let told: Vec<_> = found(&metrics).into_iter().map(|one| (one.severity, one.seen)).collect();
        let of = |severity, count: &str, kind: &str| {
            (severity, format!("{count} of the kind {kind} failed since the start"))
        };
        let expected = [
            of(Severity::Warning, "1 of 1", "issuer-document"),
            of(Severity::Note, "2 of 3", "issuer-keys"),
            of(Severity::Warning, "1 of 1", "token-review"),
        ];
        assert_eq!(told, expected);
    }
}
