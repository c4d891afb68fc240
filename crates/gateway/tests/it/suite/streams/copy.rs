//! cp: what arrives is what was sent, both ways.

use std::fs;
use std::time::Instant;

use drawbridge_testkit::run;

use super::pod::Pod;
use super::{RULES, WAYS};
use crate::suite::world;

const SIZE: usize = 50_000_000;

#[test]
fn fifty_megabytes_through_cp_are_the_same_on_the_other_side() {
    let world = world();
    let namespace = world.namespace("copy");
    let (pod, agent) = (Pod::start(&namespace), world.agent("copier", RULES, &[&namespace]));
    let work = tempfile::tempdir().unwrap();
    let original: Vec<u8> = (0..u32::try_from(SIZE / 4).unwrap())
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    fs::write(work.path().join("original"), &original).unwrap();
    for way in WAYS {
        let there = format!("{}:copy-{way:?}", pod.name);
        let cp = |from: &str, to: &str| {
            let started = Instant::now();
            let mut cp = way.kubectl(&agent, &pod, &["cp", "-c", "main", from, to]);
            run(cp.current_dir(work.path()), b"").ok();
            println!("{way:?}: {SIZE} bytes from {from} to {to} in {:?}", started.elapsed());
        };
        cp("original", &there);
        let arrived = fs::read(pod.directory().join(format!("copy-{way:?}"))).unwrap();
        assert!(arrived == original, "{way:?}: what arrived in the pod is something else");
        cp(&there, "back");
        let back = fs::read(work.path().join("back")).unwrap();
        assert!(back == original, "{way:?}: what came back is something else");
        for direction in ["bytesToCluster", "bytesToCaller"] {
            world.gateway().recorded(&["--agent", &agent.name], |row| {
                row["part"] == "outcome"
                    && row["request"]["method"] == way.method()
                    && row["outcome"]["result"] == "answered"
                    && row[direction].as_u64().is_some_and(|bytes| bytes > SIZE as u64)
            });
        }
    }
}
