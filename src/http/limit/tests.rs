mod property;
mod queue;
mod slower;
mod turns;

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::sleep;

use super::*;

const CREATE: &str = "CreateProduct";
const SECOND: Duration = Duration::from_secs(1);

fn limiter(per_second: u32) -> Arc<Limiter> {
    let budgets = [Budget { action: CREATE, per_second }];
    Arc::new(Limiter::new(&budgets, LimitSettings { default_budget: 1, ..LimitSettings::default() }))
}

fn far() -> Instant {
    Instant::now() + Duration::from_hours(24)
}

/// One answered call; returns when it was sent.
async fn call(limiter: &Limiter, lane: Lane) -> Result<Instant, Refused> {
    let mut permit = limiter.acquire(CREATE, lane, far()).await?;
    permit.sent().await;
    let sent = Instant::now();
    permit.done(Outcome::Answered);
    Ok(sent)
}

/// Calls like a controller: sent away, it comes back when told to.
async fn call_until_served(limiter: &Limiter, lane: Lane) -> Instant {
    loop {
        match call(limiter, lane).await {
            Ok(sent) => return sent,
            Err(
                Refused::Busy { retry_after }
                | Refused::Paused { retry_after }
                | Refused::CircuitOpen { retry_after },
            ) => {
                sleep(retry_after).await;
            }
            Err(Refused::Deadline) => panic!("the deadline is far"),
        }
    }
}

/// The most calls that any second, seen as the vendor sees it, has.
fn busiest_second(mut sent: Vec<Instant>) -> usize {
    sent.sort();
    let in_second = |first: usize| sent[first..].iter().filter(|at| **at - sent[first] < SECOND).count();
    (0..sent.len()).map(in_second).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn settings_lower_the_documented_budget_and_raise_it_only_when_unsafe() {
    let settings = |pairs: &[(&str, u32)], default, unsafe_raise| LimitSettings {
        per_action: pairs.iter().map(|(action, limit)| ((*action).to_owned(), *limit)).collect(),
        default,
        unsafe_raise,
        default_budget: 10,
    };
    let lower = settings(&[(CREATE, 2), ("Delete", 50)], Some(7), false);
    let budget = |settings: &LimitSettings, action, documented| settings.budget(action, documented);
    assert_eq!(budget(&lower, CREATE, Some(5)), 2);
    assert_eq!(budget(&lower, "Delete", Some(5)), 5);
    assert_eq!(budget(&lower, "List", Some(20)), 7);
    assert_eq!(budget(&lower, "Undocumented", None), 7);
    let raise = settings(&[(CREATE, 50)], None, true);
    assert_eq!(budget(&raise, CREATE, Some(5)), 50);
    assert_eq!(budget(&raise, "List", Some(20)), 20);
    assert_eq!(budget(&settings(&[(CREATE, 0)], None, false), CREATE, Some(5)), 1);
}

#[tokio::test(start_paused = true)]
async fn changed_settings_do_not_forget_what_was_sent() {
    let limiter = limiter(10);
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(call(&limiter, Lane::Edit).await.unwrap());
    }
    let per_action = [(CREATE.to_owned(), 4)].into();
    limiter.set_limits(LimitSettings { per_action, default_budget: 1, ..LimitSettings::default() }, 1);
    let changed = Instant::now();
    for _ in 0..8 {
        sent.push(call(&limiter, Lane::Edit).await.unwrap());
    }
    sent.retain(|at| *at > changed - Duration::from_millis(350));
    assert!(busiest_second(sent) <= 4);
}

#[derive(Default)]
struct Seen {
    waits: AtomicU64,
    throttled: AtomicU64,
}

impl Observe for Seen {
    fn waited(&self, _lane: Lane, _wait: Duration) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    fn throttled(&self, action: &'static str) {
        assert_eq!(action, CREATE);
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_and_throttling_are_observed() {
    let seen = Arc::new(Seen::default());
    let limiter = Limiter::new(&[], LimitSettings { default_budget: 5, ..LimitSettings::default() })
        .observed_by(Arc::clone(&seen) as Arc<dyn Observe>);
    for outcome in [Outcome::Answered, Outcome::Throttled { retry_after: None }] {
        limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap().done(outcome);
    }
    assert_eq!(seen.waits.load(Ordering::Relaxed), 2);
    assert_eq!(seen.throttled.load(Ordering::Relaxed), 1);
}
