//! `iot-operator`: allocator, TLS provider, dispatch; no logic.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use iot_product_operator::cli::{Cli, Command};
use iot_product_operator::controller::reconcile::chain;
use iot_product_operator::{generate, probe, release, run};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => in_runtime(run::run(*args)),
        Command::Release(args) => {
            in_runtime(async move { release::release(&args, &mut std::io::stdout()).await })
        }
        Command::Crd(args) => generate::crds(args.dir.as_deref()).map_err(|error| chain(&error)),
        Command::Probe(args) => probe::probe(&args)
            .map_err(|error| chain(&error))
            .and_then(|answer| write!(std::io::stdout(), "{answer}").map_err(|error| error.to_string())),
        Command::Version => writeln!(std::io::stdout(), "iot-operator {}", env!("CARGO_PKG_VERSION"))
            .map_err(|e| e.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even the error stream is gone.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<E: std::error::Error>(work: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| "a TLS provider is installed already".to_owned())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(work).map_err(|error| chain(&error))
}
