//! Whatever comes: no second with too many calls, nobody forgotten.

use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;

/// What one caller of the property test does.
#[derive(Clone, Debug)]
struct Caller {
    arrives: u64,
    lane: Lane,
    patience: u64,
    holds: u64,
    uses: bool,
}

fn caller() -> impl Strategy<Value = Caller> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    (
        0_u64..4000,
        lane,
        prop_oneof![Just(600_000), 0_u64..3000],
        prop_oneof![0_u64..80, 0_u64..3000],
        prop::bool::weighted(0.8),
    )
        .prop_map(|(arrives, lane, patience, holds, uses)| Caller {
            arrives,
            lane,
            patience,
            holds,
            uses,
        })
}

async fn run(limiter: Arc<Limiter>, caller: Caller) -> Option<Instant> {
    let mut sent = None;
    let attempt = async {
        sleep(Duration::from_millis(caller.arrives)).await;
        let mut permit = loop {
            match limiter.acquire(CREATE, caller.lane, far()).await {
                Ok(permit) => break permit,
                Err(Refused::Busy { retry_after }) => sleep(retry_after).await,
                Err(other) => panic!("{other:?}"),
            }
        };
        sleep(Duration::from_millis(caller.holds)).await;
        if caller.uses {
            permit.sent().await;
            sent = Some(Instant::now());
            permit.done(Outcome::Answered);
        }
    };
    let gave_up = timeout(Duration::from_millis(caller.arrives + caller.patience), attempt).await.is_err();
    assert!(!gave_up || caller.patience < 3000, "a patient caller was not served in ten minutes");
    sent
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_second_has_more_calls_than_the_budget(
        per_second in 1_u32..25,
        callers in prop::collection::vec(caller(), 1..150),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let sent = runtime.block_on(async {
            let limiter = limiter(per_second);
            let tasks: JoinSet<_> = callers.into_iter().map(|c| run(Arc::clone(&limiter), c)).collect();
            tasks.join_all().await.into_iter().flatten().collect::<Vec<_>>()
        });
        let busiest = busiest_second(sent);
        prop_assert!(busiest <= per_second as usize, "{busiest} calls in a second of {per_second}");
    }
}
