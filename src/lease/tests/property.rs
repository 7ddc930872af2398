//! Whatever the network and the scheduler do: one leader at a time.

use proptest::prelude::*;

use super::*;

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let time = || prop_oneof![4 => 0_u64..300, 1 => 0_u64..20_000].prop_map(Duration::from_millis);
    let way = (time(), time(), prop::bool::weighted(0.1));
    prop::collection::vec(way.prop_map(|(there, back, lost)| Way { there, back, lost }), 1..40)
}

/// Seconds of running and of standing still.
fn pauses() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((1_u64..60_000, 1_u64..40_000), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_do_two_cover_the_same_instant(
        plans in prop::collection::vec((ways(), pauses()), 2..4),
        ahead in 0_u64..14_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let overlap = runtime.block_on(async {
            let server = Server::default();
            let mut contenders = Vec::new();
            for (index, (ways, pauses)) in plans.into_iter().enumerate() {
                let identity = format!("contender-{index}");
                // The answer is shared state: it is there while the process stands still.
                let latest = Arc::new(Mutex::new(None::<Leadership>));
                contenders.push(Arc::clone(&latest));
                let mut at = Instant::now();
                let mut spans = Vec::new();
                for (runs, stands) in pauses {
                    at += Duration::from_millis(runs);
                    spans.push((at, at + Duration::from_millis(stands)));
                    at += Duration::from_millis(stands);
                }
                let server = server.with_ways(ways);
                let process = async move {
                    // A process that lost its leadership is started again, under another name.
                    for start in 0.. {
                        let (leadership, run) = Run::new(server.clone(), settings(&format!("{identity}-{start}")));
                        *latest.lock().unwrap() = Some(leadership);
                        drop(run.run(std::future::pending()).await);
                        sleep(SECOND).await;
                    }
                };
                tokio::spawn(paused_at_times(spans, process));
            }
            watch_for_overlap(&contenders, Duration::from_millis(ahead)).await
        });
        prop_assert!(overlap.is_none(), "{overlap:?}");
    }
}

/// Looks every 50 ms at who may send a call that lasts `ahead`; two such calls must never overlap.
async fn watch_for_overlap(contenders: &[Arc<Mutex<Option<Leadership>>>], ahead: Duration) -> Option<String> {
    let begin = Instant::now();
    let mut busy: Option<(usize, Instant)> = None;
    while begin.elapsed() < 300 * SECOND {
        let now = Instant::now();
        for (index, contender) in contenders.iter().enumerate() {
            let covers = contender.lock().unwrap().as_ref().is_some_and(|l| l.covers(now + ahead));
            if !covers {
                continue;
            }
            match busy {
                Some((other, until)) if other != index && now < until => {
                    return Some(format!("{index} acts at {:?} while {other} may", now - begin));
                }
                _ => busy = Some((index, now + ahead + Duration::from_nanos(1))),
            }
        }
        tokio::task::yield_now().await;
        sleep(Duration::from_millis(50)).await;
    }
    None
}
