//! `make demo`: the operator at work on a real control plane, against a simulated vendor.
//!
//! Shows what happens as it happens and then stays up, to be played with, until Ctrl-C. With `DEMO_EXIT=1`
//! it ends by itself, with exit code 0 only if all of it was seen.
#![allow(clippy::print_stdout, reason = "the demo speaks to its user")]

mod cluster;
mod failure;
mod process;
mod stage;
mod story;
mod vendor;
mod wait;

use std::process::ExitCode;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use failure::{Failure, chain};
use stage::Stage;

/// What a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    iot_test_harness::supervise_if_asked();
    let ends = std::env::var("DEMO_EXIT").is_ok_and(|value| !value.is_empty() && value != "0");
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("the demo cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(demo(ends));
    // A control plane that is still starting ends by itself when this process is gone.
    runtime.shutdown_background();
    code
}

async fn demo(ends: bool) -> ExitCode {
    let mut stop = match Stop::new() {
        Ok(stop) => stop,
        Err(error) => {
            println!("the demo cannot listen for Ctrl-C: {error}");
            return ExitCode::FAILURE;
        }
    };
    let begun = Instant::now();
    let shown = tokio::select! {
        shown = show() => shown,
        () = stop.asked() => {
            println!("\nStopped before all was shown.");
            return ExitCode::from(INTERRUPTED);
        }
    };
    match shown {
        Ok(stage) => {
            println!("\nAll of it was seen, in {} s.", begun.elapsed().as_secs());
            if !ends {
                stage.invite();
                stop.asked().await;
                println!("\nStopping operator, simulator and control plane.");
            }
            stage.end().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nThe demo failed.\n{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Sets the stage and tells the story on it. The stage is taken down when that fails.
async fn show() -> Result<Stage, Failure> {
    let stage = Stage::set().await?;
    match story::tell(&stage).await {
        Ok(()) => Ok(stage),
        Err(error) => {
            println!("\nThe end of the operator's log:\n{}", stage.operator_log(30));
            stage.end().await;
            Err(error)
        }
    }
}

/// What asks the demo to end.
struct Stop([Signal; 3]);

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
