mod property;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings(identity: &str) -> LeaseSettings {
    LeaseSettings {
        namespace: "iot-system".into(),
        name: "iot-operator".into(),
        identity: identity.into(),
        duration: 15 * SECOND,
        renew_every: 5 * SECOND,
        renew_deadline: 10 * SECOND,
    }
}

/// What the network does to one request.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    there: Duration,
    back: Duration,
    lost: bool,
}

/// An API server: it compares versions, and carries out what arrives even if nobody waits for the answer.
#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<(Option<Lease>, u64)>>,
    ways: Arc<Vec<Way>>,
    next: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Server {
    fn with_ways(&self, ways: Vec<Way>) -> Self {
        Self { ways: Arc::new(ways), next: Arc::default(), ..self.clone() }
    }

    fn holder(&self) -> Option<String> {
        self.lease.lock().unwrap().0.clone()?.spec?.holder_identity
    }

    fn replace(&self, change: impl FnOnce(Option<Lease>) -> Option<Lease>) {
        let mut kept = self.lease.lock().unwrap();
        kept.1 += 1;
        let version = kept.1.to_string();
        kept.0 = change(kept.0.take()).map(|mut lease| {
            lease.metadata.resource_version = Some(version);
            lease
        });
    }

    async fn request<T: Send + 'static>(
        &self,
        carry_out: impl FnOnce(&mut (Option<Lease>, u64)) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let way = self.ways.get(index % self.ways.len().max(1)).copied().unwrap_or_default();
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::Refused);
        }
        let lease = Arc::clone(&self.lease);
        let (sender, answer) = oneshot::channel();
        tokio::spawn(async move {
            sleep(way.there).await;
            let result = carry_out(&mut lease.lock().unwrap());
            sleep(way.back).await;
            if !way.lost {
                drop(sender.send(result));
            }
        });
        answer.await.unwrap_or(Err(StoreError::Refused))
    }
}

impl Store for Server {
    async fn read(&self) -> Result<Option<Lease>, StoreError> {
        self.request(|kept| Ok(kept.0.clone())).await
    }

    async fn write(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let mut lease = lease.clone();
        self.request(move |kept| {
            let current = kept.0.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
            if current != lease.metadata.resource_version {
                return Err(StoreError::Conflict);
            }
            kept.1 += 1;
            lease.metadata.resource_version = Some(kept.1.to_string());
            kept.0 = Some(lease.clone());
            Ok(lease)
        })
        .await
    }
}

type Ended = tokio::task::JoinHandle<Result<(), LeaseError>>;

