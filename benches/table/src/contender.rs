//! The operators that are compared, as processes, and what Linux says of them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iot_test_harness::free_address;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Which operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// The one that this project is.
    Ours,
    /// `benches/reference`.
    Reference,
}

impl Contender {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Reference];

    /// Its name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Reference => "reference",
        }
    }
}

/// Where the binaries are.
pub(crate) struct Binaries {
    pub(crate) ours: PathBuf,
    pub(crate) reference: PathBuf,
}

/// How an operator is to run.
pub(crate) struct Wishes<'a> {
    pub(crate) kubeconfig: &'a Path,
    /// Namespace of the Lease.
    pub(crate) namespace: &'a str,
    /// Calls per second to the vendor; none for no bound (of ours the account says it).
    pub(crate) quota: Option<u32>,
    /// How often the reference looks at each product (of ours the account says it).
    pub(crate) resync: Duration,
}

/// A running operator; ended at once when dropped.
pub(crate) struct Operator {
    child: Child,
    address: SocketAddr,
    pub(crate) started: Instant,
}

impl Operator {
    pub(crate) fn start(contender: Contender, binaries: &Binaries, wishes: &Wishes<'_>, log: &Path) -> Self {
        let address = free_address().expect("a free port");
        let mut command = match contender {
            Contender::Ours => ours(&binaries.ours, wishes, address),
            Contender::Reference => reference(&binaries.reference, wishes, address),
        };
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        command
            .arg(format!("--kubeconfig={}", wishes.kubeconfig.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file once more"))
            .stderr(log);
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("start the {contender:?}: {error}"));
        Self { child, address, started }
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) {
        let begun = Instant::now();
        while !self.answers().await {
            if let Some(status) = self.child.try_wait().expect("the state of the operator") {
                panic!("the operator ended with {status}");
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "the operator is not ready after a minute");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address).await else { return false };
        let mut answer = String::new();
        let asked = stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: bench\r\n\r\n").await;
        asked.is_ok() && stream.read_to_string(&mut answer).await.is_ok() && answer.contains(" 200 ")
    }

    /// CPU time so far, of user and kernel (`proc_pid_stat(5)`, fields 14 and 15).
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its stat");
        let (_, after_name) = stat.rsplit_once(')').expect("a name in parentheses");
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|&i| fields[i].parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// Memory: resident, and the part of it that is no file's (`proc_pid_status(5)`), in MiB.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("a field");
            let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
            kib.expect("a number") / 1024.0
        };
        Memory { resident: field("VmRSS:"), anonymous: field("RssAnon:") }
    }

    /// Asks it to end, as a kubelet does, and waits for that: it gives its lease back.
    pub(crate) fn end(mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, Signal::TERM).expect("a signal to the operator");
        self.child.wait().expect("the end of the operator");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended long ago, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// MiB of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) anonymous: f64,
}

fn ours(binary: &Path, wishes: &Wishes<'_>, address: SocketAddr) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["run", "--metrics-addr=127.0.0.1:0"])
        .arg(format!("--health-addr={address}"))
        .args(["--allowed-endpoints=127.0.0.1:*", "--allow-plain-http", "--owner-id=bench"])
        .arg(format!("--lease-namespace={}", wishes.namespace));
    command
}

fn reference(binary: &Path, wishes: &Wishes<'_>, address: SocketAddr) -> Command {
    let mut command = Command::new(binary);
    command
        .arg(format!("--metrics-addr={address}"))
        .arg(format!("--qps={}", wishes.quota.unwrap_or(0)))
        .arg(format!("--resync={}s", wishes.resync.as_secs()));
    command
}
