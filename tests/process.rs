//! The process of the operator as the kernel sees it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what they saw, and end where it is wrong")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

/// A user without rights: root's processes look the same whether others may read them or not.
const NOBODY: u32 = 65_534;

/// Ended when dropped.
struct Operator {
    process: Child,
    metrics: String,
    _folder: TempDir,
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An API server that is not there.
const KUBECONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: none, user: {token: none}}]
";

/// Starts the operator as an ordinary user, and returns when it has said where it serves metrics.
fn start() -> Operator {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, KUBECONFIG).unwrap();
    let (binary, reachable) = (Path::new(env!("CARGO_BIN_EXE_iot-operator")), folder.path().join("operator"));
    let mut command = if geteuid().is_root() {
        // The folders above the binary may be for root alone.
        fs::copy(binary, &reachable).unwrap();
        let mut command = Command::new(reachable);
        command.uid(NOBODY).gid(NOBODY);
        command
    } else {
        Command::new(binary)
    };
    command.args(["run", "--owner-id=test", "--leader-elect=false", "--log-format=json"]);
    command.args(["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"]);
    command.arg(format!("--kubeconfig={}", kubeconfig.display())).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let log = BufReader::new(process.stderr.take().unwrap());
    let mut operator = Operator { process, metrics: String::new(), _folder: folder };
    for line in log.lines().map(Result::unwrap) {
        if let Some((_, rest)) = line.split_once(r#""metrics":""#) {
            rest.split('"').next().unwrap().clone_into(&mut operator.metrics);
            return operator;
        }
    }
    panic!("the operator ended: {:?}", operator.process.wait());
}

#[test]
fn its_memory_is_read_by_nobody_else_and_never_written_to_disk() {
    let operator = start();
    let at = format!("/proc/{}", operator.process.id());
    // The kernel gives what a process must not show to root.
    assert_eq!(fs::metadata(format!("{at}/mem")).unwrap().uid(), 0);
    let limits = fs::read_to_string(format!("{at}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");

    // Its own view of itself stays.
    let mut stream = TcpStream::connect(&operator.metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    for metric in ["process_open_fds ", "process_resident_memory_bytes ", "process_cpu_seconds_total "] {
        assert!(answer.contains(&format!("\n{metric}")), "{metric}is missing");
    }
}

/// What `release` says of a cluster that is not there, with a proxy for the calls to vendors in the environment.
fn released(kubeconfig: &str) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kubeconfig");
    fs::write(&path, kubeconfig).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_iot-operator"));
    command.args(["release", "--all", "--force", "--kubeconfig"]).arg(&path);
    command.env("HTTPS_PROXY", "http://proxy.example:3128").env("https_proxy", "http://proxy.example:3128");
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_environment_s_proxy_is_not_the_api_server_s() {
    let said = released(KUBECONFIG);
    assert!(!said.contains("proxy") && said.to_lowercase().contains("connect"), "{said}");
    let proxied = KUBECONFIG.replace("server:", "proxy-url: 'http://me:secret@inside.example:1', server:");
    let said = released(&proxied);
    assert!(said.contains("inside.example") && said.contains("remove proxy-url"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