fn start(server: &Server, identity: &str) -> (Leadership, oneshot::Sender<()>, Ended) {
    let (leadership, run) = Run::new(server.clone(), settings(identity));
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(run.run(async move { drop(stopped.await) }));
    (leadership, stop, task)
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_at_once_and_keeps_the_lease() {
    let server = Server::default();
    let begin = Instant::now();
    let (first, _stop, _task) = start(&server, "first");
    first.wait_leader().await;
    assert!(begin.elapsed() < SECOND);
    let (second, _stop2, _task2) = start(&server, "second");
    for _ in 0..600 {
        sleep(SECOND).await;
        assert!(first.is_leader() && !second.is_leader());
        assert!(first.covers(Instant::now() + 8 * SECOND), "a vendor call always finds room");
        assert!(!first.covers(Instant::now() + 15 * SECOND));
    }
    let spec = server.lease.lock().unwrap().0.clone().unwrap().spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("first"));
    assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(15), Some(1)));
    assert!(spec.acquire_time.unwrap().0 <= spec.renew_time.unwrap().0);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_cannot_read_the_lease_says_so() {
    let server = Server::default();
    let (leader, _stop, _task) = start(&server, "a");
    leader.wait_leader().await;
    server.down.store(true, Ordering::Relaxed);
    let (candidate, _stop, _task) = start(&server, "b");
    let mut hindrance = candidate.hindrance();
    assert_eq!(*hindrance.borrow(), UNSEEN);
    hindrance.wait_for(|what| *what == UNREADABLE).await.unwrap();
    server.down.store(false, Ordering::Relaxed);
    hindrance.wait_for(Option::is_none).await.unwrap();
    assert!(!candidate.is_leader() && leader.hindrance().borrow().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_leader_gives_the_lease_back() {
    let server = Server::default();
    let (first, stop, task) = start(&server, "first");
    first.wait_leader().await;
    let (second, _stop2, _task2) = start(&server, "second");
    sleep(7 * SECOND).await;
    drop(stop);
    task.await.unwrap().unwrap();
    first.lost().await;
    assert!(!first.is_leader());
    let begin = Instant::now();
    second.wait_leader().await;
    assert!(begin.elapsed() <= 2 * SECOND + SECOND / 10, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_followed_after_its_lease() {
    let server = Server::default();
    let (first, _stop, task) = start(&server, "first");
    first.wait_leader().await;
    let (second, _stop2, _task2) = start(&server, "second");
    sleep(SECOND).await;
    task.abort();
    let begin = Instant::now();
    second.wait_leader().await;
    assert!((13 * SECOND..18 * SECOND).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert!(!first.is_leader());
    first.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_gives_up_before_its_lease_ends() {
    let server = Server::default();
    let (first, _stop, task) = start(&server, "first");
    first.wait_leader().await;
    sleep(SECOND).await;
    server.down.store(true, Ordering::Relaxed);
    let begin = Instant::now();
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error, LeaseError::NotRenewed { .. }), "{error}");
    assert!(begin.elapsed() <= 10 * SECOND, "{:?}", begin.elapsed());
    assert!(!first.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_does_not_end_leadership() {
    let server = Server::default();
    let (first, _stop, _task) = start(&server, "first");
    first.wait_leader().await;
    for _ in 0..10 {
        server.down.store(true, Ordering::Relaxed);
        sleep(4 * SECOND).await;
        server.down.store(false, Ordering::Relaxed);
        sleep(6 * SECOND).await;
        assert!(first.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_write_that_happened_is_recognised_as_ours() {
    let ways = [false, false, true, false, false, true, false].map(|lost| Way { lost, ..Way::default() });
    let server = Server::default().with_ways(ways.to_vec());
    let (first, _stop, _task) = start(&server, "first");
    first.wait_leader().await;
    for _ in 0..100 {
        sleep(SECOND).await;
        assert!(first.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_by_force_ends_leadership() {
    let server = Server::default();
    let (first, _stop, task) = start(&server, "first");
    first.wait_leader().await;
    server.replace(|lease| {
        let mut lease = lease.unwrap();
        lease.spec.as_mut().unwrap().holder_identity = Some("usurper".into());
        Some(lease)
    });
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(&error, LeaseError::TakenOver { holder, .. } if holder == "usurper"), "{error}");
    assert_eq!(server.holder().as_deref(), Some("usurper"), "it is not given back in another's name");
    first.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_not_taken_while_its_holder_may_act() {
    let server = Server::default();
    let (first, _stop, task) = start(&server, "first");
    first.wait_leader().await;
    let (second, _stop2, _task2) = start(&server, "second");
    sleep(SECOND).await;
    task.abort();
    server.replace(|_| None);
    let begin = Instant::now();
    second.wait_leader().await;
    assert!(begin.elapsed() >= 13 * SECOND, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn other_peoples_clocks_are_not_believed() {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    for renewed in [Timestamp::MIN, Timestamp::MAX] {
        let server = Server::default();
        let mut foreign = match Candidate::new(settings("foreign")).look(None, Instant::now()) {
            Step::Claim(lease) => *lease,
            Step::Foreign { .. } => panic!("there is none"),
        };
        let spec = foreign.spec.as_mut().unwrap();
        spec.renew_time = Some(MicroTime(renewed));
        spec.lease_duration_seconds = Some(40);
        server.replace(|_| Some(foreign));
        let begin = Instant::now();
        let (leadership, _stop, _task) = start(&server, "first");
        leadership.wait_leader().await;
        assert!((40 * SECOND..43 * SECOND).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    }
}

#[test]
fn times_that_leave_no_room_are_refused() {
    let good = settings("a");
    good.check().unwrap();
    let bad = [
        LeaseSettings { renew_every: 10 * SECOND, ..good.clone() },
        LeaseSettings { renew_every: Duration::ZERO, ..good.clone() },
        LeaseSettings { renew_deadline: 14 * SECOND, ..good.clone() },
        LeaseSettings { duration: 11 * SECOND, ..good },
    ];
    for settings in bad {
        assert!(settings.check().is_err(), "{settings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_election_everything_is_covered() {
    let leadership = Leadership::without_election();
    leadership.clone().wait_leader().await;
    assert!(leadership.is_leader() && leadership.covers(Instant::now() + 1000 * SECOND));
    assert!(timeout(1000 * SECOND, leadership.lost()).await.is_err());
}

#[test]
fn identities_differ() {
    assert_ne!(unique_identity("pod-0"), unique_identity("pod-0"));
    assert!(unique_identity("pod-0").starts_with("pod-0_"));
}

/// Stops `inner`, as SIGSTOP does, in the given spans of the clock.
async fn paused_at_times<F: Future>(spans: Vec<(Instant, Instant)>, inner: F) -> F::Output {
    let mut inner = pin!(inner);
    for (from, to) in spans {
        tokio::select! {
            biased;
            () = sleep_until(from) => {}
            output = &mut inner => return output,
        }
        sleep_until(to).await;
    }
    inner.await
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stands_still_covers_nothing_afterwards() {
    let server = Server::default();
    let (leadership, run) = Run::new(server.clone(), settings("first"));
    let from = Instant::now() + 7 * SECOND;
    let run = paused_at_times(vec![(from, from + 60 * SECOND)], run.run(std::future::pending()));
    let task = tokio::spawn(run);
    leadership.wait_leader().await;
    sleep(9 * SECOND).await;
    let (second, _stop, _task) = start(&server, "second");
    second.wait_leader().await;
    assert!(!leadership.is_leader());
    assert!(task.await.unwrap().is_err());
    assert!(second.is_leader());
}

#[tokio::test(start_paused = true)]
async fn leadership_counts_from_the_sending_of_the_renewal() {
    let slow = Way { back: 4 * SECOND, ..Way::default() };
    let server = Server::default().with_ways(vec![Way::default(), slow]);
    let begin = Instant::now();
    let (first, _stop, _task) = start(&server, "first");
    first.wait_leader().await;
    assert!(begin.elapsed() >= 4 * SECOND);
    assert!(first.covers(begin + 13 * SECOND) && !first.covers(begin + 14 * SECOND + SECOND / 2));
}

#[tokio::test(start_paused = true)]
async fn anothers_lease_is_not_given_back() {
    let server = Server::default();
    let (first, stop, task) = start(&server, "first");
    first.wait_leader().await;
    server.replace(|lease| {
        let mut lease = lease.unwrap();
        lease.spec.as_mut().unwrap().holder_identity = Some("second".into());
        Some(lease)
    });
    drop(stop);
    task.await.unwrap().unwrap();
    assert_eq!(server.holder().as_deref(), Some("second"));
}
