//! What the operator counts and measures, all under the prefix `iot_operator_`.
//!
//! Labels hold names out of fixed sets: never an object's name, never free text. Of vendors' error codes those are counted by
//! name that the vendor documents, all others by what they mean (`other-Unavailable`).

mod process;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::http::limit::{Lane, Observe};
use process::Process;

/// Distinct vendor codes that are counted by name: more than the documents of all vendors have together. The vendors' clients
/// name only those; this is in case one does not.
const MOST_CODES: usize = 1000;
/// Longest vendor code that is counted by name.
const LONGEST_CODE: usize = 80;
/// Content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// One watch. The namespace is one that the operator was told to watch, so it is out of a fixed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watch {
    kind: &'static str,
    watched: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Vendor {
    vendor: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    vendor: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    vendor: &'static str,
    action: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FieldLabel {
    field: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// What products are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub struct ProductState {
    /// Value of `spec.vendor`.
    pub vendor: &'static str,
    /// Status of the condition `Ready`: `True`, `False`, `Unknown`.
    pub ready: &'static str,
    /// Its reason.
    pub reason: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric of the process. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    instruments: Instruments,
    codes: Mutex<BTreeSet<String>>,
    counted: Mutex<BTreeSet<ProductState>>,
}

#[derive(Debug)]
struct Instruments {
    reconcile_duration: Histograms<Kind>,
    vendor_requests: Family<Answer, Counter>,
    vendor_request_duration: Histograms<Action>,
    vendor_throttled: Family<Vendor, Counter>,
    limiter_wait: Histograms<LaneLabel>,
    products: Family<ProductState, Gauge>,
    drift_detected: Family<FieldLabel, Counter>,
    time_to_ready: Histogram,
    secret_writes: Counter,
    panics: Family<Kind, Counter>,
    unreadable: Family<Kind, Gauge>,
    orphaned: Family<Vendor, Counter>,
    status_refused: Family<Kind, Counter>,
    watch_last_event: Family<Kind, Gauge>,
    watch_up: Family<Watch, Gauge>,
    leader: Gauge,
}

fn short() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 90.0])
}

fn long() -> Histogram {
    Histogram::new([0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0])
}

impl Default for Instruments {
    fn default() -> Self {
        Self {
            reconcile_duration: Family::new_with_constructor(short),
            vendor_requests: Family::default(),
            vendor_request_duration: Family::new_with_constructor(short),
            vendor_throttled: Family::default(),
            limiter_wait: Family::new_with_constructor(short),
            products: Family::default(),
            drift_detected: Family::default(),
            time_to_ready: long(),
            secret_writes: Counter::default(),
            panics: Family::default(),
            unreadable: Family::default(),
            orphaned: Family::default(),
            status_refused: Family::default(),
            watch_last_event: Family::default(),
            watch_up: Family::default(),
            leader: Gauge::default(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let instruments = Instruments::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::starting_now()));
        instruments.register(registry.sub_registry_with_prefix("iot_operator"));
        let (codes, counted) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { registry, instruments, codes, counted }) }
    }

    /// So many objects of `kind` cannot be read.
    pub fn unreadable(&self, kind: &'static str, count: usize) {
        let gauge = self.inner.instruments.unreadable.get_or_create(&Kind { kind });
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// An object left with the finalizer taken off by another client; its product may remain at the vendor.
    pub fn orphaned(&self, vendor: &'static str) {
        self.inner.instruments.orphaned.get_or_create(&Vendor { vendor }).inc();
    }

    /// The cluster refused the status of an object of `kind`.
    pub fn status_refused(&self, kind: &'static str) {
        self.inner.instruments.status_refused.get_or_create(&Kind { kind }).inc();
    }

    /// A visit of an object of `kind` panicked.
    pub fn panicked(&self, kind: &'static str) {
        self.inner.instruments.panics.get_or_create(&Kind { kind }).inc();
    }

    /// One reconcile of an object of `kind` (`IotProduct`) ended.
    pub fn reconciled(&self, kind: &'static str, duration: Duration) {
        self.inner
            .instruments
            .reconcile_duration
            .get_or_create(&Kind { kind })
            .observe(duration.as_secs_f64());
    }

    /// A vendor call ended. `code` is the vendor's code, `OK`, or our name for a failed transport.
    pub fn vendor_request(&self, vendor: &'static str, action: &'static str, code: &str, duration: Duration) {
        let code = self.inner.code(code);
        self.inner.instruments.vendor_requests.get_or_create(&Answer { vendor, action, code }).inc();
        let durations =
            self.inner.instruments.vendor_request_duration.get_or_create(&Action { vendor, action });
        durations.observe(duration.as_secs_f64());
    }

    /// The vendor refused a call because of its quota.
    pub fn vendor_throttled(&self, vendor: &'static str) {
        self.inner.instruments.vendor_throttled.get_or_create(&Vendor { vendor }).inc();
    }

    /// A call was permitted after a wait.
    pub fn limiter_wait(&self, lane: Lane, duration: Duration) {
        let lane = LaneLabel { lane: lane.as_str() };
        self.inner.instruments.limiter_wait.get_or_create(&lane).observe(duration.as_secs_f64());
    }

    /// The observer for the limiters of a vendor's accounts.
    pub fn limiter_observer(&self, vendor: &'static str) -> Arc<dyn Observe> {
        Arc::new(LimiterMetrics { metrics: self.clone(), vendor })
    }

    /// How many products there are in each state; states that are not named have none any more.
    pub fn products(&self, counts: &BTreeMap<ProductState, u64>) {
        let mut counted = self.inner.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (state, count) in counts {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.inner.instruments.products.get_or_create(state).set(count);
        }
        for gone in counted.iter().filter(|state| !counts.contains_key(state)) {
            self.inner.instruments.products.remove(gone);
        }
        *counted = counts.keys().copied().collect();
    }

    /// A field (`dynamicRegistration.limit`) was found to differ from its manifest.
    pub fn drift_detected(&self, field: &'static str) {
        self.inner.instruments.drift_detected.get_or_create(&FieldLabel { field }).inc();
    }

    /// A product became ready for the first time, so long after its object was created.
    pub fn time_to_ready(&self, duration: Duration) {
        self.inner.instruments.time_to_ready.observe(duration.as_secs_f64());
    }

    /// An output Secret was created or changed.
    pub fn secret_written(&self) {
        self.inner.instruments.secret_writes.inc();
    }

    /// The watch of `kind` (`IotProduct`) delivered something, now.
    pub fn watch_event(&self, kind: &'static str) {
        self.inner
            .instruments
            .watch_last_event
            .get_or_create(&Kind { kind })
            .set(crate::clock::now().as_second());
    }

    /// The watch of `kind` in one namespace, or with `None` in the whole cluster, works or failed.
    pub fn watch_up(&self, kind: &'static str, namespace: Option<&str>, works: bool) {
        let watch = Watch { kind, watched: namespace.unwrap_or_default().to_owned() };
        self.inner.instruments.watch_up.get_or_create(&watch).set(i64::from(works));
    }

    /// This process leads, or does not.
    pub fn leader(&self, leads: bool) {
        self.inner.instruments.leader.set(i64::from(leads));
    }

    /// Everything in the `OpenMetrics` text format, [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String fails only if a metric does; what is complete is worth showing.
        if text::encode(&mut text, &self.inner.registry).is_err() {
            tracing::error!("metrics could not be encoded completely");
        }
        text
    }
}

