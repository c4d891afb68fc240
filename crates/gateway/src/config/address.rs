//! `listen` and `admin`: an IP address and a port.

use std::net::SocketAddr;

use crate::yaml::{At, Report, shown};

/// Reads `127.0.0.1:8443` or `[::1]:8443`. Names are refused: which of a name's addresses is meant would
/// depend on the resolver.
pub(super) fn read(at: &At<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = at.text(report)?;
    let address = text.parse().ok();
    if address.is_none() {
        let found = shown(text);
        at.wrong(
            report,
            &format!("expected an IP address and a port such as 127.0.0.1:8443 or [::1]:8443, found {found}"),
        );
    }
    address
}
