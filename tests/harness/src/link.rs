//! What parent and supervisor say to each other: a line for a command, a line for its answer.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Error;

/// First argument of the executable when it is to supervise.
pub(crate) const SUPERVISE: &str = "supervise-control-plane";
/// Last argument when the folder with logs and data is to stay.
pub(crate) const KEEP: &str = "keep";

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The store of the API server.
    Etcd,
    /// kube-apiserver.
    Apiserver,
    /// kube-controller-manager: garbage collection, deletion of namespaces, service accounts, quotas.
    /// Its garbage collector learns of newly installed kinds every 30 s, or at once when it is stopped
    /// and started again.
    ControllerManager,
}

impl Program {
    pub(crate) const ALL: [Self; 3] = [Self::Etcd, Self::Apiserver, Self::ControllerManager];

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// What can be done to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Stop,
    Start,
    Pause,
    Resume,
}

impl Action {
    const ALL: [Self; 4] = [Self::Stop, Self::Start, Self::Pause, Self::Resume];

    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// A line from the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) action: Action,
    pub(crate) program: Program,
}

impl Order {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (action, program) = line.split_once(' ')?;
        Some(Self {
            action: Action::ALL.into_iter().find(|a| a.word() == action)?,
            program: Program::ALL.into_iter().find(|p| p.file_name() == program)?,
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.word(), self.program)
    }
}

/// A line from the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Answer {
    /// Everything runs; sent once, unasked.
    Ready { directory: PathBuf, server: String },
    /// The order is carried out.
    Done,
    /// The order is not carried out, or the start failed.
    Failed { reason: String },
}

/// The parent's end. Dropping it ends the control plane and waits until that is done.
#[derive(Debug)]
pub(crate) struct Supervisor {
    process: Child,
    pipes: Mutex<Option<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Where the control plane's files and its API server are.
pub(crate) struct Started {
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: PathBuf,
    pub(crate) server: String,
}

impl Supervisor {
    /// Starts this executable again as supervisor and waits until the control plane is ready.
    pub(crate) fn start(assets: &Path, keep: bool) -> Result<Started, Error> {
        let executable =
            std::env::current_exe().map_err(Error::file("find the path of", "this executable"))?;
        let mut command = Command::new(&executable);
        command.arg(SUPERVISE).arg(assets);
        if keep {
            command.arg(KEEP);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C reaches the whole foreground group: the supervisor must outlive it to clean up.
            .process_group(0)
            .spawn()
            .map_err(Error::file("start supervisor", &executable))?;
        let pipes = process
            .stdin
            .take()
            .zip(process.stdout.take())
            .map(|(orders, answers)| Pipes { orders, answers: BufReader::new(answers) });
        let supervisor = Self { process, pipes: Mutex::new(pipes) };
        match supervisor.exchange("start the control plane", None)? {
            Answer::Ready { directory, server } => Ok(Started { supervisor, directory, server }),
            other => Err(unexpected("start the control plane", other)),
        }
    }

    /// Has an order carried out.
    pub(crate) fn order(&self, order: Order) -> Result<(), Error> {
        let operation = order.to_string();
        match self.exchange(&operation, Some(order))? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&operation, other)),
        }
    }

    fn exchange(&self, operation: &str, order: Option<Order>) -> Result<Answer, Error> {
        let gone = |reason: String| Error::Supervisor { operation: operation.to_owned(), reason };
        let mut guard = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = guard.as_mut().ok_or_else(|| gone("the supervisor is gone".to_owned()))?;
        if let Some(order) = order {
            writeln!(pipes.orders, "{order}").map_err(|e| gone(format!("the supervisor is gone: {e}")))?;
        }
        let mut line = String::new();
        pipes
            .answers
            .read_line(&mut line)
            .map_err(|e| gone(format!("no answer from the supervisor: {e}")))?;
        if line.is_empty() {
            return Err(gone(format!(
                "the supervisor ended; does main begin with supervise_if_asked() ({SUPERVISE})?"
            )));
        }
        serde_json::from_str(&line).map_err(|e| {
            gone(format!(
                "the supervisor said {:?} ({e}); does main begin with supervise_if_asked()?",
                line.trim_end()
            ))
        })
    }
}

fn unexpected(operation: &str, answer: Answer) -> Error {
    let reason = match answer {
        Answer::Failed { reason } => reason,
        other => format!("unexpected answer {other:?}"),
    };
    Error::Supervisor { operation: operation.to_owned(), reason }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Closing the pipe is the signal to end.
        *self.pipes.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            match self.process.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // Its programs stay if it hangs; ending it at least lets the caller go on.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_is_written() {
        for action in Action::ALL {
            for program in Program::ALL {
                let order = Order { action, program };
                assert_eq!(Order::parse(&order.to_string()), Some(order));
            }
        }
        assert_eq!(Order::parse("stop"), None);
        assert_eq!(Order::parse("stop everything"), None);
    }
}
