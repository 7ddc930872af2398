//! Programs of the demo that must not outlive it, however it ends.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::wait::{Look, until};

/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(30);

/// A running program, its log, and its guard: a shell that ends the program when the pipe from this process
/// is closed. A pipe closes with the process that holds it, even with one that is killed.
pub(crate) struct Part {
    child: Child,
    guard: Child,
    pipe: Option<ChildStdin>,
    log: PathBuf,
}

impl Part {
    /// Starts a program with its output in a log file. Ctrl-C is not for it: it has a group of its own.
    pub(crate) fn start(program: &Path, args: &[OsString], log: PathBuf) -> Result<Self, Failure> {
        let name = program.display();
        let failed = || Failure::io(format!("start {name}; build it with `cargo build --workspace`"));
        let output = File::create(&log).map_err(Failure::io(format!("create {}", log.display())))?;
        let errors = output.try_clone().map_err(failed())?;
        let mut command = Command::new(program);
        command.args(args).env_clear();
        if let Some(filter) = std::env::var_os("RUST_LOG") {
            command.env("RUST_LOG", filter);
        }
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(failed())?;
        let process = child.id().unwrap_or_default().to_string();
        let mut guard = Command::new("/bin/sh")
            .args(["-c", "cat >/dev/null; kill \"$1\" 2>/dev/null", "guard", &process])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Failure::io("start /bin/sh"))?;
        let pipe = guard.stdin.take();
        Ok(Self { child, guard, pipe, log })
    }

    /// Waits until the log has a line with this text, and returns what follows it in the line.
    pub(crate) async fn says(&mut self, text: &str, limit: Duration) -> Result<String, Failure> {
        let expected = format!("{:?} in {}", text, self.log.display());
        until(&expected, limit, async || {
            let log = self.read();
            if let Some(rest) = log.lines().find_map(|line| line.split_once(text)).map(|(_, rest)| rest) {
                return Ok(Look::Seen(rest.trim().to_owned()));
            }
            match self.child.try_wait() {
                Ok(None) => Ok(Look::NotYet(log)),
                Ok(Some(status)) => Err(Failure::missed(&expected, format!("it ended ({status}):\n{log}"))),
                Err(source) => Err(Failure::io("look after a program")(source)),
            }
        })
        .await
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self, count: usize) -> String {
        let log = self.read();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Asks the program to end and waits for it, up to a limit.
    pub(crate) async fn end(mut self) {
        drop(self.pipe.take());
        let _ = self.guard.wait().await;
        if timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
