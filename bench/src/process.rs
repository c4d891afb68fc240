//! What the kernel says about a process.

use std::fs;

/// Linux counts CPU time in these: USER_HZ is 100 on every architecture that Rust's std runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time spent so far in user and kernel mode, all threads, in microseconds.
pub fn cpu_micros(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND * 1e6
}

/// Resident memory in KiB.
pub fn resident_kib(pid: u32) -> f64 {
    field(pid, "VmRSS:")
}

/// The most resident memory it ever had, in KiB.
pub fn peak_kib(pid: u32) -> f64 {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of memory");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

/// How many files this process may open.
pub fn most_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("our own limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a line");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX)
}
