//! Throttled and unavailable answers.

use super::*;

#[tokio::test(start_paused = true)]
async fn throttling_halves_the_rate_and_calm_seconds_bring_it_back() {
    let limiter = limiter(10);
    let throttled = Outcome::Throttled { retry_after: Some(2 * SECOND) };
    let (one, two) = (
        limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap(),
        limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap(),
    );
    let start = Instant::now();
    one.done(throttled);
    two.done(throttled);
    let mut sent = Vec::new();
    for _ in 0..200 {
        sent.push(call(&limiter, Lane::Edit).await.unwrap() - start);
    }
    assert!(sent[0] >= 2 * SECOND, "the hint is honoured: {:?}", sent[0]);
    let calls_in = |second: u64| sent.iter().filter(|at| at.as_secs() == second).count();
    assert!((5..=6).contains(&calls_in(2)), "halved once for one burst: {sent:?}");
    assert!(calls_in(4) > calls_in(2) && calls_in(6) > calls_in(4), "{sent:?}");
    assert!((9..=10).contains(&calls_in(9)), "back at the budget: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn repeated_throttling_slows_down_to_a_floor() {
    let limiter = limiter(16);
    for _ in 0..12 {
        let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
        permit.done(Outcome::Throttled { retry_after: Some(Duration::ZERO) });
    }
    let start = Instant::now();
    call(&limiter, Lane::Edit).await.unwrap();
    assert!((600..=1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn half_a_minute_after_the_worst_all_of_the_budget_is_used() {
    let limiter = limiter(20);
    for _ in 0..20 {
        let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
        permit.done(Outcome::Throttled { retry_after: None });
    }
    let throttled = Instant::now();
    let used = async |from: Duration| {
        let mut calls = 0;
        while throttled.elapsed() < from + 10 * SECOND {
            call(&limiter, Lane::Edit).await.unwrap();
            calls += u32::from(throttled.elapsed() >= from);
        }
        calls
    };
    let slow = used(Duration::ZERO).await;
    assert!(slow < 150, "{slow} calls in the ten seconds after it: nothing was slowed down");
    let calls = used(30 * SECOND).await;
    assert!(calls >= 190, "{calls} calls in ten seconds are less than 95 % of 200");
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_says_when_to_come_back() {
    let limiter = limiter(5);
    let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
    permit.done(Outcome::Throttled { retry_after: Some(30 * SECOND) });
    let refused = limiter.acquire(CREATE, Lane::Edit, Instant::now() + 20 * SECOND).await.unwrap_err();
    let Refused::Paused { retry_after } = refused else { panic!("{refused:?}") };
    assert_eq!(limiter.paused(20 * SECOND), [CREATE]);
    assert_eq!(limiter.paused(40 * SECOND), [""; 0]);
    assert!((30 * SECOND..32 * SECOND).contains(&retry_after), "{retry_after:?}");
}

async fn fail(limiter: &Limiter, times: u32) {
    for _ in 0..times {
        let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
        permit.done(Outcome::Unavailable);
    }
}

async fn retry_after_open(limiter: &Limiter) -> Duration {
    match limiter.acquire(CREATE, Lane::Edit, far()).await {
        Err(Refused::CircuitOpen { retry_after }) => retry_after,
        other => panic!("the circuit is not open: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_the_circuit_for_every_action() {
    let limiter = limiter(100);
    fail(&limiter, 4).await;
    call(&limiter, Lane::Edit).await.unwrap();
    fail(&limiter, 4).await;
    let last = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { limiter.acquire(CREATE, Lane::Drift, far()).await.map(drop) }
    });
    tokio::task::yield_now().await;
    last.done(Outcome::Unavailable);
    assert!(matches!(waiting.await.unwrap(), Err(Refused::CircuitOpen { .. })), "those who wait are told");
    let other = limiter.acquire("Other", Lane::Edit, far()).await.unwrap_err();
    assert!(matches!(other, Refused::CircuitOpen { .. }), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_lets_one_call_through_at_growing_intervals() {
    let limiter = limiter(100);
    fail(&limiter, 5).await;
    let mut intervals = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        let probe = loop {
            match limiter.acquire(CREATE, Lane::Edit, far()).await {
                Ok(permit) => break permit,
                Err(_) => sleep(SECOND / 10).await,
            }
        };
        intervals.push(start.elapsed());
        assert!(retry_after_open(&limiter).await >= SECOND, "only one call finds out");
        probe.done(Outcome::Unavailable);
    }
    for (i, interval) in (0..).zip(&intervals) {
        let longest = (SECOND * 2_u32.pow(i)).min(60 * SECOND) + SECOND / 5;
        assert!(*interval <= longest && *interval >= (longest / 3).min(SECOND), "{intervals:?}");
    }
    assert!(intervals[8] >= 29 * SECOND, "{intervals:?}");
    sleep(61 * SECOND).await;
    drop(limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap());
    let probe = limiter.acquire(CREATE, Lane::Edit, far()).await.expect("an unused probe is given again");
    probe.done(Outcome::Answered);
    fail(&limiter, 4).await;
    call(&limiter, Lane::Edit).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_account_closes_no_circuit_unless_it_names_another_host_or_key() {
    let limiter = limiter(100);
    let edit = |identity| {
        limiter.set_limits(LimitSettings { default_budget: 1, ..LimitSettings::default() }, identity);
    };
    edit(1);
    fail(&limiter, 5).await;
    edit(1);
    retry_after_open(&limiter).await;
    edit(2);
    call(&limiter, Lane::Edit).await.unwrap();
}
