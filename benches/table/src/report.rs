//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contender::Contender;

/// Figures of one measurement by name.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn put(&mut self, name: &'static str, value: f64) {
        self.0.insert(name, value);
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// Everything of one run: figures by measurement and by who was measured.
#[derive(Default)]
pub(crate) struct Report(BTreeMap<(&'static str, &'static str), Figures>);

/// One line of the table.
struct Row {
    says: &'static str,
    measurement: &'static str,
    figure: &'static str,
    aim: &'static str,
    met: fn(Seen) -> bool,
}

/// What a row is judged by.
#[derive(Clone, Copy)]
struct Seen {
    ours: f64,
    reference: f64,
    bare: f64,
}

const ROWS: &[Row] = &[
    row("creates at 20/s: rate per second", "quota", "rate", "≥ 19.8", |seen| seen.ours >= 19.8),
    row("creates at 20/s: throttled answers", "quota", "throttled", "0", |seen| seen.ours == 0.0),
    row(
        "creates without quota, vendor 20 ms: rate",
        "free",
        "rate",
        "≥ 2 × reference, or ≥ 90 % of the bare client",
        |seen| seen.ours >= 2.0 * seen.reference || seen.ours >= 0.9 * seen.bare,
    ),
    row("CPU per create, ms", "free", "CPU ms per create", "≤ ⅓ of reference", |seen| {
        seen.ours <= seen.reference / 3.0
    }),
    row("vendor calls per create", "quota", "calls per create", "2", |seen| seen.ours <= 2.05),
    row("API-server writes per create", "quota", "writes per create", "4", |seen| seen.ours <= 4.0),
    row("the same without quota", "free", "writes per create", "4", |seen| seen.ours <= 4.0),
    row("RSS at rest, 1,000 products, MiB", "free", "RSS MiB", "≤ 14", |seen| seen.ours <= 14.0),
    row("of it anonymous", "free", "anonymous MiB", "", |_| true),
    row("RSS at rest, 10,000 products, MiB", "rest", "RSS MiB", "≤ 32", |seen| seen.ours <= 32.0),
    row("of it anonymous", "rest", "anonymous MiB", "", |_| true),
    row("after creating all of them", "rest", "RSS MiB after creating", "", |_| true),
    row("after sweeps", "rest", "RSS MiB after sweeps", "", |_| true),
    row("sweep of 10,000: vendor calls", "rest", "sweep: calls", "≤ 45", |seen| seen.ours <= 45.0),
    row("sweep: CPU per product, ms", "rest", "sweep: CPU ms per product", "≤ 0.02", |seen| {
        seen.ours <= 0.02
    }),
    row("edit to vendor call, p50, ms", "quota", "edit p50 ms", "", |_| true),
    row("edit to vendor call, p99, ms", "quota", "edit p99 ms", "≤ ½ of reference", |seen| {
        seen.ours <= seen.reference / 2.0
    }),
    row("the same in a storm of creates, p50", "quota", "edit in storm p50 ms", "", |_| true),
    row(
        "the same in a storm of creates, p99",
        "quota",
        "edit in storm p99 ms",
        "≤ ⅕ of reference",
        |seen| seen.ours <= seen.reference / 5.0,
    ),
    row(
        "restart with 10,000, one edited: served after, s",
        "rest",
        "restart: edit served s",
        "a list and a token",
        |seen| seen.ours <= seen.reference / 5.0,
    ),
    row("its vendor calls", "rest", "restart: calls", "", |_| true),
    row(
        "its most calls in a second",
        "rest",
        "restart: most calls in a second",
        "≤ 100 (20 × 5 accounts)",
        |seen| seen.ours <= 100.0,
    ),
    row("soak: p99 of an edit a second, ms", "soak", "edit p99 ms", "≤ 150", |seen| seen.ours <= 150.0),
    row("soak: writes of products that nobody edited", "soak", "other writes", "0", |seen| seen.ours == 0.0),
    row("soak: least RSS of a minute, MiB", "soak", "least RSS MiB", "", |_| true),
    row("soak: most RSS over least", "soak", "RSS most over least", "≤ 1.1", |seen| seen.ours <= 1.1),
    row("soak: lists a minute", "soak", "lists a minute", "≤ 45", |seen| seen.ours <= 45.0),
    row("start to first vendor call, ms", "first", "first call ms", "≤ reference", |seen| {
        seen.ours <= seen.reference
    }),
];

const fn row(
    says: &'static str,
    measurement: &'static str,
    figure: &'static str,
    aim: &'static str,
    met: fn(Seen) -> bool,
) -> Row {
    Row { says, measurement, figure, aim, met }
}

impl Report {
    pub(crate) fn add(&mut self, measurement: &'static str, who: &'static str, figures: Figures) {
        eprintln!("{measurement} {who}: {:?}", figures.0);
        self.0.insert((measurement, who), figures);
    }

    fn figure(&self, row: &Row, who: &'static str) -> Option<f64> {
        self.0.get(&(row.measurement, who))?.get(row.figure)
    }

    /// The table in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| measure | ours | reference | bare client | to reach | |\n|---|---|---|---|---|---|\n",
        );
        for row in ROWS {
            let Some(ours) = self.figure(row, Contender::Ours.name()) else { continue };
            let reference = self.figure(row, Contender::Reference.name());
            let bare = self.figure(row, "bare");
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), short);
            let seen =
                Seen { ours, reference: reference.unwrap_or(f64::NAN), bare: bare.unwrap_or(f64::NAN) };
            let verdict = match row.aim {
                "" => "",
                _ if (row.met)(seen) => "met",
                _ => "not met",
            };
            let Row { says, aim, .. } = row;
            let (reference, bare) = (number(reference), number(bare));
            let _ =
                writeln!(table, "| {says} | {} | {reference} | {bare} | {aim} | {verdict} |", short(ours));
        }
        table
    }

    /// Everything as JSON.
    pub(crate) fn json(&self) -> Value {
        let mut all = json!({});
        for ((measurement, who), figures) in &self.0 {
            all[measurement][who] = json!(figures.0);
        }
        all
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        f64::INFINITY => "never".to_owned(),
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
