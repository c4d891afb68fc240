//! A process that dies takes nothing with it that it has acknowledged.

use crate::children::{GROUP, Other};
use crate::database::{everything_in, on_both};

#[test]
fn kill_9_of_an_appending_process_loses_no_acknowledged_row() {
    on_both(async |database| {
        // The first one creates the schema, the later ones find what the killed one left.
        for groups in [1, 40, 93] {
            let mut other = Other::start("append", &database.location);
            let mut acknowledged = 0;
            for _ in 0..groups {
                acknowledged = other.acknowledged().expect("it appends until it is killed");
            }
            other.kill();
            // What it acknowledged between our last look and its death.
            while let Some(later) = other.acknowledged() {
                acknowledged = later;
            }
            let store = database.open().await;
            let rows = everything_in(&store).await;
            let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            let count = i64::try_from(rows.len()).expect("a count");
            assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "no gap");
            assert!(count >= acknowledged, "{acknowledged} were acknowledged, {count} are there");
            assert_eq!(count % GROUP, 0, "groups are there as a whole or not at all");
            store.close().await;
        }
    });
}

#[test]
fn kill_9_while_the_schema_is_created_leaves_a_database_that_opens() {
    on_both(async |database| {
        for milliseconds in [0, 5, 10, 15, 20, 30, 50, 80] {
            let mut other = Other::start("hold", &database.location);
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            other.kill();
        }
        let store = database.open().await;
        assert!(everything_in(&store).await.is_empty());
    });
}