impl Instruments {
    /// Names without the suffixes `_total` and `_info`, which the format adds.
    fn register(&self, r: &mut Registry) {
        r.register(
            "reconcile_duration_seconds",
            "Duration of one reconcile",
            self.reconcile_duration.clone(),
        );
        r.register("vendor_requests", "Calls to vendors by answer", self.vendor_requests.clone());
        r.register(
            "vendor_request_duration_seconds",
            "Duration of calls to vendors, without the wait for the budget",
            self.vendor_request_duration.clone(),
        );
        r.register(
            "vendor_throttled",
            "Calls that vendors refused because of their quota",
            self.vendor_throttled.clone(),
        );
        r.register(
            "limiter_wait_seconds",
            "Wait of permitted calls for the vendor's request budget",
            self.limiter_wait.clone(),
        );
        r.register("products", "IotProducts by the state of their condition Ready", self.products.clone());
        r.register(
            "drift_detected",
            "Fields found to differ from their manifest",
            self.drift_detected.clone(),
        );
        r.register(
            "time_to_ready_seconds",
            "Time from the creation of an IotProduct to its first Ready",
            self.time_to_ready.clone(),
        );
        r.register("panics", "Visits that ended in a panic, which is a bug", self.panics.clone());
        r.register(
            "unreadable_objects",
            "Objects that the operator cannot read and leaves alone",
            self.unreadable.clone(),
        );
        r.register(
            "orphaned_products",
            "IotProducts that are gone without the operator's leave, so that their products may remain at the vendor",
            self.orphaned.clone(),
        );
        r.register(
            "status_writes_refused",
            "Writes of status that the cluster refused: a policy, a missing right, another definition",
            self.status_refused.clone(),
        );
        r.register("secret_writes", "Output Secrets created or changed", self.secret_writes.clone());
        self.register_process(r);
    }

    /// What tells of the process as a whole.
    fn register_process(&self, r: &mut Registry) {
        r.register(
            "watch_last_event_timestamp_seconds",
            "Unix time of the last event of a watch",
            self.watch_last_event.clone(),
        );
        r.register(
            "watch_up",
            "1 while a watch works, 0 after it failed; `watched` is its namespace, empty for the whole cluster",
            self.watch_up.clone(),
        );
        r.register("leader", "1 while this process leads", self.leader.clone());
        r.register(
            "build",
            "Version of the operator",
            Info::new(Build { version: env!("CARGO_PKG_VERSION") }),
        );
    }
}

impl Inner {
    fn code(&self, code: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let mut known = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(code) {
            return code.to_owned();
        }
        if code.is_empty()
            || code.len() > LONGEST_CODE
            || !code.chars().all(plain)
            || known.len() >= MOST_CODES
        {
            return "other".to_owned();
        }
        known.insert(code.to_owned());
        code.to_owned()
    }
}

#[derive(Debug)]
struct LimiterMetrics {
    metrics: Metrics,
    vendor: &'static str,
}

impl Observe for LimiterMetrics {
    fn waited(&self, lane: Lane, wait: Duration) {
        self.metrics.limiter_wait(lane, wait);
    }

    fn throttled(&self, _action: &'static str) {
        self.metrics.vendor_throttled(self.vendor);
    }
}
