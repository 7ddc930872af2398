//! Tokens, lanes and turns.

use std::collections::BTreeSet;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;

#[tokio::test(start_paused = true)]
async fn tokens_are_evenly_spaced_from_the_first() {
    let limiter = limiter(5);
    let start = Instant::now();
    let mut sent = Vec::new();
    for _ in 0..21 {
        sent.push(call(&limiter, Lane::Edit).await.unwrap() - start);
    }
    assert_eq!(sent[0], Duration::ZERO);
    for pair in sent.windows(2) {
        let gap = pair[1].saturating_sub(pair[0]);
        assert!((190..=215).contains(&gap.as_millis()), "gap of {gap:?}");
    }
    assert!(sent[20] < Duration::from_millis(4100), "no throughput is lost: {:?}", sent[20]);
}

#[tokio::test(start_paused = true)]
async fn actions_do_not_share_tokens() {
    let limiter = limiter(1);
    let start = Instant::now();
    call(&limiter, Lane::Edit).await.unwrap();
    let other = limiter.acquire("DescribeProduct", Lane::Edit, far()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((other.action(), other.waited()), ("DescribeProduct", Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_edit_overtakes_a_storm_of_creations() {
    let limiter = limiter(5);
    let mut creations = JoinSet::new();
    for _ in 0..1000 {
        let limiter = Arc::clone(&limiter);
        creations.spawn(async move { call_until_served(&limiter, Lane::Create).await });
    }
    let start = Instant::now();
    for i in 0..50_u64 {
        sleep(Duration::from_millis(1000 + i * 37)).await;
        let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
        assert!(permit.waited() <= Duration::from_millis(410), "edit {i} waited {:?}", permit.waited());
        permit.done(Outcome::Answered);
    }
    let sent = creations.join_all().await;
    assert!(busiest_second(sent) <= 5);
    // 1,050 calls at 5 per second take 210 s; the rest is what promised turns may lose.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(235), "the budget was left unused: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_edits_does_not_starve_the_other_lanes() {
    let limiter = limiter(10);
    let mut storm = JoinSet::new();
    for _ in 0..400 {
        let limiter = Arc::clone(&limiter);
        storm.spawn(async move { call(&limiter, Lane::Edit).await });
    }
    sleep(Duration::from_millis(10)).await;
    let mut waits = Vec::new();
    for lane in [Lane::Drift, Lane::Create, Lane::Delete] {
        let start = Instant::now();
        call(&limiter, lane).await.unwrap();
        waits.push(start.elapsed());
    }
    for wait in &waits {
        assert!(*wait <= Duration::from_millis(1010), "every eighth token is theirs: {waits:?}");
        assert!(*wait >= Duration::from_millis(500), "edits go first: {waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lanes_are_served_in_order_and_each_first_come_first_served() {
    let limiter = limiter(1);
    call(&limiter, Lane::Edit).await.unwrap();
    let mut tasks = JoinSet::new();
    let lanes = [Lane::Drift, Lane::Create, Lane::Create, Lane::Delete, Lane::Edit, Lane::Edit];
    for (index, lane) in lanes.into_iter().enumerate() {
        let task_limiter = Arc::clone(&limiter);
        tasks.spawn(async move { call(&task_limiter, lane).await.map(|_| index) });
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    while let Some(done) = tasks.join_next().await {
        order.push(done.unwrap().unwrap());
    }
    assert_eq!(order, [4, 5, 3, 1, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn those_sent_away_are_told_different_turns() {
    let limiter = limiter(5);
    call(&limiter, Lane::Edit).await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..MAX_WAITING {
        let limiter = Arc::clone(&limiter);
        waiting.spawn(async move { call(&limiter, Lane::Create).await });
    }
    tokio::task::yield_now().await;
    let mut turns = Vec::new();
    for _ in 0..100 {
        match timeout(Duration::ZERO, limiter.acquire(CREATE, Lane::Create, far())).await {
            Ok(Err(Refused::Busy { retry_after })) => turns.push(retry_after),
            other => panic!("not sent away at once: {other:?}"),
        }
    }
    assert!(turns[0] > SECOND, "{:?} is before half of the queue is served", turns[0]);
    let range = |i: u32| (SECOND / 5 * i)..(Duration::from_millis(202 * u64::from(i)) + 3 * SECOND);
    for (i, turn) in (0..).zip(&turns) {
        assert!(range(i).contains(turn), "turn {i} is {turn:?}");
    }
    assert_eq!(turns.iter().collect::<BTreeSet<_>>().len(), 100);
    // An edit and another action are not concerned.
    assert!(timeout(SECOND, limiter.acquire(CREATE, Lane::Edit, far())).await.is_ok());
    assert!(timeout(Duration::ZERO, limiter.acquire("Other", Lane::Create, far())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_away_whose_turn_comes_in_a_moment() {
    let limiter = limiter(1000);
    let mut all = JoinSet::new();
    for _ in 0..400 {
        let limiter = Arc::clone(&limiter);
        all.spawn(async move { call(&limiter, Lane::Create).await.is_ok() });
    }
    let served = all.join_all().await.into_iter().filter(|served| *served).count();
    assert!((240..=260).contains(&served), "{served} had their turn within a quarter of a second");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_away_for_hours() {
    let limiter = limiter(1);
    let mut waiting = JoinSet::new();
    for _ in 0..=MAX_WAITING {
        let limiter = Arc::clone(&limiter);
        waiting.spawn(async move { call(&limiter, Lane::Drift).await });
    }
    tokio::task::yield_now().await;
    for _ in 0..5000 {
        let refused = limiter.acquire(CREATE, Lane::Drift, far()).await.unwrap_err();
        let Refused::Busy { retry_after } = refused else { panic!("{refused:?}") };
        assert!(retry_after <= Duration::from_secs(301), "{retry_after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once() {
    let limiter = limiter(1);
    call(&limiter, Lane::Edit).await.unwrap();
    let start = Instant::now();
    let refused = limiter.acquire(CREATE, Lane::Edit, start + SECOND / 2).await.unwrap_err();
    assert_eq!((refused, start.elapsed()), (Refused::Deadline, Duration::ZERO));
    assert_eq!(limiter.acquire(CREATE, Lane::Edit, start).await.unwrap_err(), Refused::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_deadline_without_using_a_token() {
    let limiter = limiter(1);
    call(&limiter, Lane::Edit).await.unwrap();
    let start = Instant::now();
    let late = limiter.acquire(CREATE, Lane::Drift, start + 3 * SECOND);
    let edits = async {
        let (one, two) = (call(&limiter, Lane::Edit), call(&limiter, Lane::Edit));
        let (three, four) = (call(&limiter, Lane::Edit), call(&limiter, Lane::Edit));
        tokio::try_join!(one, two, three, four).map(|_| start.elapsed())
    };
    let late = async { (late.await.unwrap_err(), start.elapsed()) };
    let (late, edits) = tokio::join!(late, edits);
    assert_eq!(late, (Refused::Deadline, 3 * SECOND));
    assert!(edits.as_ref().unwrap() < &Duration::from_millis(4050), "{edits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_leaves_no_hole() {
    let limiter = limiter(1);
    call(&limiter, Lane::Edit).await.unwrap();
    let start = Instant::now();
    for _ in 0..3 {
        let gone = timeout(SECOND / 10, limiter.acquire(CREATE, Lane::Edit, far())).await;
        assert!(gone.is_err());
    }
    call(&limiter, Lane::Edit).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(1100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_not_used_gives_its_token_back() {
    let limiter = limiter(1);
    let start = Instant::now();
    drop(limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap());
    limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap().done(Outcome::NotSent);
    let mut permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    // One that waits gets what is given back while it waits.
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { call(&limiter, Lane::Edit).await.map(|at| at - start) }
    });
    sleep(SECOND / 10).await;
    permit.sent().await;
    drop(permit);
    assert!(waiting.await.unwrap().unwrap() >= SECOND, "a sent call is used even if its permit is dropped");
    let permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
    let asked = Instant::now();
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { call(&limiter, Lane::Edit).await.map(|at| at - asked) }
    });
    sleep(SECOND / 10).await;
    drop(permit);
    // The token of the call before that one was sent more than a second ago.
    assert!(waiting.await.unwrap().unwrap() <= SECOND / 5);
}

#[tokio::test(start_paused = true)]
async fn the_second_counts_from_the_sending() {
    let limiter = limiter(2);
    let mut late = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
    sleep(Duration::from_millis(400)).await;
    late.sent().await;
    let mut sent = vec![Instant::now()];
    late.done(Outcome::Answered);
    for _ in 0..6 {
        sent.push(call(&limiter, Lane::Edit).await.unwrap());
    }
    assert_eq!(busiest_second(sent), 2);
}

#[tokio::test(start_paused = true)]
async fn what_callers_do_between_token_and_call_does_not_cost_budget() {
    let limiter = limiter(20);
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..201 {
        let limiter = Arc::clone(&limiter);
        callers.spawn(async move {
            let mut permit = limiter.acquire(CREATE, Lane::Edit, far()).await.unwrap();
            sleep(Duration::from_millis(5 + number * 7 % 40)).await;
            permit.sent().await;
            let sent = Instant::now();
            permit.done(Outcome::Answered);
            sent
        });
    }
    let sent = callers.join_all().await;
    let took = *sent.iter().max().unwrap() - start;
    assert!(busiest_second(sent) <= 20);
    assert!(
        took < Duration::from_millis(10_110),
        "200 calls after the first are ten seconds' budget, not {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn callers_who_go_make_room_in_the_queue() {
    let limiter = limiter(1);
    call(&limiter, Lane::Edit).await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..MAX_WAITING {
        let limiter = Arc::clone(&limiter);
        waiting.spawn(async move { call(&limiter, Lane::Create).await });
    }
    tokio::task::yield_now().await;
    assert!(matches!(call(&limiter, Lane::Create).await, Err(Refused::Busy { .. })));
    waiting.shutdown().await;
    call(&limiter, Lane::Create).await.expect("there is room again");
}
