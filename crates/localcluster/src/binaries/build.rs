use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Search;
use super::cache::Cache;
use super::program::Program;
use crate::clock::{Stopwatch, wait_until};
use crate::error::Error;
use crate::process::{Supervised, find_in, log_tail};

/// How often a build says that it is still going on.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Ends a build when this process ends, for which the node program's supervisor isn't there yet: the shell's
/// standard input ends with this process, and the shell leads the group of what it runs. `read` is the
/// shell's own, so that nothing has to be found for it.
const WATCHED: &str = r#"exec 3<&0; "$@" </dev/null 3<&- & build=$!; (read -r _ <&3; kill -9 0) & watch=$!
    wait $build; status=$?; kill -9 $watch; exit $status"#;

/// Builds a program from its pinned Go modules into the cache. The caller holds the cache's lock. The build
/// ends when this process does: under the supervisor in `node` or, while there is none, under a shell.
pub(super) fn build(
    program: Program,
    search: &Search,
    cache: &Cache,
    node: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, Error> {
    let go = find_in(&search.path, "go").ok_or(Error::NoGo { program: program.name() })?;
    let (folder, log) = cache.build_folder(program)?;
    for (name, content) in program.module().files {
        let path = folder.join(name);
        fs::write(&path, content).map_err(Error::file("written", path))?;
    }
    let scratch = cache.scratch(program)?;
    let mut command = Command::new(go);
    command
        .current_dir(&folder)
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            program.module().ldflags,
            "-o",
        ])
        .arg(&scratch)
        .arg(program.package())
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off");
    progress("from its Go modules");
    let watch = Stopwatch::start();
    let succeeded = match node {
        Some(node) => supervised(&command, node, &log, &watch, progress)?,
        None => alone(&command, &log, &watch, progress)?,
    };
    if !succeeded {
        return Err(Error::Build { program: program.name(), tail: log_tail(&log), log });
    }
    progress(&format!("done after {} s", watch.elapsed().as_secs()));
    cache.keep(program, &scratch)
}

fn supervised(
    command: &Command,
    node: &Path,
    log: &Path,
    watch: &Stopwatch,
    progress: &mut dyn FnMut(&str),
) -> Result<bool, Error> {
    let mut build = Supervised::start(node, "go build", command, log, None)?;
    Ok(wait(watch, progress, || build.ended()))
}

fn alone(
    command: &Command,
    log: &Path,
    watch: &Stopwatch,
    progress: &mut dyn FnMut(&str),
) -> Result<bool, Error> {
    let output = fs::File::create(log).map_err(Error::file("written", log))?;
    let errors = output.try_clone().map_err(Error::file("written", log))?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", WATCHED, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let mut build = shell
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|source| Error::Run { program: command.get_program().into(), source })?;
    let _lifeline = build.stdin.take();
    Ok(wait(watch, progress, || build.try_wait().ok().flatten()))
}

fn wait(
    watch: &Stopwatch,
    progress: &mut dyn FnMut(&str),
    mut ended: impl FnMut() -> Option<std::process::ExitStatus>,
) -> bool {
    let mut status = None;
    loop {
        let over = wait_until(PROGRESS_INTERVAL, Duration::from_millis(100), || {
            status = ended();
            Ok::<_, std::convert::Infallible>(status.is_some())
        });
        if matches!(over, Ok(true)) {
            return status.is_some_and(|status| status.success());
        }
        progress(&format!("{} s so far", watch.elapsed().as_secs()));
    }
}
