//! The holders, shared among threads; what they found, put together.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::holder::Holder;
use super::random::Random;
use super::tally::Tally;

/// What was compared for one holder, and the differences that may not be.
pub(super) type Found = (Tally, Vec<String>);

/// How many differences are shown.
const SHOWN: usize = 5;

/// Compares all holders, several at a time, each with chance of its own. Fails if there is a difference that
/// may not be.
#[track_caller]
pub(super) fn share<F>(holders: &[Holder], threads: usize, seed: u64, compare: F) -> Tally
where
    F: Fn(&Holder, &mut Random) -> Found + Sync,
{
    println!("DRAWBRIDGE_SEED={seed}");
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Tally::default(), Vec::new()));
    let work = || {
        while let Some((part, holder)) = take(holders, &next) {
            let (tally, wrong) = compare(holder, &mut Random::part(!seed, part));
            let mut found = found.lock().unwrap();
            found.0.add(tally);
            found.1.extend(wrong);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (tally, wrong) = found.into_inner().unwrap();
    println!("{tally:#?}");
    let few = wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} differences with DRAWBRIDGE_SEED={seed}:\n{few}", wrong.len());
    tally
}

fn take<'a>(holders: &'a [Holder], next: &AtomicUsize) -> Option<(usize, &'a Holder)> {
    let part = next.fetch_add(1, Ordering::Relaxed);
    holders.get(part).map(|holder| (part, holder))
}
