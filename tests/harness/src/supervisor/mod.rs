//! The process between a test and its control plane. It owns the three programs, does with them
//! what the parent's lines say, and ends them when the parent is gone.

mod flags;
mod programs;
mod ready;

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::link::{Action, Answer, KEEP, Order, SUPERVISE};
use programs::Programs;

/// Turns this process into the supervisor of a control plane if it was started as one, and does
/// not return then. Every `main` that uses [`crate::ControlPlane`] calls it before anything else.
pub fn supervise_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != SUPERVISE) {
        return;
    }
    let rest: Vec<OsString> = arguments.collect();
    // A thread of its own, because main may run inside a runtime already.
    let supervised = std::thread::spawn(move || run(rest)).join();
    // No return into main: it would go on as if it were the parent.
    std::process::exit(i32::from(!matches!(supervised, Ok(Ok(())))));
}

fn run(arguments: Vec<OsString>) -> std::io::Result<()> {
    let mut arguments = arguments.into_iter();
    let assets = PathBuf::from(arguments.next().unwrap_or_default());
    let keep = arguments.next().is_some_and(|word| word == KEEP);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervise(assets, keep))
}

async fn supervise(assets: PathBuf, keep: bool) -> std::io::Result<()> {
    let mut parent = Parent::listen()?;
    let mut programs = Programs::new(assets, keep)?;
    let started = tokio::select! {
        outcome = ready::start_all(&mut programs) => Some(outcome),
        () = parent.gone() => None,
    };
    match started {
        Some(Ok(server)) => {
            answer(&Answer::Ready { directory: programs.directory().to_owned(), server });
            serve(&mut parent, &mut programs).await;
        }
        Some(Err(reason)) => answer(&Answer::Failed { reason }),
        None => {}
    }
    programs.end_all().await;
    Ok(())
}

/// Carries out orders until the parent is gone.
async fn serve(parent: &mut Parent, programs: &mut Programs) {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        let order = tokio::select! {
            line = parent.next_line() => match line {
                Some(line) => line,
                None => return,
            },
            _ = look.tick() => {
                if let Some(report) = programs.newly_ended() {
                    complain(&report);
                }
                continue;
            }
        };
        let outcome = tokio::select! {
            outcome = obey(&order, programs) => outcome,
            // The parent says nothing before it has its answer, so a line now is its end as well.
            () = parent.gone() => return,
        };
        answer(&match outcome {
            Ok(()) => Answer::Done,
            Err(reason) => Answer::Failed { reason },
        });
    }
}

async fn obey(line: &str, programs: &mut Programs) -> Result<(), String> {
    let Order { action, program } = Order::parse(line).ok_or_else(|| format!("unknown order {line:?}"))?;
    match action {
        Action::Stop => programs.kill(program).await,
        Action::Start => ready::start(programs, program).await,
        Action::Pause => programs.pause(program),
        Action::Resume => programs.resume(program),
    }
}

/// Everything that can tell the supervisor to end.
struct Parent {
    lines: mpsc::UnboundedReceiver<String>,
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Parent {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            lines: stdin_lines(),
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next order; none once the parent is gone or a signal says to end.
    async fn next_line(&mut self) -> Option<String> {
        tokio::select! {
            line = self.lines.recv() => line,
            _ = self.terminate.recv() => None,
            _ = self.interrupt.recv() => None,
            _ = self.hang_up.recv() => None,
        }
    }

    async fn gone(&mut self) {
        let _ = self.next_line().await;
    }
}

/// Lines of stdin; the channel closes at its end. The thread is left to itself when the supervisor
/// ends for another reason, as a read cannot be broken off.
fn stdin_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A parent that is gone cannot be told anything, and its absence is noticed elsewhere.
fn answer(answer: &Answer) {
    if let Ok(line) = serde_json::to_string(answer) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
