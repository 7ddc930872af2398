//! How long an edit waits for the vendor call that carries it out.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use iot_simulator::Call;

use crate::create::seconds;
use crate::stage::Stage;

/// The call that carries an edit out.
pub(crate) const CHANGE: &str = "UpdateProductDynamicRegister";
/// What the edits of one product set by turns. None of both is more to read than a list shows.
pub(crate) const MODES: [&str; 2] = ["PreRegistered", "Disabled"];

/// How long the last edits are waited for.
const LONGEST: Duration = Duration::from_mins(1);

/// Makes edits number `edits` of products `<prefix>-0` to `<prefix>-<products - 1>` in turn, and gives the
/// milliseconds from the begin of each to the arrival of its call. None waits for the one before.
pub(crate) async fn latencies(
    stage: &Stage,
    prefix: &str,
    products: usize,
    edits: Range<usize>,
    pace: Duration,
) -> Vec<f64> {
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
    let deadline = Instant::now() + LONGEST;
    loop {
        let calls = stage.calls_since(mark);
        let served: Vec<Option<f64>> =
            begun.iter().flat_map(|(name, times)| waits(&calls, name, times)).collect();
        if served.iter().all(Option::is_some) || Instant::now() > deadline {
            // One that was never carried out waited longer than any other.
            return served.into_iter().map(|wait| wait.unwrap_or(f64::INFINITY)).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How long each edit of a product waited: the n-th call carries out the n-th edit, unless edits were merged into one; then
/// the next call after it does.
fn waits(calls: &[Call], product: &str, edits: &[i64]) -> Vec<Option<f64>> {
    let of_it = |call: &&Call| call.action == CHANGE && call.product_name.as_deref() == Some(product);
    let times: Vec<i64> = calls.iter().filter(of_it).map(|call| call.time_ms).collect();
    let carried_out = |(number, at): (usize, &i64)| {
        let own = times.get(number).filter(|time| *time >= at);
        own.or_else(|| times.iter().find(|time| *time >= at)).map(|time| seconds(time - at) * 1e3)
    };
    edits.iter().enumerate().map(carried_out).collect()
}
