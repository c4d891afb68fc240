//! An upgraded connection: bytes both ways, untouched, until both sides are done or the lease is cut. A side
//! that closes its half does not end the other's.

use std::io;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use crate::lease::Lease;
use crate::record::draft::{Entry, Outcome};

/// Bytes in flight each way. Small: a slow reader holds its writer back, not our memory.
const BUFFER: usize = 16 * 1024;

/// Both ends of a connection that changes its protocol.
#[derive(Debug)]
pub struct Tunnel {
    /// The caller's half, there once our 101 was sent.
    pub caller: OnUpgrade,
    /// The cluster's half.
    pub cluster: OnUpgrade,
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
                entry.finish(&Outcome::ClusterGone { message: error.to_string() });
            }
            // The entry's own end sees that it was cut.
            None => drop(entry),
        }
        drop(lease);
    }

    async fn relay(self, counts: &mut [u64; 2]) -> Result<(), End> {
        let caller = self.caller.await.or(Err(End::Caller))?;
        let cluster = self.cluster.await.map_err(|error| End::Cluster(io::Error::other(error)))?;
        let (caller_reads, caller_writes) = split(TokioIo::new(caller));
        let (cluster_reads, cluster_writes) = split(TokioIo::new(cluster));
        let [to_caller, to_cluster] = counts;
        let down = pump(cluster_reads, caller_writes, to_caller);
        let up = pump(caller_reads, cluster_writes, to_cluster);
        // An end of one half waits for the other's; a fault of either ends both.
        tokio::try_join!(
            async { down.await.map_err(|side| side.seen(End::Cluster, |_| End::Caller)) },
            async { up.await.map_err(|side| side.seen(|_| End::Caller, End::Cluster)) },
        )?;
        Ok(())
    }
}

enum End {
    Caller,
    Cluster(io::Error),
}

enum Side {
    Reader(io::Error),
    Writer(io::Error),
}

impl Side {
    fn seen(self, reader: impl Fn(io::Error) -> End, writer: impl Fn(io::Error) -> End) -> End {
        match self {
            Side::Reader(error) => reader(error),
            Side::Writer(error) => writer(error),
        }
    }
}

/// Copies one direction to its end and passes the end on.
async fn pump(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    count: &mut u64,
) -> Result<(), Side> {
    let mut buffer = vec![0_u8; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(read) => read,
            // kubectl ends its tunnels without a close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => {
                shut(&mut to).await;
                return Err(Side::Reader(error));
            }
        };
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            shut(&mut to).await;
            return Ok(());
        };
        to.write_all(bytes).await.map_err(Side::Writer)?;
        *count += read as u64;
        to.flush().await.map_err(Side::Writer)?;
    }
}

async fn shut(to: &mut WriteHalf<TokioIo<Upgraded>>) {
    if let Err(error) = to.shutdown().await {
        tracing::trace!(%error, "the other half was closed already");
    }
}
