//! The command line. Every flag has an environment variable, `IOT_OPERATOR_` and its name.

#![expect(clippy::doc_markdown, reason = "these comments are the help texts, which are plain")]

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use jiff::SignedDuration;

use crate::http::endpoint::AllowedEndpoints;
use crate::http::transport::FENCE_MARGIN;
use crate::lease::{self, LeaseError, LeaseSettings};
use crate::server::Addresses;
use crate::telemetry::{DEFAULT_FILTER, LogFormat};

/// Where a pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Keeps IoT products at Tencent Cloud, Alibaba Cloud and Huawei Cloud as IotProduct manifests say.
#[derive(Debug, Parser)]
#[command(name = "iot-operator", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator until it is told to stop.
    Run(Box<RunArgs>),
    /// Take the operator's finalizers off everything, before it is uninstalled. Products and their Secrets stay.
    Release(Box<ReleaseArgs>),
    /// Print the CustomResourceDefinitions, or write them to files.
    Crd(CrdArgs),
    /// Ask a running operator whether it is ready; exit code 0 if it is.
    Probe(ProbeArgs),
    /// Print the version.
    Version,
}

/// `crd`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CrdArgs {
    /// Write one file per CustomResourceDefinition to this directory instead of printing them.
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}

/// `probe`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ProbeArgs {
    /// Address of the running operator's health port (its --health-addr); with --path=/metrics that of its
    /// --metrics-addr.
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    pub address: String,

    /// What to ask: /readyz or /livez, or /metrics for whether anything answers.
    #[arg(long, default_value = "/readyz")]
    pub path: String,

    /// How long to go on asking while it is not ready.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub wait: Duration,
}

