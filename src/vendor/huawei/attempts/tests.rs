use super::*;

fn tag(text: &str) -> Tag {
    Tag::of(&text.into())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

async fn fail(attempts: &Attempts, secret: &str) -> Result<(), Halt> {
    attempts.begin(tag(secret), soon()).await?.end(Verdict::Refused(Cause::Key));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_fourth_call_with_a_wrong_secret_waits_until_the_first_is_forgotten() {
    let attempts = Attempts::signing();
    for _ in 0..3 {
        fail(&attempts, "wrong").await.unwrap();
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    let halt = Halt::Refused { failures: 3, cause: Cause::Key, retry_after: Duration::from_mins(2) };
    assert_eq!(fail(&attempts, "wrong").await, Err(halt));
    tokio::time::advance(Duration::from_mins(2)).await;
    fail(&attempts, "wrong").await.unwrap();
    assert!(fail(&attempts, "wrong").await.is_err(), "three within five minutes again");
}

#[tokio::test(start_paused = true)]
async fn another_secret_has_tries_of_its_own_but_the_id_has_five() {
    let attempts = Attempts::signing();
    for _ in 0..3 {
        fail(&attempts, "one").await.unwrap();
    }
    fail(&attempts, "two").await.unwrap();
    fail(&attempts, "two").await.unwrap();
    let halt = Halt::Refused { failures: 5, cause: Cause::Key, retry_after: Duration::from_mins(5) };
    assert_eq!(fail(&attempts, "two").await, Err(halt), "the sixth would lock the key");
    assert_eq!(fail(&attempts, "three").await, Err(halt));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_proven_is_tried_by_one_call_at_a_time() {
    let attempts = Attempts::signing();
    let first = attempts.begin(tag("s"), soon()).await.unwrap();
    assert_eq!(attempts.begin(tag("s"), soon()).await.err(), Some(Halt::Late));
    first.end(Verdict::Accepted);
    let flights = [
        attempts.begin(tag("s"), soon()).await.unwrap(),
        attempts.begin(tag("s"), soon()).await.unwrap(),
        attempts.begin(tag("s"), soon()).await.unwrap(),
    ];
    assert_eq!(attempts.begin(tag("s"), soon()).await.err(), Some(Halt::Late), "all may be refused");
    for flight in flights {
        flight.end(Verdict::Refused(Cause::Key));
    }
    assert!(matches!(fail(&attempts, "s").await, Err(Halt::Refused { failures: 3, .. })));
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_count_as_if_they_failed() {
    let attempts = Attempts::signing();
    fail(&attempts, "s").await.unwrap();
    fail(&attempts, "s").await.unwrap();
    attempts.begin(tag("s"), soon()).await.unwrap().end(Verdict::Accepted);
    let flight = attempts.begin(tag("s"), soon()).await.unwrap();
    assert_eq!(attempts.begin(tag("s"), soon()).await.err(), Some(Halt::Late), "one failure is left");
    flight.end(Verdict::Refused(Cause::Key));
    assert!(matches!(fail(&attempts, "s").await, Err(Halt::Refused { failures: 3, .. })));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_on_when_a_call_ends_or_is_dropped() {
    let attempts = Arc::new(Attempts::signing());
    let first = attempts.begin(tag("s"), soon()).await.unwrap();
    let waiting = {
        let attempts = Arc::clone(&attempts);
        tokio::spawn(async move {
            attempts.begin(tag("s"), soon()).await.map(|flight| flight.end(Verdict::Accepted))
        })
    };
    tokio::task::yield_now().await;
    drop(first);
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_locked_key_is_left_alone_whatever_its_secret() {
    let attempts = Attempts::signing();
    attempts.begin(tag("s"), soon()).await.unwrap().end(Verdict::Locked);
    for secret in ["s", "other"] {
        let halt = fail(&attempts, secret).await.unwrap_err();
        assert_eq!(
            halt,
            Halt::Refused { failures: 5, cause: Cause::Key, retry_after: Duration::from_mins(5) }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn logins_stop_after_two() {
    let attempts = Attempts::login();
    fail(&attempts, "p").await.unwrap();
    fail(&attempts, "p").await.unwrap();
    let halt = Halt::Refused { failures: 2, cause: Cause::Key, retry_after: Duration::from_mins(15) };
    assert_eq!(fail(&attempts, "p").await, Err(halt));
    assert_eq!(fail(&attempts, "q").await, Err(halt));
}

#[tokio::test]
async fn clients_of_one_key_share_their_failures() {
    let refusals = Refusals::default();
    let first = refusals.signing("h1", "AK");
    fail(&first, "s").await.unwrap();
    drop(first);
    let again = refusals.signing("h1", "AK");
    assert_eq!(again.lock().refused.len(), 1, "remembered although no client was left");
    assert!(refusals.signing("h2", "AK").is_idle());
    assert!(refusals.signing("h1", "AK2").is_idle());
    assert!(refusals.login("h1", "AK", "").is_idle());
    assert!(!format!("{again:?}").contains("AK"));
}

async fn late(attempts: &Attempts, cause: Cause) -> Result<(), Halt> {
    attempts.begin(tag("s"), soon()).await?.end(Verdict::Refused(cause));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_date_that_was_put_right_leaves_the_key_its_tries() {
    let attempts = Attempts::signing();
    attempts.begin(tag("s"), soon()).await.unwrap().end(Verdict::Accepted);
    // Three at once with a clock that jumped, and the first answer told the right time.
    let mut flights = Vec::new();
    for _ in 0..3 {
        flights.push(attempts.begin(tag("s"), soon()).await.unwrap());
    }
    for flight in flights {
        flight.end(Verdict::Refused(Cause::ClockLearnt));
    }
    attempts.begin(tag("s"), soon()).await.unwrap().end(Verdict::Accepted);
    late(&attempts, Cause::ClockLearnt).await.unwrap();
    late(&attempts, Cause::ClockLearnt).await.unwrap();
    let halt = Halt::Refused { failures: 5, cause: Cause::ClockLearnt, retry_after: Duration::from_mins(5) };
    assert_eq!(late(&attempts, Cause::ClockLearnt).await, Err(halt), "the vendor counts every refusal");
}

#[tokio::test(start_paused = true)]
async fn a_date_that_stays_wrong_stops_after_three_and_the_clock_is_named() {
    let attempts = Attempts::signing();
    for _ in 0..3 {
        late(&attempts, Cause::Clock).await.unwrap();
    }
    let halt = Halt::Refused { failures: 3, cause: Cause::Clock, retry_after: Duration::from_mins(5) };
    assert_eq!(late(&attempts, Cause::Clock).await, Err(halt));
}
