//! The parser against the API server's own `RequestInfo`, on the corpus' lines and on new ones in every run.

use super::corpus;
use super::judge::judge;
use super::lines::{Made, Maker};
use super::oracle::{self, Answer};
use super::random::Random;

/// Lines in a run, and how many of them are asked about at once.
const LINES: usize = 24_000;
const BATCH: usize = 8_000;

/// Where a run starts when nobody says where.
const SEED: u64 = 37;

#[test]
fn the_corpus_is_what_its_generator_and_the_oracle_make() {
    let lines = corpus::lines();
    let corpus = corpus::write(&lines, &ask(&lines));
    if super::variable("UPDATE_CORPUS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/requests.tsv");
        std::fs::write(path, &corpus).expect("the corpus can be written");
        return;
    }
    let different = corpus.lines().zip(corpus::COMMITTED.lines()).find(|(made, committed)| made != committed);
    assert!(
        corpus == corpus::COMMITTED,
        "the corpus is stale: UPDATE_CORPUS=1 cargo test -p drawbridge-policy the_corpus_is; {different:?}"
    );
}

#[test]
fn lines_made_at_random_are_read_as_the_api_server_reads_them_or_refused_for_their_class() {
    let number = |name| super::variable(name).map(|text| text.parse().expect("a number"));
    let seed = number("DRAWBRIDGE_SEED").unwrap_or(SEED);
    let count = number("DRAWBRIDGE_LINES").map_or(LINES, |count| count as usize);
    let maker = Maker::new();
    let mut random = Random::new(seed);
    let mut accepted = 0;
    for start in (0..count).step_by(BATCH) {
        let lines: Vec<Made> = (start..count.min(start + BATCH))
            .map(|at| if at % 3 == 0 { maker.plain(&mut random) } else { maker.hostile(&mut random) })
            .collect();
        let wrong: Vec<String> = lines
            .iter()
            .zip(ask(&lines))
            .filter_map(|(made, answer)| judge(&made.line, made.kind, &answer).err())
            .collect();
        let some: Vec<&String> = wrong.iter().take(10).collect();
        assert!(some.is_empty(), "DRAWBRIDGE_SEED={seed}: {} lines are read wrongly: {some:#?}", wrong.len());
        accepted += lines.iter().filter(|made| super::judge::parse(&made.line).is_ok()).count();
    }
    // A third is plain and all of that is accepted, and so is some of what was tampered with.
    assert!(
        accepted * 5 > count * 2,
        "DRAWBRIDGE_SEED={seed}: only {accepted} of {count} lines are accepted"
    );
}

fn ask(lines: &[Made]) -> Vec<Answer> {
    let lines: Vec<&[u8]> = lines.iter().map(|made| &made.line[..]).collect();
    oracle::ask(&lines)
}
