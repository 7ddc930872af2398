//! `iot-simulator`: the simulator as a process of its own.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use iot_simulator::tencent::{AccountConfig, Key};
use iot_simulator::{Config, Quota, Settings, Simulator};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const ADMIN_HELP: &str = include_str!("admin-help.txt");

/// The vendors' side of the IoT product operator on loopback: strict about signatures, stateful, and faulty
/// on request.
#[derive(Parser)]
#[command(version, after_long_help = ADMIN_HELP)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one, printed as `listening on http://ADDRESS:PORT`
    #[arg(long, env = "IOT_SIMULATOR_LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// `SecretId` of the accounts `default` and `legacy`
    #[arg(long, env = "IOT_SIMULATOR_SECRET_ID", default_value = "AKIDEXAMPLE")]
    secret_id: String,
    /// `SecretKey` of the accounts `default` and `legacy`
    #[arg(
        long,
        env = "IOT_SIMULATOR_SECRET_KEY",
        default_value = "SECRETKEYEXAMPLE",
        hide_env_values = true
    )]
    secret_key: String,
    /// Session token that every call must carry
    #[arg(long, env = "IOT_SIMULATOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Regions that the account accepts; default: the domestic access points
    #[arg(long, value_delimiter = ',')]
    region: Vec<String>,
    /// Products that the account may have
    #[arg(long, default_value_t = 2000)]
    product_limit: usize,
    /// Calls per second of one action of an account; 0 for no quota
    #[arg(long, default_value_t = 20)]
    quota: u32,
    /// Delay of every call in milliseconds
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Seed of product ids and secrets, for runs that can be repeated
    #[arg(long)]
    seed: Option<u64>,
    /// Let the admin interface answer to peers that are not on loopback
    #[arg(long)]
    open_admin: bool,
}

impl Arguments {
    fn config(self) -> Config {
        let default = AccountConfig::default();
        let quota =
            if self.quota == 0 { Quota::off() } else { Quota { per_second: self.quota, ..Quota::default() } };
        let keys = vec![Key { secret_id: self.secret_id, secret_key: self.secret_key, token: self.token }];
        let product_limit = self.product_limit;
        let legacy = AccountConfig { keys: keys.clone(), product_limit, ..AccountConfig::legacy() };
        let account = AccountConfig {
            keys,
            regions: if self.region.is_empty() { default.regions.clone() } else { self.region },
            product_limit,
            ..default
        };
        Config {
            listen: self.listen,
            seed: self.seed,
            open_admin: self.open_admin,
            settings: Settings { quota, latency_ms: self.latency_ms, ..Settings::default() },
            tencent: vec![account],
            tencent_legacy: vec![legacy],
            ..Config::default()
        }
    }
}

/// Waits for the signal that ends the process.
async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let simulator = Simulator::start(arguments.config()).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", simulator.url())?;
    stdout.flush()?;
    told_to_stop().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                text = format!("{text}: {inner}");
                cause = inner.source();
            }
            tracing::error!("{text}");
            ExitCode::FAILURE
        }
    }
}
