//! One agent is cut off while it follows a log and has a command running in a Pod. Meanwhile the others go
//! on.

use std::cell::Cell;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::agents::Agent;
use super::kubectl::Kubectl;
use super::orders;
use super::recall::{Entry, Sought};
use super::scene::{AFTER_THE_CUT, Scene};
use super::step::Came;
use super::stream::{Heard, Stream};

/// A stream that has not said anything, or has not ended, after this long never will.
const PATIENCE: Duration = Duration::from_secs(15);
/// All streams are open for this long before the cut.
const BEFORE: Duration = Duration::from_millis(700);
/// Orders, and changes of the watched Pod, that come after the cut before the scene goes on.
const AFTER: u64 = 8;
const CHANGES_AFTER: u64 = 3;
/// Between two changes of the watched Pod.
const EVERY: Duration = Duration::from_millis(60);

const LOG: &str = "-n shop logs -f orders-0 --tail=1";
const EXEC: &str = "-n shop exec -i orders-0 -- cat";
/// What is typed into it; it comes back, and the exec stays open for more.
const TYPED: &str = "is anyone there?\n";
const WATCH: &str =
    "-n shop get pods -w -o custom-columns=POD:.metadata.name,CHANGE:.metadata.annotations.change";

/// What is open when the cut comes.
struct Open {
    log: Stream,
    exec: Stream,
    other_log: Stream,
    watch: Stream,
}

/// When things happened.
struct Moments {
    /// The call.
    cut: Instant,
    /// Its answer.
    answered: Instant,
    /// The number of the Pod's last change before the cut.
    change: u64,
}

/// Plays it. All the while, the cluster's owner changes the watched Pod: a number that goes up.
pub(super) async fn play(scene: &mut Scene<'_, '_>) -> anyhow::Result<()> {
    let owner = scene.ground.owner();
    let change = Cell::new(0);
    tokio::select! {
        failed = make_changes(&owner, &change) => failed,
        played = cut(scene, &change) => played,
    }
}

async fn make_changes(owner: &Kubectl, change: &Cell<u64>) -> anyhow::Result<()> {
    loop {
        change.set(change.get().saturating_add(1));
        let number = format!("change={}", change.get());
        owner.must(&["-n", "shop", "annotate", "pod", "orders-0", "--overwrite", &number]).await?;
        sleep(EVERY).await;
    }
}

async fn cut(scene: &mut Scene<'_, '_>, change: &Cell<u64>) -> anyhow::Result<()> {
    let triage = scene.enters("log-triage")?;
    let readers = TaskTracker::new();
    let mut open = open(scene, &triage, &readers).await?;
    sleep(BEFORE).await;

    let command = ["suspend", "agent", "log-triage", "--reason", "quickstart"];
    let before = change.get();
    let cut = Instant::now();
    let said = scene.own.run(&command).await?;
    let moments = Moments { cut, answered: Instant::now(), change: before };
    let (log_end, exec_end) = tokio::join!(open.log.ended(PATIENCE), open.exec.ended(PATIENCE));
    scene.stage.command(&command.join(" "), said.trim())?;
    ended(scene, &moments, log_end, exec_end)?;
    recorded(scene, &triage).await?;
    scene.take(&triage, &AFTER_THE_CUT).await?;
    others(scene, &mut open, &moments).await
}

/// Opens all four, one after another, and shows which rule let each one through.
async fn open(scene: &mut Scene<'_, '_>, triage: &Agent, readers: &TaskTracker) -> anyhow::Result<Open> {
    let (rollback, dashboard) = (scene.cast.agent("rollback")?, scene.cast.agent("dashboard")?);
    Ok(Open {
        log: open_one(scene, triage, (LOG, "get", "pods/log"), readers).await?,
        exec: open_one(scene, triage, (EXEC, "create", "pods/exec"), readers).await?,
        other_log: open_one(scene, &rollback, (LOG, "get", "pods/log"), readers).await?,
        watch: open_one(scene, &dashboard, (WATCH, "watch", "pods"), readers).await?,
    })
}

