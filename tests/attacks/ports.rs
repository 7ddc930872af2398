//! Clients from any pod that hold connections and say nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use iot_test_harness::{PATIENCE, until};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::session::attacks;
use crate::world::World;

attacks!(Shared {
    idle_clients_of_the_metrics_do_not_stop_probes,
    idle_clients_of_the_probes_do_not_stop_probes,
});

/// Connections at a time.
const IDLE: usize = 200;
/// Probes in a row that a kubelet must see fail before it ends a container.
const FAILURES: usize = 3;

/// Connections that are opened again whenever they are closed, until this is dropped.
struct Idle {
    go_on: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
}

impl Idle {
    fn start(address: SocketAddr) -> Self {
        let idle = Self { go_on: Arc::new(AtomicBool::new(true)), opened: Arc::default() };
        for _ in 0..IDLE {
            let (go_on, opened) = (Arc::clone(&idle.go_on), Arc::clone(&idle.opened));
            tokio::spawn(async move {
                while go_on.load(Ordering::Relaxed) {
                    let Ok(mut stream) = connect(address).await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    opened.fetch_add(1, Ordering::Relaxed);
                    // Until the server has enough of it.
                    let _ = stream.read(&mut [0]).await;
                }
            });
        }
        idle
    }

    async fn at_work(&self) {
        until("idle connections", PATIENCE, async || {
            let opened = self.opened.load(Ordering::Relaxed);
            if opened >= IDLE { Ok(()) } else { Err(format!("{opened} connections")) }
        })
        .await;
    }
}

/// From another address than probes come from, as a pod has another than its node.
async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 9], 0)))?;
    socket.connect(address).await
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
    }
}

async fn idle_clients_of_the_metrics_do_not_stop_probes(world: Arc<World>) {
    let operator = world.operator(&[]).await;
    let [metrics, _] = operator.addresses();
    let idle = Idle::start(metrics);
    idle.at_work().await;
    for _ in 0..FAILURES {
        for path in ["/livez", "/readyz"] {
            let answer = operator.health(path).await;
            assert!(matches!(answer, Ok(200)), "{path}: {answer:?}");
        }
    }
}

/// A policy keeps pods from this port where there is one. Where there is none, of so many probes as a kubelet makes
/// before it acts one is answered.
async fn idle_clients_of_the_probes_do_not_stop_probes(world: Arc<World>) {
    let operator = world.operator(&[]).await;
    let [_, health] = operator.addresses();
    let idle = Idle::start(health);
    idle.at_work().await;
    for path in ["/livez", "/readyz", "/livez"] {
        let mut seen = Vec::new();
        for _ in 0..FAILURES {
            seen.push(format!("{:?}", operator.health(path).await));
        }
        assert!(seen.iter().any(|answer| answer == "Ok(200)"), "{path}: {seen:?}");
    }
}