/// `release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseArgs {
    /// Let every IotProduct, account and credentials Secret go. There is no smaller choice; it is to be written
    /// because nobody takes the finalizers off by accident then.
    #[arg(long, required = true)]
    pub all: bool,

    /// Do not look whether an operator holds the lease, which would put the finalizers back.
    #[arg(long)]
    pub force: bool,

    /// Kubeconfig of the cluster [default: KUBECONFIG, ~/.kube/config or the pod's service account].
    #[arg(long, env = "IOT_OPERATOR_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Namespaces to work in, separated by commas [default: all]. With it ClusterIotAccounts stay as they are.
    #[arg(long, env = "IOT_OPERATOR_WATCH_NAMESPACES", value_name = "NAMES", value_delimiter = ',', value_parser = namespace)]
    pub watch_namespaces: Vec<String>,

    /// Name of the operator's Lease.
    #[arg(long, env = "IOT_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = "iot-operator", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub lease_name: String,

    /// Namespace of the operator's Lease [default: the pod's namespace, else default].
    #[arg(long, env = "IOT_OPERATOR_LEASE_NAMESPACE", value_name = "NAME", value_parser = namespace)]
    pub lease_namespace: Option<String>,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Kubeconfig of the cluster [default: KUBECONFIG, ~/.kube/config or the pod's service account].
    #[arg(long, env = "IOT_OPERATOR_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Namespaces to work in, separated by commas [default: all]. With it ClusterIotAccounts are off, and
    /// permissions in these namespaces are enough.
    #[arg(long, env = "IOT_OPERATOR_WATCH_NAMESPACES", value_name = "NAMES", value_delimiter = ',', value_parser = namespace)]
    pub watch_namespaces: Vec<String>,

    /// How many objects are worked on at a time.
    #[arg(long, env = "IOT_OPERATOR_MAX_CONCURRENT_RECONCILES", value_name = "NUMBER", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrent_reconciles: u16,

    /// How long one vendor operation may take, the wait for its request budget included.
    #[arg(long, env = "IOT_OPERATOR_VENDOR_TIMEOUT", value_name = "DURATION", default_value = "15s", value_parser = positive)]
    pub vendor_timeout: Duration,

    /// How long one reconcile may take in all.
    #[arg(long, env = "IOT_OPERATOR_RECONCILE_TIMEOUT", value_name = "DURATION", default_value = "90s", value_parser = positive)]
    pub reconcile_timeout: Duration,

    /// How long running reconciles may go on after the order to stop. Must be less than the pod's
    /// terminationGracePeriodSeconds.
    #[arg(long, env = "IOT_OPERATOR_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "25s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// The shortest resyncInterval and fullReadInterval of an account or a product; a shorter one counts as this.
    #[arg(long, env = "IOT_OPERATOR_MIN_RESYNC_INTERVAL", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    pub min_resync_interval: Duration,

    /// Within which time every output Secret is looked at once; 0s is never.
    #[arg(long, env = "IOT_OPERATOR_SECRET_CHECK_INTERVAL", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub secret_check_interval: Duration,

    /// Name of this operator in the marks of its products; keep it when the cluster is rebuilt
    /// [default: the UID of the namespace kube-system].
    #[arg(long, env = "IOT_OPERATOR_OWNER_ID", value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub owner_id: Option<String>,

    /// Hosts that accounts of every vendor may name as their endpoint: names, addresses or globs, separated by commas, each
    /// with its port unless that is 443 (host.example.com:8443, 127.0.0.1:*) [default: for each account the hosts of
    /// its vendor's API].
    #[arg(long, env = "IOT_OPERATOR_ALLOWED_ENDPOINTS", value_name = "GLOBS", value_delimiter = ',', value_parser = glob)]
    pub allowed_endpoints: Vec<String>,

    /// Accounts may name endpoints without TLS. For simulators; keys and secrets then cross the network
    /// in the clear.
    #[arg(long, env = "IOT_OPERATOR_ALLOW_PLAIN_HTTP")]
    pub allow_plain_http: bool,

    /// An account's limits.unsafe has no effect: no account may send more calls per second than its vendor documents.
    #[arg(long, env = "IOT_OPERATOR_FORBID_UNSAFE_LIMITS")]
    pub forbid_unsafe_limits: bool,

    /// Address of /metrics, such as 0.0.0.0:8080 or [::]:8080.
    #[arg(long, env = "IOT_OPERATOR_METRICS_ADDR", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_addr: SocketAddr,

    /// Address of /livez and /readyz. Nobody but the node's kubelet needs to reach it.
    #[arg(long, env = "IOT_OPERATOR_HEALTH_ADDR", value_name = "ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_addr: SocketAddr,

    /// Leader election.
    #[command(flatten, next_help_heading = "Leader election")]
    pub lease: LeaseArgs,

    /// Logs.
    #[command(flatten, next_help_heading = "Logs")]
    pub log: LogArgs,
}

/// Leader election of `run`.
#[derive(Debug, Clone, Args)]
pub struct LeaseArgs {
    /// Work only while holding the lease. Useful with one replica too: a pod on a lost node may still run.
    #[arg(long, env = "IOT_OPERATOR_LEADER_ELECT", value_name = "BOOL", action = ArgAction::Set, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_elect: bool,

    /// Name of the Lease.
    #[arg(long, env = "IOT_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = "iot-operator", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub lease_name: String,

    /// Namespace of the Lease [default: the pod's namespace, else default].
    #[arg(long, env = "IOT_OPERATOR_LEASE_NAMESPACE", value_name = "NAME", value_parser = namespace)]
    pub lease_namespace: Option<String>,

    /// How long others wait after the last renewal before they take over. Must be longer than
    /// --vendor-timeout, --lease-renew-interval and three seconds together: a vendor call ends before the lease.
    #[arg(long, env = "IOT_OPERATOR_LEASE_DURATION", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    pub lease_duration: Duration,

    /// How often the lease is renewed.
    #[arg(long, env = "IOT_OPERATOR_LEASE_RENEW_INTERVAL", value_name = "DURATION", default_value = "5s", value_parser = positive)]
    pub lease_renew_interval: Duration,

    /// How long after the last renewal the leader gives up and ends.
    #[arg(long, env = "IOT_OPERATOR_LEASE_RENEW_DEADLINE", value_name = "DURATION", default_value = "20s", value_parser = positive)]
    pub lease_renew_deadline: Duration,
}

