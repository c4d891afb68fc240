//! exec, attach, port-forward, logs and cp, over WebSocket and over SPDY.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::support::{CLUSTER, PROTOCOLS, eventually, kubectl, over, pod, processes_of, succeed, with_input};

fn write_log(pod: &str, text: &str) {
    let log = CLUSTER.log_file("default", pod, pod);
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::OpenOptions::new().create(true).append(true).open(log).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Ends a command when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn exec_passes_on_exit_codes_and_the_end_of_input() {
    let pod = pod("exec");
    for (name, websockets) in PROTOCOLS {
        let exit = over(websockets, &["exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
        let output = with_input(exit, b"");
        assert_eq!(output.status.code(), Some(7), "{name}");
        assert_eq!(output.stdout, b"out\n", "{name}");
        assert!(output.stderr.starts_with(b"err\n"), "{name}");
        let output = with_input(over(websockets, &["exec", "-i", pod, "--", "cat"]), b"hi\n");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"hi\n".as_slice()), "{name}");
        let output = with_input(over(websockets, &["exec", pod, "--", "no-such-program"]), b"");
        assert_eq!(output.status.code(), Some(127), "{name}");
        let output = with_input(over(websockets, &["exec", pod, "--", "sh", "-c", "kill -9 $$"]), b"");
        assert_eq!(output.status.code(), Some(137), "{name}");
    }
}

#[test]
fn exec_runs_in_the_pods_folder_with_little_environment() {
    let pod = pod("environment");
    let folder = CLUSTER.pod_directory("default", pod);
    assert_eq!(succeed(kubectl(&["exec", pod, "--", "pwd"])).trim(), folder.to_str().unwrap());
    let environment = succeed(kubectl(&["exec", pod, "--", "env"]));
    let mut names: Vec<&str> = environment.lines().map(|line| line.split('=').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "HOSTNAME", "LANG", "PATH"]);
}

#[test]
fn exec_gives_a_terminal_of_the_callers_size() {
    let pod = pod("terminal");
    for (name, websockets) in PROTOCOLS {
        let exec =
            over(websockets, &["exec", "-it", pod, "--", "sh", "-c", "sleep 0.3; test -t 0 && stty size"]);
        let line = std::iter::once(exec.get_program())
            .chain(exec.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect::<Vec<_>>()
            .join(" ");
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &format!("stty rows 33 cols 77; {line}"), "/dev/null"]);
        terminal.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets).stdin(Stdio::null());
        let shown = succeed(terminal);
        assert!(shown.contains("33 77"), "{name}: {shown:?}");
    }
}

#[test]
fn what_exec_started_ends_with_the_callers_connection() {
    let pod = pod("gone");
    let folder = CLUSTER.pod_directory("default", pod);
    for (name, websockets) in PROTOCOLS {
        for interactive in ["-i", "-q"] {
            let script = "sleep 6001 & sleep 6002";
            let mut exec = over(websockets, &["exec", interactive, pod, "--", "sh", "-c", script]);
            let mut exec = Running(exec.stdin(Stdio::piped()).spawn().unwrap());
            eventually("the command runs", || processes_of(&folder).len() == 3);
            exec.0.kill().unwrap();
            eventually(&format!("{name} {interactive}: the command ends"), || {
                processes_of(&folder).is_empty()
            });
        }
    }
}

#[test]
fn attach_greets_and_echoes_until_the_end_of_input() {
    let pod = pod("attach");
    for (name, websockets) in PROTOCOLS {
        let output = with_input(over(websockets, &["attach", "-i", pod]), b"one\ntwo\n");
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(output.stdout, b"attached to attach/attach\none\ntwo\n", "{name}");
    }
}

#[test]
fn logs_are_the_lines_of_a_file() {
    let pod = pod("logs");
    assert_eq!(succeed(kubectl(&["logs", pod])), "");
    write_log(pod, "one\ntwo\nthree\n");
    assert_eq!(succeed(kubectl(&["logs", pod])), "one\ntwo\nthree\n");
    assert_eq!(succeed(kubectl(&["logs", pod, "--tail=2"])), "two\nthree\n");
    assert_eq!(succeed(kubectl(&["logs", pod, "--tail=0"])), "");
    assert_eq!(succeed(kubectl(&["logs", pod, "--tail=9"])), "one\ntwo\nthree\n");
    assert_eq!(succeed(kubectl(&["logs", pod, "--limit-bytes=5"])), "one\nt");
    let stamped = succeed(kubectl(&["logs", pod, "--timestamps", "--tail=1"]));
    let (time, line) = stamped.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{stamped}");
    assert_eq!(line, "three\n");
}

#[test]
fn a_followed_log_waits_for_its_file_and_goes_on() {
    let pod = pod("follow");
    let mut follow = Running(kubectl(&["logs", "-f", pod]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(follow.0.stdout.take().unwrap()).lines();
    std::thread::sleep(std::time::Duration::from_millis(300));
    write_log(pod, "first\n");
    assert_eq!(lines.next().unwrap().unwrap(), "first");
    write_log(pod, "second\nthird\n");
    assert_eq!(lines.next().unwrap().unwrap(), "second");
    assert_eq!(lines.next().unwrap().unwrap(), "third");
}

#[test]
fn cp_carries_megabytes_both_ways() {
    let pod = pod("cp");
    let work = tempfile::tempdir().unwrap();
    let original: Vec<u8> =
        (0..8_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(work.path().join("original"), &original).unwrap();
    for (name, websockets) in PROTOCOLS {
        let there = format!("{pod}:copy-{name}");
        let mut to = over(websockets, &["cp", "original", &there]);
        to.current_dir(work.path());
        succeed(to);
        let copy = CLUSTER.pod_directory("default", pod).join(format!("copy-{name}"));
        assert!(fs::read(&copy).unwrap() == original, "{name}: what arrived in the pod is something else");
        let mut back = over(websockets, &["cp", &there, "back"]);
        back.current_dir(work.path());
        succeed(back);
        assert!(
            fs::read(work.path().join("back")).unwrap() == original,
            "{name}: what came back is something else"
        );
    }
}

#[test]
fn port_forward_reaches_a_port_of_this_machine() {
    let pod = pod("forward");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Answers only when it has everything, so a half-close has to arrive.
    let server = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut all = String::new();
            stream.read_to_string(&mut all).unwrap();
            write!(stream, "got {all}").unwrap();
        }
    };
    std::thread::Builder::new().spawn(server).unwrap();
    for (name, websockets) in PROTOCOLS {
        let mut command = over(websockets, &["port-forward", &format!("pod/{pod}"), &format!(":{port}")]);
        let mut forward = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        // Kept open: kubectl also says when it handles a connection.
        let mut said = BufReader::new(forward.0.stdout.take().unwrap()).lines();
        let line = said.next().unwrap().unwrap();
        let local: u16 = line.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "got hello", "{name}");
    }
}
