//! One process of the operator under test.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{free_address, until};

/// A running operator; ended at once when dropped.
pub struct Operator {
    process: Child,
    metrics: SocketAddr,
    health: SocketAddr,
}

/// Flags by name, without the dashes; an empty value stands for a flag that has none.
pub type Flags = BTreeMap<&'static str, String>;

impl Operator {
    /// Starts this program with these flags, and addresses of its own; it logs into a file.
    pub fn start(program: &Path, mut flags: Flags, log: &Path) -> Self {
        let metrics = free_address().expect("a free port");
        flags.insert("metrics-addr", metrics.to_string());
        // Another address of this machine: two free ports that are looked for might be the same one.
        let health = SocketAddr::from(([127, 0, 0, 2], metrics.port()));
        flags.insert("health-addr", health.to_string());
        let mut command = Command::new(program);
        command.arg("run");
        for (name, value) in &flags {
            if value.is_empty() {
                command.arg(format!("--{name}"));
            } else {
                command.arg(format!("--{name}={value}"));
            }
        }
        let log = File::create(log).expect("a log file");
        let process = command
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file once more"))
            .stderr(log)
            .spawn()
            .expect("the operator starts");
        Self { process, metrics, health }
    }

    /// Ends it as a crash does: nothing is drained.
    pub fn crash(&mut self) {
        self.process.kill().expect("SIGKILL");
        self.process.wait().expect("the end of a killed process");
    }

    /// Asks it to end, as a kubelet does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Freezes it, and returns when it stands still.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        // One that has ended stands still as well.
        let _ = waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED);
    }

    /// Lets a frozen one go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal to the operator");
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id")
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the state of the operator")
    }

    /// Waits for its end.
    pub async fn end(&mut self, limit: Duration) -> ExitStatus {
        until("the operator to end", limit, async || self.ended().ok_or_else(|| "running".to_owned())).await
    }

    /// HTTP status of one of its health paths; an error while it does not answer.
    pub async fn health(&self, path: &str) -> io::Result<u16> {
        let answer = ask(self.health, path).await?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other(answer))
    }

    /// A page of its health server, with the head of the answer.
    pub async fn health_page(&self, path: &str) -> io::Result<String> {
        ask(self.health, path).await
    }

    /// A page of its metrics server, with the head of the answer.
    pub async fn page(&self, path: &str) -> io::Result<String> {
        ask(self.metrics, path).await
    }

    /// Addresses that it listens at: of the metrics, and of the health paths.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.metrics, self.health]
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it says that it is ready, or fails when it ends.
    pub async fn ready(&mut self) {
        until("the operator to be ready", Duration::from_mins(1), async || {
            if let Some(status) = self.ended() {
                panic!("the operator ended with {status}");
            }
            match self.health("/readyz").await {
                Ok(200) => Ok(()),
                other => Err(format!("/readyz gives {other:?}")),
            }
        })
        .await;
    }
}

/// Asks for a path of a server and gives the answer with its head.
async fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await?
}

/// Whether a program's command `run` takes this flag with this value.
pub fn takes(program: &Path, flag: &str) -> bool {
    // Flags are read in their order, and the version ends the reading.
    let command = Command::new(program)
        .args(["run", flag, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    command.expect("the operator starts").success()
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended long ago, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
