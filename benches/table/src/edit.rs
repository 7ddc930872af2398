//! How long an edit waits for the vendor call that carries it out.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::create::seconds;
use crate::stage::Stage;

/// The call that carries an edit out.
pub(crate) const CHANGE: &str = "UpdateProductDynamicRegister";
/// What the edits of one product set by turns. None of both is more to read than a list shows.
pub(crate) const MODES: [&str; 2] = ["PreRegistered", "Disabled"];

/// Makes edits number `edits` of products `<prefix>-0` to `<prefix>-<products - 1>` in turn, and gives the
/// milliseconds from the begin of each to the arrival of its call. None waits for the one before.
pub(crate) async fn latencies(
    stage: &Stage,
    prefix: &str,
    products: usize,
    edits: Range<usize>,
    pace: Duration,
) -> Vec<f64> {
    let count = edits.len();
    let mark = stage.call_mark();
    let mut begun: HashMap<String, Vec<i64>> = HashMap::new();
    for number in edits {
        let due = Instant::now() + pace;
        let product = number % products;
        let at = jiff::Timestamp::now().as_millisecond();
        stage.edit(prefix, product, MODES[number / products % MODES.len()]).await;
        begun.entry(format!("{prefix}-{product}")).or_default().push(at);
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let calls = stage.calls_since(mark);
        let mut latencies = Vec::new();
        for (name, times) in &begun {
            let carried_out = calls
                .iter()
                .filter(|call| call.action == CHANGE && call.product_name.as_deref() == Some(name));
            // The n-th call of a product carries out its n-th edit, unless edits were merged into one.
            latencies
                .extend(times.iter().zip(carried_out).map(|(at, call)| seconds(call.time_ms - at) * 1e3));
        }
        if latencies.len() >= count || Instant::now() > deadline {
            return latencies;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
