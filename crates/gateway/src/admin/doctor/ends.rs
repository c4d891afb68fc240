//! When what the gateway shows to a cluster ends.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Kubeconfig};

use super::{Notes, Severity};
use crate::cluster::renew::Life;
use crate::commands::times;
use crate::manifest::ClusterAccess;

const DAY: i64 = 86_400;
/// What ends within this time is said.
const SOON: i64 = 14 * DAY;
/// A token that never lives longer than this is renewed by whoever made it: kubelet, say.
const SHORT: i64 = 2 * DAY;

/// Looks at a cluster's credential. `now` is in seconds.
pub(super) fn look(access: &ClusterAccess, now: i64, notes: &mut Notes) {
    const CHECK: &str = "credential ends";
    match access {
        ClusterAccess::InCluster => notes.ok(CHECK, "Kubernetes renews the Pod's token"),
        ClusterAccess::Server { token_file, renew, .. } => {
            let Some(life) = token(token_file) else {
                return notes.add(
                    Severity::Note,
                    CHECK,
                    "the token says nothing of its end",
                    "a token that never ends is worth most to a thief; 'drawbridge connect' makes one that \
                        renews itself",
                );
            };
            match renew {
                Some(_) => renewed(CHECK, life, now, notes),
                None => tell(CHECK, "the token", life, now, notes),
            }
        }
        ClusterAccess::Kubeconfig { path, context } => match user(path, context.as_deref()) {
            Some(user) => of_user(CHECK, &user, now, notes),
            None => notes.add(Severity::Note, CHECK, "nothing in the kubeconfig says when it ends", ""),
        },
    }
}

fn of_user(check: &str, user: &AuthInfo, now: i64, notes: &mut Notes) {
    let data = user.client_certificate_data.as_ref().and_then(|data| STANDARD.decode(data).ok());
    let file = || user.client_certificate.as_ref().and_then(|path| std::fs::read(path).ok());
    if let Some(life) = data.or_else(file).and_then(|pem| certificate(&pem)) {
        return tell(check, "the client certificate", life, now, notes);
    }
    if let Some(exec) = &user.exec {
        let program = exec.command.as_deref().unwrap_or("the credential plugin");
        return notes.ok(check, format!("{program} renews it"));
    }
    let life = user.token_file.as_ref().and_then(|path| token(Path::new(path)));
    match life {
        Some(life) => tell(check, "the token", life, now, notes),
        None => notes.add(Severity::Note, check, "nothing in the kubeconfig says when it ends", ""),
    }
}

fn renewed(check: &str, life: Life, now: i64, notes: &mut Notes) {
    let left = life.until.saturating_sub(now);
    let all = life.until.saturating_sub(life.from);
    if left < all / 2 {
        let seen = format!("the token should have been renewed by now; it ends {}", when(life.until, now));
        let todo = "look into the gateway's log for why; 'drawbridge connect' makes a new one";
        let severity = if left < DAY.min(all / 4) { Severity::Problem } else { Severity::Warning };
        return notes.add(severity, check, seen, todo);
    }
    notes.ok(
        check,
        format!("the token ends {}, and the gateway renews it long before", when(life.until, now)),
    );
}

/// Says when something ends, and how bad that is.
pub(super) fn tell(check: &str, what: &str, life: Life, now: i64, notes: &mut Notes) {
    let left = life.until.saturating_sub(now);
    let seen = format!("{what} ends {}", when(life.until, now));
    let severity = if left <= 0 {
        return notes.add(
            Severity::Problem,
            check,
            format!("{what} ended {}", times::shown(life.until * 1_000)),
            RENEW,
        );
    } else if life.until.saturating_sub(life.from) <= SHORT {
        return notes.ok(check, format!("{seen}; whoever makes it renews it"));
    } else if left < DAY {
        Severity::Problem
    } else if left < SOON {
        Severity::Warning
    } else {
        return notes.ok(check, seen);
    };
    notes.add(severity, check, seen, RENEW);
}

const RENEW: &str = "renew it; the gateway reads the file again by itself";

fn when(until: i64, now: i64) -> String {
    let left = times::age(until.saturating_sub(now).saturating_mul(1_000));
    format!("in {left} ({})", times::shown(until.saturating_mul(1_000)))
}

fn token(path: &Path) -> Option<Life> {
    Life::of(&std::fs::read_to_string(path).ok()?)
}

/// From when to when the first certificate of a PEM file counts.
pub(super) fn certificate(pem: &[u8]) -> Option<Life> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(Life { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
}

fn user(path: &Path, context: Option<&str>) -> Option<AuthInfo> {
    let file = Kubeconfig::read_from(path).ok()?;
    let context = context.or(file.current_context.as_deref())?;
    let context = file.contexts.iter().find(|one| one.name == context)?.context.as_ref()?;
    let user = context.user.as_deref()?;
    file.auth_infos.iter().find(|one| one.name == user)?.auth_info.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(life: Life, now: i64) -> Severity {
        let mut notes = Notes::about("x");
        tell("ends", "it", life, now, &mut notes);
        notes.finish()[0].severity
    }

    #[test]
    fn what_ends_tonight_is_a_problem_and_what_ends_this_fortnight_a_warning() {
        let year = Life { from: 0, until: 365 * DAY };
        assert_eq!(severity(year, 300 * DAY), Severity::Ok);
        assert_eq!(severity(year, 352 * DAY), Severity::Warning);
        assert_eq!(severity(year, 364 * DAY + 1), Severity::Problem);
        assert_eq!(severity(year, 366 * DAY), Severity::Problem);
        let hour = Life { from: 0, until: 3_600 };
        assert_eq!(severity(hour, 3_000), Severity::Ok);
        assert_eq!(severity(hour, 3_601), Severity::Problem);
    }

    #[test]
    fn a_token_that_should_have_been_renewed_is_told_before_it_ends() {
        let life = Life { from: 0, until: 7 * DAY };
        let seen = |now| {
            let mut notes = Notes::about("x");
            renewed("ends", life, now, &mut notes);
            notes.finish()[0].severity
        };
        assert_eq!(seen(2 * DAY), Severity::Ok);
        assert_eq!(seen(4 * DAY), Severity::Warning);
        assert_eq!(seen(7 * DAY - 10), Severity::Problem);
    }
}
