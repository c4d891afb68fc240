//! Starting and ending: what is kept, and what stands in the way.

use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use super::{Served, cli, config, serve, start};
use crate::clock::Clock;
use crate::commands::admin_file::AdminFile;
use crate::config::TlsFiles;

#[tokio::test]
async fn a_restart_keeps_credential_authority_and_standings() {
    let served = serve().await;
    served.enrol("cleanup").await;
    served.cli(&["suspend", "agent", "cleanup"]).await;
    let path = served.running.admin_file().to_owned();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let data = std::fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    let before = AdminFile::find(Some(&path)).unwrap();
    let Served { dir, running } = served;
    running.shutdown().await.unwrap();

    let running = start(config(dir.path()), Clock::system()).await.unwrap();
    let after = AdminFile::find(Some(&path)).unwrap();
    assert_eq!((before.token, before.ca), (after.token, after.ca));
    let shown = cli(&path, &["get", "agents"]).await.out;
    assert!(shown.contains("suspended"), "{shown}");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let served = serve().await;
    let second = start(config(served.dir.path()), Clock::system()).await.map(|_| ()).unwrap_err();
    let said = format!("{second:#}");
    assert!(said.contains("is in use: stop the other process"), "{said}");
    assert_eq!(served.cli(&["get", "agents"]).await.status, ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_port_in_use_is_named_and_the_data_is_released() {
    let served = serve().await;
    let dir = tempfile::tempdir().unwrap();
    for taken in ["listen", "admin"] {
        let mut config = config(dir.path());
        match taken {
            "listen" => config.listen = served.running.agents(),
            _ => config.admin = served.running.admin(),
        }
        let error = start(config, Clock::system()).await.map(|_| ()).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("another process has this port") && said.contains(taken), "{said}");
    }
    start(config(dir.path()), Clock::system()).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_and_a_missing_certificate_are_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mut missing = config(dir.path());
    let file = |name: &str| dir.path().join(name);
    missing.tls = Some(TlsFiles { cert_file: file("tls.crt"), key_file: file("tls.key") });
    let error = start(missing, Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("tls.crt can't be read: No such file"), "{error:#}");

    std::fs::write(file("data").join("drawbridge.db"), "x".repeat(10_000)).unwrap();
    let error = start(config(dir.path()), Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("is damaged"), "{error:#}");
}

#[tokio::test]
async fn five_mistakes_in_a_config_are_five_lines_and_start_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    std::fs::write(&path, "listen: x\nadmn: 3\nurl: http://x\nlimits: {drain: 1}\ndata: 3\n").unwrap();
    let error = super::super::unread(crate::config::Config::read(&path).unwrap_err());
    let wrong = error.downcast_ref::<crate::commands::failure::Wrong>().unwrap();
    assert_eq!(wrong.problems.len(), 5, "{:?}", wrong.problems);
    assert_eq!(wrong.message, "the config has 5 problems; nothing was started");
    assert!(!dir.path().join("drawbridge-data").exists());
}
