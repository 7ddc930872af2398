//! `iot-operator run`: assembly and end of the process. No logic of products is here.

mod readiness;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use crate::api::core::Namespace;
use kube::{Api, Client, Resource as _, ResourceExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::api::{ClusterIotAccount, IotAccount};
use crate::cli::RunArgs;
use crate::client::{self, Clients};
use crate::controller::account;
use crate::controller::account_memory::Memories;
use crate::controller::accounts::Accounts;
use crate::controller::cached::CachedProduct;
use crate::controller::claims::{self, Claims};
use crate::controller::context::{Context, Settings};
use crate::controller::finalizer;
use crate::controller::finalizers::Finalizers;
use crate::controller::guarded::UnreadableObjects;
use crate::controller::memory::Memory;
use crate::controller::reports::Reports;
use crate::controller::scope::{Filled, Scope, Wake};
use crate::controller::streams::{self, Watched};
use crate::controller::unwritable::Unwritable;
use crate::controller::{reconcile, rounds};
use crate::http::carrier::Internet;
use crate::http::endpoint::{AllowedEndpoints, EndpointError};
use crate::lease::{Leadership, LeaseError, election};
use crate::metrics::Metrics;
use crate::record::events::Events;
use crate::server::{Health, Server, ServerError};
use crate::slots::Slots;
use crate::telemetry::TelemetryError;
use crate::vendor::connection::Surroundings;
use readiness::{ACCOUNTS, CLUSTER_ACCOUNTS, PRODUCTS, components, follow_lease, set_all};
use stop::Stop;

/// The main loop may be silent for this long before the process counts as dead.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// How often it shows itself.
const BEAT: Duration = Duration::from_secs(5);
/// Why the operator ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Flags that do not fit together.
    #[error(transparent)]
    Flags(#[from] crate::cli::CliError),
    /// The globs of `--allowed-endpoints`.
    #[error("--allowed-endpoints: {0}")]
    Endpoints(#[from] EndpointError),
    /// Logging.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The API server cannot be reached by the given configuration.
    #[error(transparent)]
    Client(#[from] client::ClientError),
    /// Metrics and health.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Leadership.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The process cannot be told to stop.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// A controller ended although nobody asked it to.
    #[error("a controller ended by itself; the process starts anew")]
    Ended,
}

/// Runs until SIGTERM or SIGINT, or until leadership is lost.
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    args.check()?;
    crate::telemetry::init(args.log.log_format, &args.log.filter())?;
    crate::hardening::keep_memory_private();
    let endpoints = AllowedEndpoints::parse(&args.allowed_endpoints)?.with_plain_http(args.allow_plain_http);
    let metrics = Metrics::new();
    let health = Health::new(&components(&args), LONGEST_SILENCE);
    let server = Server::start(args.addresses(), health.clone(), metrics.clone())?;
    let at = server.addresses();
    info!(version = env!("CARGO_PKG_VERSION"), metrics = %at.metrics, health = %at.health, "starting");
    let mut stop = Stop::new()?;
    let clients = client::connect(args.kubeconfig.as_deref()).await?;
    let beat = tokio::spawn(beat(health.clone()));

    let (released, release) = tokio::sync::oneshot::channel::<()>();
    let (leadership, mut elected) = lead(&args, &clients.api, release)?;
    let follow =
        args.lease.leader_elect.then(|| tokio::spawn(follow_lease(health.clone(), leadership.clone())));
    // A replica that stands by is ready when it can read the Lease: it would take over at once.
    set_all(&health, &args, true);
    let outcome = tokio::select! {
        () = leadership.wait_leader() => {
            set_all(&health, &args, false);
            metrics.leader(true);
            info!("leading");
            work(&args, clients, endpoints, metrics, health, leadership, &mut stop, &mut elected).await
        }
        () = stop.asked() => Ok(()),
        lost = &mut elected => Err(ended(lost)),
    };
    beat.abort();
    follow.inspect(tokio::task::JoinHandle::abort);
    if outcome.is_ok() {
        // Drained: the lease goes back so that the next process need not wait.
        drop(released);
        if !elected.is_finished() {
            let _ = timeout(Duration::from_secs(5), elected).await;
        }
    }
    outcome
}

type Elected = tokio::task::JoinHandle<Result<(), LeaseError>>;

fn ended(lost: Result<Result<(), LeaseError>, tokio::task::JoinError>) -> RunError {
    match lost {
        Ok(Err(error)) => RunError::Lease(error),
        Ok(Ok(())) | Err(_) => RunError::Ended,
    }
}

async fn beat(health: Health) {
    let mut turn = tokio::time::interval(BEAT);
    loop {
        turn.tick().await;
        health.beat();
    }
}

fn lead(
    args: &RunArgs,
    client: &Client,
    release: tokio::sync::oneshot::Receiver<()>,
) -> Result<(Leadership, Elected), RunError> {
    if !args.lease.leader_elect {
        warn!("leader election is off: two copies of this process would act at once");
        let forever = tokio::spawn(async {
            let _ = release.await;
            Ok(())
        });
        return Ok((Leadership::without_election(), forever));
    }
    let (leadership, election) = election(client.clone(), args.lease.settings())?;
    let elected = tokio::spawn(election.run(async {
        let _ = release.await;
    }));
    Ok((leadership, elected))
}

/// Leads: controllers until a stop is asked for and they have drained, or leadership is lost.
#[expect(clippy::too_many_arguments, reason = "the assembly of the process, called once")]
async fn work(
    args: &RunArgs,
    clients: Clients,
    endpoints: AllowedEndpoints,
    metrics: Metrics,
    health: Health,
    leadership: Leadership,
    stop: &mut Stop,
    elected: &mut Elected,
) -> Result<(), RunError> {
    let owner_id = if let Some(owner_id) = &args.owner_id {
        owner_id.clone()
    } else {
        tokio::select! {
            owner_id = owner_id(&clients.api) => owner_id,
            () = stop.asked() => return Ok(()),
        }
    };
    let settings = Settings {
        owner_id,
        min_resync_interval: args.min_resync_interval,
        secret_check_interval: args.secret_check_interval,
        vendor_timeout: args.vendor_timeout,
        reconcile_timeout: args.reconcile_timeout,
    };
    let surroundings = Surroundings {
        endpoints: Arc::new(endpoints),
        fence: Arc::new(leadership),
        network: Arc::new(Internet),
        metrics: metrics.clone(),
        refusals: Arc::default(),
        memory: Arc::default(),
        forbid_unsafe_limits: args.forbid_unsafe_limits,
        tenant: Arc::from(""),
    };
    let (drain, draining) = tokio::sync::watch::channel(false);
    let mut controllers = start(args, clients, settings, surroundings, &health, &draining);
    tokio::select! {
        () = stop.asked() => {}
        lost = elected => return Err(ended(lost)),
        _ = controllers.join_next() => return Err(RunError::Ended),
    }
    info!("stopping: no new visits, the ones under way may end");
    set_all(&health, args, false);
    drain.send_replace(true);
    let drained =
        timeout(args.drain_timeout, async { while controllers.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        error!(
            seconds = args.drain_timeout.as_secs(),
            "visits were still under way at the end of --drain-timeout"
        );
    }
    Ok(())
}

/// Unreadable objects that are told so at once; of more it is said in the log.
const SAID_AT_ONCE: usize = 8;
/// Accounts are few and each visit is short.
const ACCOUNT_VISITS: usize = 32;

/// The kinds of one scope, and the namespace that it is.
struct Watch {
    namespace: Option<String>,
    products: Watched<CachedProduct>,
    accounts: Watched<IotAccount>,
    cluster_accounts: Watched<ClusterIotAccount>,
}

impl Watch {
    fn new(namespace: Option<String>) -> Self {
        let products =
            Watched::new(namespace.clone()).when_gone(product_gone).when_hold_lost(finalizer::lost);
        let accounts = Watched::new(namespace.clone()).when_gone(account::left);
        let cluster_accounts = Watched::new(None).when_gone(account::left);
        Self { namespace, products, accounts, cluster_accounts }
    }

    fn scope(&self) -> Scope {
        Scope {
            products: self.products.store.clone(),
            accounts: self.accounts.store.clone(),
            cluster_accounts: self.namespace.is_none().then(|| self.cluster_accounts.store.clone()),
            filled: Filled {
                products: self.products.filled.subscribe(),
                accounts: self.accounts.filled.subscribe(),
                cluster_accounts: self.cluster_accounts.filled.subscribe(),
            },
            wake: Wake {
                products: self.products.wake.clone(),
                accounts: self.accounts.wake.clone(),
                cluster_accounts: self.cluster_accounts.wake.clone(),
            },
            namespace: self.namespace.clone(),
        }
    }
}

/// A product left the store: what it had may be another's, or nobody's.
fn product_gone(gone: &CachedProduct, ctx: &Arc<Context>) {
    claims::freed(gone, ctx);
    finalizer::vanished(gone, ctx);
    ctx.unwritable.forget(gone.meta().uid.as_deref().unwrap_or_default());
}

/// What every controller of the process is given.
struct Crew {
    client: Client,
    ctx: Arc<Context>,
    health: Health,
    draining: tokio::sync::watch::Receiver<bool>,
}

impl Crew {
    fn reports(&self, component: &'static str, namespace: Option<&str>) -> Reports {
        let (health, metrics) = (self.health.clone(), self.ctx.metrics.clone());
        Reports { health, metrics, component, namespace: namespace.map(str::to_owned) }
    }

    fn stopping(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut draining = self.draining.clone();
        async move {
            // An error means that the process is ending anyway.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }

    /// Sets the controllers of one scope to work.
    fn set_out(&self, watch: Watch, controllers: &mut JoinSet<()>) {
        let client = || self.client.clone();
        let ctx = || Arc::clone(&self.ctx);
        let namespace = watch.namespace.as_deref();
        let (products, accounts) = match &watch.namespace {
            Some(namespace) => (Api::namespaced(client(), namespace), Api::namespaced(client(), namespace)),
            None => (Api::all(client()), Api::all(client())),
        };
        let (reports, stop) = (self.reports(PRODUCTS, namespace), self.stopping());
        let (visits, account_visits) = (self.ctx.product_slots.clone(), self.ctx.account_slots.clone());
        controllers.spawn(streams::run(
            products,
            watch.products,
            ctx(),
            reports,
            visits,
            reconcile::reconcile,
            stop,
        ));
        let (reports, stop, visit) =
            (self.reports(ACCOUNTS, namespace), self.stopping(), account::reconcile::<IotAccount>);
        controllers.spawn(streams::run(
            accounts,
            watch.accounts,
            ctx(),
            reports,
            account_visits.clone(),
            visit,
            stop,
        ));
        if watch.namespace.is_none() {
            let (reports, stop) = (self.reports(CLUSTER_ACCOUNTS, None), self.stopping());
            let (api, visit) = (Api::all(client()), account::reconcile::<ClusterIotAccount>);
            let watched = watch.cluster_accounts;
            controllers.spawn(streams::run(api, watched, ctx(), reports, account_visits, visit, stop));
        }
    }
}

/// Sets the controllers of every scope to work, on stores of their own. What is dropped with the set is what
/// is lost with the process.
pub fn start(
    args: &RunArgs,
    clients: Clients,
    settings: Settings,
    surroundings: Surroundings,
    health: &Health,
    draining: &tokio::sync::watch::Receiver<bool>,
) -> JoinSet<()> {
    let namespaces: Vec<Option<String>> = if args.watch_namespaces.is_empty() {
        vec![None]
    } else {
        args.watch_namespaces.iter().cloned().map(Some).collect()
    };
    let watches: Vec<Watch> = namespaces.into_iter().map(Watch::new).collect();
    let ctx = Arc::new(Context {
        events: Events::new(clients.api.clone(), std::env::var("HOSTNAME").ok()),
        client: clients.api,
        settings,
        memory: Memory::default(),
        finalizers: Finalizers::default(),
        unwritable: Unwritable::default(),
        claims: Claims::default(),
        turns: Arc::default(),
        accounts: Accounts::default(),
        account_memories: Memories::default(),
        metrics: surroundings.metrics.clone(),
        surroundings,
        scopes: watches.iter().map(Watch::scope).collect(),
        unreadable: UnreadableObjects::default(),
        product_slots: Slots::new(args.max_concurrent_reconciles.into()),
        account_slots: Slots::new(ACCOUNT_VISITS),
        said_at_once: Arc::new(Semaphore::new(SAID_AT_ONCE)),
    });
    let crew = Crew {
        client: clients.watch,
        ctx: Arc::clone(&ctx),
        health: health.clone(),
        draining: draining.clone(),
    };
    let mut controllers = JoinSet::new();
    for watch in watches {
        crew.set_out(watch, &mut controllers);
    }
    let until = crew.stopping();
    controllers.spawn(async move {
        tokio::select! {
            () = rounds::count(Arc::clone(&ctx)) => {}
            () = rounds::look_at_secrets(Arc::clone(&ctx)) => {}
            () = rounds::read_in_full(ctx) => {}
            () = until => {}
        }
    });
    controllers
}

/// The owner id of every mark: the UID of the namespace kube-system, unless a flag says otherwise.
async fn owner_id(client: &Client) -> String {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    loop {
        match namespaces.get("kube-system").await {
            Ok(namespace) => return namespace.uid().unwrap_or_default(),
            Err(error) => {
                warn!(%error, "the namespace kube-system cannot be read for the owner id; set --owner-id, or wait");
                sleep(BEAT).await;
            }
        }
    }
}
