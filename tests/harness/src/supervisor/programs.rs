//! The three programs as child processes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::flags::{self, AUDIT_POLICY, Place, Ports};
use crate::audit;
use crate::link::Program;

/// How long a program may take to end by itself. Short, because nothing it would save is kept; the API
/// server takes seconds to let its watches go.
const GRACE: Duration = Duration::from_millis(500);

struct Running {
    program: Program,
    child: Child,
    ended: Option<ExitStatus>,
}

/// The programs that run, and the folder that holds everything of theirs.
pub(super) struct Programs {
    assets: PathBuf,
    directory: TempDir,
    keep: bool,
    ports: Ports,
    running: Vec<Running>,
    /// One audit log a start of the API server: the requests of a killed one stay without answer.
    generation: u32,
}

impl Programs {
    pub(super) fn new(assets: PathBuf, keep: bool) -> io::Result<Self> {
        let directory = crate::private_folder()?;
        fs::create_dir(directory.path().join("logs"))?;
        fs::write(directory.path().join("audit-policy.yaml"), AUDIT_POLICY)?;
        let ports = free_ports()?;
        Ok(Self { assets, directory, keep, ports, running: Vec::new(), generation: 1 })
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    /// Other ports and an empty store, for another attempt after a port was taken in between.
    pub(super) async fn begin_anew(&mut self) -> io::Result<()> {
        self.end_children().await;
        let data = self.directory().join("etcd");
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        self.ports = free_ports()?;
        Ok(())
    }

    pub(super) fn spawn(&mut self, program: Program) -> Result<(), String> {
        if self.runs(program) {
            return Err(format!("{program} runs already"));
        }
        self.running.retain(|r| r.program != program);
        let failed = |e: io::Error| format!("start {program}: {e}");
        let log = self.log(program).map_err(failed)?;
        let place = Place {
            directory: self.directory(),
            ports: self.ports,
            audit_log: &audit::log_file(self.directory(), self.generation),
        };
        let child = Command::new(self.assets.join(program.file_name()))
            .args(flags::of(program, &place))
            // etcd takes settings from ETCD_* variables, and none of the programs needs any.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        self.running.push(Running { program, child, ended: None });
        Ok(())
    }

    /// Ends a program at once, as a crash does.
    pub(super) async fn kill(&mut self, program: Program) -> Result<(), String> {
        let running = self.find_mut(program)?;
        running.child.kill().await.map_err(|e| format!("end {program}: {e}"))?;
        self.running.retain(|r| r.program != program);
        if program == Program::Apiserver {
            self.generation += 1;
            File::create(audit::log_file(self.directory(), self.generation))
                .map_err(|e| format!("create audit log: {e}"))?;
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, program: Program) -> Result<(), String> {
        self.signal(program, Signal::STOP)
    }

    pub(super) fn resume(&mut self, program: Program) -> Result<(), String> {
        self.signal(program, Signal::CONT)
    }

    fn signal(&mut self, program: Program, signal: Signal) -> Result<(), String> {
        let running = self.find_mut(program)?;
        send(&running.child, signal).map_err(|e| format!("signal {program}: {e}"))
    }

    pub(super) fn runs(&self, program: Program) -> bool {
        self.running.iter().any(|r| r.program == program && r.ended.is_none())
    }

    /// Says which program ended although nobody asked it to, once for each.
    pub(super) fn newly_ended(&mut self) -> Option<String> {
        for running in &mut self.running {
            if running.ended.is_none()
                && let Ok(Some(status)) = running.child.try_wait()
            {
                running.ended = Some(status);
                let program = running.program;
                return Some(format!("{program} ended ({status}); {}", self.log_tail(program)));
            }
        }
        None
    }

    /// The last lines a program wrote.
    pub(super) fn log_tail(&self, program: Program) -> String {
        let path = self.log_path(program);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(20)..];
        format!("the end of its log:\n{}", tail.join("\n"))
    }

    /// Ends every program and removes the folder.
    pub(super) async fn end_all(mut self) {
        self.end_children().await;
        if self.keep {
            let kept = self.directory.keep();
            super::complain(&format!("the control plane's logs and data stay in {}", kept.display()));
        } else if let Err(e) = self.directory.close() {
            super::complain(&format!("remove the control plane's folder: {e}"));
        }
    }

    async fn end_children(&mut self) {
        for running in &self.running {
            let _ = send(&running.child, Signal::TERM);
        }
        let deadline = tokio::time::Instant::now() + GRACE;
        for running in &mut self.running {
            if tokio::time::timeout_at(deadline, running.child.wait()).await.is_err() {
                let _ = running.child.kill().await;
            }
        }
        self.running.clear();
    }

    fn find_mut(&mut self, program: Program) -> Result<&mut Running, String> {
        self.running
            .iter_mut()
            .find(|r| r.program == program && r.ended.is_none())
            .ok_or_else(|| format!("{program} does not run"))
    }

    fn log_path(&self, program: Program) -> PathBuf {
        self.directory().join("logs").join(format!("{program}.log"))
    }

    fn log(&self, program: Program) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.log_path(program))
    }
}

/// A process that has ended and been waited for has no number any more, so nobody else is hit.
fn send(child: &Child, signal: Signal) -> io::Result<()> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    match pid {
        Some(pid) => Ok(kill_process(pid, signal)?),
        None => Err(io::Error::other("it has ended")),
    }
}

/// Two ports that are free now. They lie below the range that systems take for outgoing connections,
/// so that a server which is stopped and started again finds its port still free.
fn free_ports() -> io::Result<Ports> {
    let etcd = free_port(None)?;
    Ok(Ports { etcd, apiserver: free_port(Some(etcd))? })
}

fn free_port(except: Option<u16>) -> io::Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    for _ in 0..100 {
        let offset = u16::try_from(crate::random() % u64::from(COUNT)).unwrap_or(0);
        let port = FIRST + offset;
        if Some(port) != except && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port on loopback"))
}
