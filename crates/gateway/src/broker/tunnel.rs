//! An upgraded connection: bytes both ways, untouched, until both sides are done or the lease is cut. A side
//! that closes its half does not end the other's. Where a condition looks at ports, a tap reads the caller's
//! half and says what may pass.

use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use super::tap::{Fault, Tap};
use crate::lease::Lease;
use crate::record::draft::{Entry, Outcome};
use crate::refusal::Refusal;

/// Bytes in flight each way. Small: a slow reader holds its writer back, not our memory.
const BUFFER: usize = 16 * 1024;
/// A caller that takes no more has this long to be seen closing in order, in what it had sent before.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A cluster that has said all is done with its half: whatever the caller still sends, nothing will come of
/// it. It has this long to close its own.
const LINGER: Duration = Duration::from_secs(60);

/// Both ends of a connection that changes its protocol.
#[derive(Debug)]
pub struct Tunnel {
    /// The caller's half, there once our 101 was sent.
    pub caller: OnUpgrade,
    /// The cluster's half.
    pub cluster: OnUpgrade,
    /// What reads the caller's half.
    pub tap: Option<Tap>,
}

impl Tunnel {
    /// Relays until the end, then writes the outcome and gives the lease back.
    pub async fn run(self, mut entry: Entry, lease: Lease) {
        let stopped = lease.stopped();
        let mut counts = [0_u64; 2];
        let ended = tokio::select! {
            ended = self.relay(&mut counts) => Some(ended),
            () = stopped => None,
        };
        let [to_caller, to_cluster] = counts;
        entry.traffic().to_caller = to_caller;
        entry.traffic().to_cluster = to_cluster;
        match ended {
            Some(Ok(())) => entry.finish(&Outcome::Answered { status: 101 }),
            Some(Err(End::Caller)) => entry.finish(&Outcome::CallerGone),
            Some(Err(End::Cluster(error))) => {
                entry.finish(&Outcome::ClusterGone { message: error.to_string(), status: None });
            }
            Some(Err(End::Refused(fault))) => entry.refuse(&Refusal::from(fault)),
            // The entry's own end sees that it was cut.
            None => drop(entry),
        }
        drop(lease);
    }

    /// What ends first says how it ended, as far as it can tell.
    async fn relay(self, counts: &mut [u64; 2]) -> Result<(), End> {
        let caller = self.caller.await.or(Err(End::Caller))?;
        let cluster = self.cluster.await.map_err(|error| End::Cluster(io::Error::other(error)))?;
        let (caller_reads, caller_writes) = split(TokioIo::new(caller));
        let (cluster_reads, cluster_writes) = split(TokioIo::new(cluster));
        let [to_caller, to_cluster] = counts;
        let mut down = pin!(pump(cluster_reads, caller_writes, to_caller, None));
        let mut up = pin!(pump(caller_reads, cluster_writes, to_cluster, self.tap));
        tokio::select! {
            ended = down.as_mut() => after_down(ended, up).await,
            ended = up.as_mut() => after_up(ended, down).await,
        }
    }
}

/// The cluster's direction has ended: what that means, and the end of the caller's.
async fn after_down(ended: Ended, up: impl Future<Output = Ended>) -> Result<(), End> {
    match ended {
        // All was said; how the caller's half is closed then doesn't matter.
        Ok(()) => {
            match timeout(LINGER, up).await {
                Ok(Ok(())) => {}
                Ok(Err(Side::Refused(fault))) => return Err(End::Refused(fault)),
                Ok(Err(Side::Reader(_) | Side::Writer)) | Err(_) => {
                    tracing::trace!("the caller's half was not closed in order after the cluster's was");
                }
            }
            Ok(())
        }
        Err(Side::Reader(error)) => Err(End::Cluster(error)),
        // kubectl closes as soon as it knows the exit status, in order but without reading to the end.
        Err(Side::Writer) => match timeout(LAST_WORDS, up).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Side::Refused(fault))) => Err(End::Refused(fault)),
            Ok(Err(Side::Reader(_) | Side::Writer)) | Err(_) => Err(End::Caller),
        },
        // Only the caller's half is read.
        Err(Side::Refused(fault)) => Err(End::Refused(fault)),
    }
}

/// The caller's direction has ended: what that means, and the end of the cluster's.
async fn after_up(ended: Ended, down: impl Future<Output = Ended>) -> Result<(), End> {
    match ended {
        // The caller has said all and may be listening, or may have closed altogether.
        Ok(()) => match down.await {
            Ok(()) | Err(Side::Writer) => Ok(()),
            Err(Side::Reader(error)) => Err(End::Cluster(error)),
            Err(Side::Refused(fault)) => Err(End::Refused(fault)),
        },
        Err(Side::Refused(fault)) => Err(End::Refused(fault)),
        Err(Side::Reader(_)) => Err(End::Caller),
        // A cluster that takes no more may have ended in order, with last words still to be passed on.
        Err(Side::Writer) => match down.await {
            Ok(()) => Ok(()),
            Err(Side::Reader(error)) => Err(End::Cluster(error)),
            Err(Side::Writer) => Err(End::Caller),
            Err(Side::Refused(fault)) => Err(End::Refused(fault)),
        },
    }
}

/// How a tunnel broke off.
enum End {
    Caller,
    Cluster(io::Error),
    /// By us: the caller's half asked for what it may not, or can't be read.
    Refused(Fault),
}

/// Where one direction broke off.
enum Side {
    Reader(io::Error),
    Writer,
    Refused(Fault),
}

type Ended = Result<(), Side>;

/// Copies one direction to its end and passes the end on. The end of a TLS stream is its close_notify: a
/// connection that ends without one was broken off (RFC 8446 §6.1), by a kill or by somebody in between.
async fn pump(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    count: &mut u64,
    mut tap: Option<Tap>,
) -> Ended {
    let mut buffer = vec![0_u8; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(read) => read,
            Err(error) => return Err(Side::Reader(error)),
        };
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            shut(&mut to).await;
            return Ok(());
        };
        match &mut tap {
            None => {
                to.write_all(bytes).await.or(Err(Side::Writer))?;
                *count += read as u64;
            }
            Some(tap) => {
                let passed = tap.read(bytes).map_err(Side::Refused)?;
                to.write_all(&passed).await.or(Err(Side::Writer))?;
                *count += passed.len() as u64;
            }
        }
        to.flush().await.or(Err(Side::Writer))?;
    }
}

async fn shut(to: &mut WriteHalf<TokioIo<Upgraded>>) {
    if let Err(error) = to.shutdown().await {
        tracing::trace!(%error, "the other half was closed already");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_never_closes_is_waited_for_a_minute_and_no_longer() {
        let began = Instant::now();
        assert!(after_down(Ok(()), std::future::pending()).await.is_ok());
        assert_eq!(began.elapsed(), LINGER);
        assert!(after_down(Ok(()), async { Ok(()) }).await.is_ok());
        assert_eq!(began.elapsed(), LINGER, "one that closes is not waited for");
    }
}
