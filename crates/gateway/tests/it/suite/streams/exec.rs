//! exec and attach: exit codes, the end of input, standard error on its own, a terminal.

use std::process::Command;

use drawbridge_testkit::{Agent, Run, run};

use super::pod::Pod;
use super::{RULES, WAYS, Way};
use crate::suite::world;

fn pod_and_agent() -> (Pod, Agent) {
    let world = world();
    let namespace = world.namespace("exec");
    (Pod::start(&namespace), world.agent("operator", RULES, &[&namespace]))
}

/// Runs a shell script in the pod, with `input` where it is to have any.
#[track_caller]
fn exec(way: Way, agent: &Agent, pod: &Pod, script: &str, input: Option<&str>) -> Run {
    let interactive = if input.is_some() { "-i" } else { "-q" };
    let arguments = ["exec", interactive, &pod.name, "-c", "main", "--", "sh", "-c", script];
    run(&mut way.kubectl(agent, pod, &arguments), input.unwrap_or("").as_bytes())
}

#[test]
fn exec_ends_as_its_program_ends_and_keeps_its_outputs_apart() {
    let (pod, agent) = pod_and_agent();
    for way in WAYS {
        let run = exec(way, &agent, &pod, "echo out; echo err >&2", None);
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (Some(0), "out\n", "err\n"),
            "{run}"
        );
        let run = exec(way, &agent, &pod, "echo out; echo err >&2; exit 7", None);
        assert_eq!((run.code, run.stdout.as_str()), (Some(7), "out\n"), "{way:?}: {run}");
        assert!(run.stderr.starts_with("err\n"), "{run}");
    }
    for way in WAYS {
        let row = world().gateway().recorded(&["--agent", &agent.name], |row| {
            row["part"] == "outcome"
                && row["request"]["subresource"] == "exec"
                && row["request"]["method"] == way.method()
        });
        assert_eq!(row["outcome"]["result"], "answered", "{row:#}");
        assert_eq!(row["outcome"]["status"], 101, "{row:#}");
        assert_eq!(row["rule"], format!("{}/enter", agent.name), "{row:#}");
        assert!(row["bytesToCaller"].as_u64().unwrap() > 8, "{row:#}");
    }
}

#[test]
fn the_end_of_input_reaches_the_program_and_what_it_says_then_comes_back() {
    let (pod, agent) = pod_and_agent();
    for way in WAYS {
        let run = exec(way, &agent, &pod, "cat", Some("one\ntwo\n"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "one\ntwo\n"), "{way:?}: {run}");
        let run = exec(way, &agent, &pod, "cat; echo done; exit 3", Some("one\n"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), "one\ndone\n"), "{way:?}: {run}");
    }
}

#[test]
fn exec_gives_the_program_a_terminal_of_the_callers_size() {
    let (pod, agent) = pod_and_agent();
    for way in WAYS {
        let script = "sleep 0.3; test -t 0 && stty size; exit 5";
        let exec =
            way.kubectl(&agent, &pod, &["exec", "-it", &pod.name, "-c", "main", "--", "sh", "-c", script]);
        let words = std::iter::once(exec.get_program()).chain(exec.get_args());
        let line: String = words.map(|word| format!("'{}' ", word.to_str().unwrap())).collect();
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &format!("stty rows 33 cols 77; {line}"), "/dev/null"]);
        terminal.envs(exec.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = run(&mut terminal, b"");
        assert!(run.stdout.contains("33 77"), "{way:?}: {run}");
        assert_eq!(run.code, Some(5), "{way:?}: {run}");
    }
}

#[test]
fn attach_carries_input_and_output_to_the_end_of_input() {
    let (pod, agent) = pod_and_agent();
    for way in WAYS {
        let run =
            run(&mut way.kubectl(&agent, &pod, &["attach", "-i", &pod.name, "-c", "main"]), b"one\ntwo\n");
        let greeting = format!("attached to {}/main\none\ntwo\n", pod.name);
        assert_eq!((run.code, &run.stdout), (Some(0), &greeting), "{way:?}: {run}");
        world().gateway().recorded(&["--agent", &agent.name], |row| {
            row["part"] == "outcome"
                && row["request"]["subresource"] == "attach"
                && row["request"]["method"] == way.method()
                && row["outcome"]["result"] == "answered"
        });
    }
}