/// Logs of `run`.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// How log lines look.
    #[arg(long, env = "IOT_OPERATOR_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// What is logged: a level, or a list such as info,iot_product_operator=debug [default: info, and
    /// warnings of libraries]. RUST_LOG is heeded too.
    #[arg(long, env = "IOT_OPERATOR_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

/// Flags that contradict each other.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The times of the lease do not leave room for one another.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A vendor call could outlast the lease, so none would ever be sent.
    #[error(
        "--vendor-timeout {vendor_timeout:?} does not fit into the lease: raise --lease-duration to at least {least:?}, or lower it"
    )]
    VendorTimeout {
        /// `--vendor-timeout`.
        vendor_timeout: Duration,
        /// The shortest lease it fits into.
        least: Duration,
    },
    /// A reconcile must outlast its vendor calls, so that their outcome is recorded.
    #[error(
        "--reconcile-timeout {reconcile_timeout:?} must be longer than --vendor-timeout {vendor_timeout:?}"
    )]
    ReconcileTimeout {
        /// `--reconcile-timeout`.
        reconcile_timeout: Duration,
        /// `--vendor-timeout`.
        vendor_timeout: Duration,
    },
}

impl RunArgs {
    /// Where metrics and health are served.
    pub fn addresses(&self) -> Addresses {
        Addresses { metrics: self.metrics_addr, health: self.health_addr }
    }

    /// Checks the flags against each other, which the parser does not.
    pub fn check(&self) -> Result<(), CliError> {
        let (vendor_timeout, reconcile_timeout) = (self.vendor_timeout, self.reconcile_timeout);
        if reconcile_timeout <= vendor_timeout {
            return Err(CliError::ReconcileTimeout { reconcile_timeout, vendor_timeout });
        }
        if self.lease.leader_elect {
            self.lease.settings().check()?;
            // Protocol, Leadership: a call is sent only if its deadline is before the lease's end.
            let least = vendor_timeout + self.lease.lease_renew_interval + lease::MARGIN + FENCE_MARGIN;
            if self.lease.lease_duration <= least {
                return Err(CliError::VendorTimeout {
                    vendor_timeout,
                    least: least + Duration::from_secs(1),
                });
            }
        }
        Ok(())
    }
}

impl LeaseArgs {
    /// What these flags ask for, in the name of this process.
    pub fn settings(&self) -> LeaseSettings {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "iot-operator".into());
        LeaseSettings {
            namespace: self.lease_namespace.clone().unwrap_or_else(own_namespace),
            name: self.lease_name.clone(),
            identity: lease::unique_identity(&host),
            duration: self.lease_duration,
            renew_every: self.lease_renew_interval,
            renew_deadline: self.lease_renew_deadline,
        }
    }
}

impl LogArgs {
    /// The filter that applies: the flag, `RUST_LOG`, the default.
    pub fn filter(&self) -> String {
        let asked = self.log.clone().or_else(|| std::env::var("RUST_LOG").ok());
        asked.filter(|filter| !filter.is_empty()).unwrap_or_else(|| DEFAULT_FILTER.into())
    }
}

/// The namespace this pod runs in, else `default`.
pub(crate) fn own_namespace() -> String {
    let name = std::fs::read_to_string(NAMESPACE_FILE).unwrap_or_default();
    if name.trim().is_empty() { "default".into() } else { name.trim().into() }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "write a number and a unit, such as 30s, 10m or 1h30m".into())
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("must be longer than 0s".into()) } else { Ok(duration) }
}

fn namespace(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let valid = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if valid {
        Ok(text.into())
    } else {
        Err("write names of namespaces (lower-case letters, digits, -), separated by commas without blanks"
            .into())
    }
}

fn glob(text: &str) -> Result<String, String> {
    AllowedEndpoints::parse(&[text.to_owned()]).map(|_| text.to_owned()).map_err(|_| {
        "write hosts without scheme, as names, addresses or globs, such as *.example.com, and a port other than 443 behind \
         them, such as *.example.com:8443"
            .into()
    })
}
