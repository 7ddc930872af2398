//! Namespaces take turns.

use tokio::task::JoinSet;

use super::*;

fn of(namespace: &str) -> Caller {
    Caller { lane: Lane::Create, flow: Flow::of(namespace) }
}

/// Comes back when told to; tells when its call was sent and how often it was sent away.
async fn served(limiter: Arc<Limiter>, namespace: String) -> (Instant, u32) {
    let mut sent_away = 0;
    loop {
        match limiter.acquire(CREATE, of(&namespace), far()).await {
            Ok(mut permit) => {
                permit.sent().await;
                let sent = Instant::now();
                permit.done(Outcome::Answered);
                return (sent, sent_away);
            }
            Err(Refused::Busy { retry_after }) => sleep(retry_after).await,
            Err(other) => panic!("{other:?}"),
        }
        sent_away += 1;
    }
}

fn crowd(limiter: &Arc<Limiter>, namespace: &str, callers: usize) -> JoinSet<(Instant, u32)> {
    (0..callers).map(|_| served(Arc::clone(limiter), namespace.to_owned())).collect()
}

async fn last(crowd: JoinSet<(Instant, u32)>) -> Instant {
    crowd.join_all().await.into_iter().map(|(sent, _)| sent).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_single_creation_does_not_wait_behind_two_thousand_of_another_namespace() {
    let limiter = limiter(20);
    let start = Instant::now();
    let storm = crowd(&limiter, "storm", 2000);
    sleep(SECOND).await;
    for _ in 0..20 {
        let asked = Instant::now();
        let (sent, sent_away) = served(Arc::clone(&limiter), "other".to_owned()).await;
        assert!(sent - asked <= SECOND / 5 && sent_away == 0, "{:?}, {sent_away}", sent - asked);
    }
    let took = last(storm).await - start;
    assert!(took < Duration::from_secs(106), "2,020 calls are 101 s of budget, not {took:?}");
}

#[tokio::test(start_paused = true)]
async fn two_namespaces_have_half_of_the_budget_each() {
    let limiter = limiter(20);
    let storm = crowd(&limiter, "storm", 1000);
    sleep(SECOND).await;
    let start = Instant::now();
    let others = crowd(&limiter, "other", 200).join_all().await;
    let took = others.iter().map(|(sent, _)| *sent).max().unwrap() - start;
    assert!(took < Duration::from_secs(23), "200 calls at half of 20 a second took {took:?}");
    let sent_away: u32 = others.iter().map(|(_, sent_away)| sent_away).sum();
    assert!(sent_away <= 280, "sent away {sent_away} times in all");
    drop(storm);
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_and_again_does_not_starve_a_storm() {
    let limiter = limiter(20);
    let storm = crowd(&limiter, "storm", 100);
    let again = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move {
            loop {
                served(Arc::clone(&limiter), "again".to_owned()).await;
            }
        }
    });
    let start = Instant::now();
    let took = last(storm).await - start;
    again.abort();
    assert!(took < Duration::from_secs(12), "100 calls at half of 20 a second took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_come_back_at_different_times() {
    let limiter = limiter(20);
    let start = Instant::now();
    let callers = (0..300).map(|number| served(Arc::clone(&limiter), format!("n{number}")));
    let all = callers.collect::<JoinSet<_>>().join_all().await;
    let took = all.iter().map(|(sent, _)| *sent).max().unwrap() - start;
    let sent_away: u32 = all.iter().map(|(_, sent_away)| sent_away).sum();
    assert!(took < Duration::from_secs(17), "300 calls are 15 s of budget, not {took:?}");
    assert!(sent_away <= 600, "sent away {sent_away} times in all");
}