async fn open_one(
    scene: &mut Scene<'_, '_>,
    agent: &Agent,
    (line, verb, resource): (&'static str, &'static str, &'static str),
    readers: &TaskTracker,
) -> anyhow::Result<Stream> {
    let before = Entry::last(scene.own, agent.name).await?;
    let arguments: Vec<&str> = line.split(' ').collect();
    let stream = if line == EXEC {
        let pipe = scene.ground.path("agents/typed")?;
        Stream::open_typing(&agent.kubectl, &arguments, (&pipe, TYPED), readers).await?
    } else {
        Stream::open(&agent.kubectl, &arguments, readers)?
    };
    if !stream.says(PATIENCE, |heard| !heard.is_empty()).await {
        let why = stream.complaint().unwrap_or_else(|| "it said nothing".to_owned());
        bail!("{}'s 'kubectl {line}' did not open: {why}", agent.name);
    }
    let entry = Entry::find(scene.own, agent.name, before, Sought::Begun(verb, resource)).await?;
    scene.opened(agent, line, entry.as_ref())?;
    Ok(stream)
}

/// Both of its streams must have ended.
fn ended(
    scene: &mut Scene<'_, '_>,
    moments: &Moments,
    log: Option<Instant>,
    exec: Option<Instant>,
) -> anyhow::Result<()> {
    let answer = shown(moments.answered.duration_since(moments.cut));
    match (log, exec) {
        (Some(log), Some(exec)) => {
            let both = shown(log.max(exec).saturating_duration_since(moments.cut));
            let what = format!(
                "{answer} from the call to its answer; {both} until both kubectl processes had ended"
            );
            scene.fact(Came::AsSaid, &what)
        }
        (log, exec) => {
            let runs = |end: Option<Instant>, name| if end.is_none() { name } else { "" };
            let still = format!("{} {}", runs(log, "the log"), runs(exec, "the exec"));
            scene.fact(Came::Otherwise, &format!("still running long after the suspension: {}", still.trim()))
        }
    }
}

/// Both of its streams must be in the record as cut.
async fn recorded(scene: &mut Scene<'_, '_>, triage: &Agent) -> anyhow::Result<()> {
    let log = Entry::find(scene.own, triage.name, 0, Sought::Cut("get", "pods/log")).await?;
    let exec = Entry::find(scene.own, triage.name, 0, Sought::Cut("create", "pods/exec")).await?;
    match (log, exec) {
        (Some(_), Some(_)) => scene.fact(Came::AsSaid, "the record has both streams as cut"),
        _ => scene.fact(Came::Otherwise, "the record does not have both streams as cut"),
    }
}

/// The others' streams must have gone on, with nothing missing.
async fn others(scene: &mut Scene<'_, '_>, open: &mut Open, moments: &Moments) -> anyhow::Result<()> {
    let before = numbers(&open.other_log.heard(), orders::number).last().map_or(0, |(_, number)| *number);
    let reaches = |wanted: u64, number: fn(&str) -> Option<u64>| {
        move |heard: &[Heard]| numbers(heard, number).last().is_some_and(|(_, number)| *number >= wanted)
    };
    let wanted = moments.change.saturating_add(CHANGES_AFTER);
    tokio::join!(
        open.other_log.says(PATIENCE, reaches(before.saturating_add(AFTER), orders::number)),
        open.watch.says(PATIENCE, reaches(wanted, changed)),
    );
    let log = Run::of(&numbers(&open.other_log.heard(), orders::number), moments);
    let watch = Run::of(&numbers(&open.watch.heard(), changed), moments);
    let goes_on = |stream: &mut Stream, run: &Run| {
        if stream.runs() && run.is_whole() { Came::AsSaid } else { Came::Otherwise }
    };
    let (log_came, watch_came) = (goes_on(&mut open.other_log, &log), goes_on(&mut open.watch, &watch));
    scene.fact(log_came, &format!("rollback's log went on {}", log.told("order")))?;
    scene.fact(watch_came, &format!("dashboard's watch went on {}", watch.told("change")))
}

/// The number of a change, in a line of the watch.
fn changed(line: &str) -> Option<u64> {
    line.strip_prefix("orders-0 ")?.trim().parse().ok()
}

fn numbers(heard: &[Heard], number: impl Fn(&str) -> Option<u64>) -> Vec<(Instant, u64)> {
    heard.iter().filter_map(|heard| Some((heard.at, number(&heard.line)?))).collect()
}

/// What a stream with numbered lines went through.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    missing: u64,
    /// Lines before the cut, and after its answer.
    before: usize,
    after: usize,
    longest: Duration,
}

impl Run {
    fn of(numbers: &[(Instant, u64)], moments: &Moments) -> Run {
        let mut run = Run {
            first: numbers.first().map_or(0, |(_, number)| *number),
            last: numbers.last().map_or(0, |(_, number)| *number),
            missing: 0,
            before: numbers.iter().filter(|(at, _)| *at < moments.cut).count(),
            after: numbers.iter().filter(|(at, _)| *at > moments.answered).count(),
            longest: Duration::ZERO,
        };
        for pair in numbers.windows(2) {
            let [(earlier, number), (later, next)] = pair else { continue };
            run.missing = run.missing.saturating_add(next.saturating_sub(number.saturating_add(1)));
            run.longest = run.longest.max(later.saturating_duration_since(*earlier));
        }
        run
    }

    fn is_whole(&self) -> bool {
        self.missing == 0 && self.before > 0 && self.after > 0
    }

    fn told(&self, what: &str) -> String {
        let Run { first, last, missing, before, after, longest } = self;
        let gap = match missing {
            0 => "without a gap".to_owned(),
            missing => format!("with {missing} missing"),
        };
        let longest = shown(*longest);
        format!(
            "{gap}: {what} {first} to {last}, {before} before the cut and {after} after it, never more \
             than {longest} apart"
        )
    }
}

fn shown(time: Duration) -> String {
    match time.as_millis() {
        0..10 => format!("{:.1} ms", time.as_secs_f64() * 1_000.0),
        _ => format!("{} ms", time.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_shows_and_so_does_a_stream_that_stopped() {
        let start = Instant::now();
        let at = |millis: u64, number: u64| (start + Duration::from_millis(millis), number);
        let moments = Moments {
            cut: start + Duration::from_millis(10),
            answered: start + Duration::from_millis(20),
            change: 0,
        };
        let whole = Run::of(&[at(0, 4), at(5, 5), at(30, 6)], &moments);
        assert!(whole.is_whole());
        assert_eq!(whole.longest, Duration::from_millis(25));
        let gap = Run::of(&[at(0, 4), at(30, 6)], &moments);
        assert_eq!(gap.missing, 1);
        assert!(!gap.is_whole());
        assert!(!Run::of(&[at(0, 4), at(5, 5)], &moments).is_whole());
        assert!(!Run::of(&[], &moments).is_whole());
    }

    #[test]
    fn a_change_is_read_from_a_line_of_the_watch() {
        assert_eq!(changed("orders-0                    17"), Some(17));
        assert_eq!(changed("orders-0                    <none>"), None);
        assert_eq!(changed("orders-1                    17"), None);
        assert_eq!(orders::number("2026-01-01T00:00:00Z order 12 accepted"), Some(12));
    }
}
