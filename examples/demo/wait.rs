//! Waiting for a condition, with a deadline and a word on what was there instead.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::failure::Failure;

/// How often a condition is looked at that nothing announces.
const LOOK: Duration = Duration::from_millis(100);

/// What a look saw.
pub(crate) enum Look<T> {
    /// What was waited for.
    Seen(T),
    /// Something else.
    NotYet(String),
}

/// Looks until the condition holds; says what was seen last when it does not in time.
pub(crate) async fn until<T>(
    expected: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Look<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        let seen = match look().await? {
            Look::Seen(found) => return Ok(found),
            Look::NotYet(seen) => seen,
        };
        if Instant::now() >= deadline {
            let expected = format!("{expected} within {} s", limit.as_secs());
            return Err(Failure::missed(expected, seen));
        }
        sleep(LOOK).await;
    }
}
