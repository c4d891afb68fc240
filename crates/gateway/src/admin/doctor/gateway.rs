//! What is to be seen of the gateway itself.

use super::url;
use super::{Finding, Notes, Severity, ends};
use crate::admin::Admin;

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
