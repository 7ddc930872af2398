//! Programs that the test starts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take to end when asked; then it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// A running program with its log; ended, by its process id, when dropped.
pub(crate) struct Program {
    process: Child,
    log: PathBuf,
}

impl Program {
    /// Starts one with nothing in its environment but what is given.
    pub(crate) fn start(program: &Path, arguments: &[String], env: &[(&str, String)], log: PathBuf) -> Self {
        let output = File::options().create(true).append(true).open(&log).expect("a log file");
        let process = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log file once more"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
        Self { process, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Fails where it has ended.
    pub(crate) fn must_run(&mut self) {
        if let Some(status) = self.process.try_wait().expect("the state of a program") {
            panic!("it ended with {status}; the end of {}:\n{}", self.log.display(), self.tail());
        }
    }

    /// Asks it to end, as a kubelet does, and waits for that.
    pub(crate) async fn end(mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, Signal::TERM).expect("a signal");
        let begun = Instant::now();
        while begun.elapsed() < GRACE && self.process.try_wait().expect("the state of a program").is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        const LINES: usize = 25;
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let cut = |line: &&str| line.chars().take(400).collect::<String>();
        lines[lines.len().saturating_sub(LINES)..].iter().map(cut).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended long ago, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
