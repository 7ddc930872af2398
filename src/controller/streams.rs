//! What is watched: the stores, what of a change asks for a visit, and the controllers over them.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::Resource;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch::Sender;

use super::cached::Cached;
use super::context::Context;
use super::guarded::{Guard, Guarded};
use super::reports::{Reports, contained, report, say};
use crate::slots::Slots;

/// How fast objects are visited that a list shows at rest. A process that has just begun has others to see to, and
/// room for all of them at once would stay taken.
const AT_REST: Duration = Duration::from_millis(2);

/// Objects that are asked for at once. The smaller, the less memory a beginning takes, whatever size users give them.
pub const PAGE: u32 = 50;

/// One kind in one scope: its store, and how to wake objects of it.
pub struct Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// What is read from it.
    pub store: Store<K>,
    /// Has an object visited.
    pub wake: UnboundedSender<ObjectRef<K>>,
    /// Whether the store was filled once.
    pub filled: Sender<bool>,
    namespace: Option<String>,
    writer: Writer<K>,
    gone: fn(&K, &Arc<Context>),
    lost: fn(&K, &Context),
    woken: UnboundedReceiver<ObjectRef<K>>,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// An empty store that nobody fills yet, of one namespace or of all.
    pub fn new(namespace: Option<String>) -> Self {
        let (store, writer) = store();
        let (wake, woken) = unbounded_channel();
        Self {
            store,
            wake,
            filled: Sender::new(false),
            namespace,
            writer,
            woken,
            gone: |_, _| {},
            lost: |_, _| {},
        }
    }

    /// Has something done with an object as it was before it lost the operator's finalizer.
    #[must_use]
    pub fn when_hold_lost(self, lost: fn(&K, &Context)) -> Self {
        Self { lost, ..self }
    }

    /// Has something done after an object left the store.
    #[must_use]
    pub fn when_gone(self, gone: fn(&K, &Arc<Context>)) -> Self {
        Self { gone, ..self }
    }
}

/// Keeps the store, and passes on what is not known yet or changed in what asks for a visit: of a list only when
/// all of it is in the store, else its visit would not find it; and what is at rest there has time. Tells of objects
/// that are gone, and of those that lost the operator's finalizer, as they were before.
fn keep<K>(
    events: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send,
    store: Store<K>,
    mut writer: Writer<K>,
    filled: Sender<bool>,
    gone: impl Fn(&K) + Send + 'static,
    lost: impl Fn(&K) + Send + 'static,
    have_time: UnboundedSender<Arc<K>>,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send
where
    K: Cached + Clone + Send + Sync + 'static,
{
    let mut listed = Vec::new();
    events.flat_map(move |event| {
        let (mut failed, mut changed) = (None, Vec::new());
        let of_list = matches!(event, Ok(Event::InitDone));
        match event {
            Err(error) => failed = Some(Err(error)),
            Ok(event) => {
                let before = if of_list { store.state() } else { Vec::new() };
                if let Some(before) = loser(&event, &store) {
                    lost(&before);
                }
                let asks = changes(&event, &store);
                writer.apply_watcher_event(&event);
                match &event {
                    Event::Init => listed.clear(),
                    Event::InitApply(_) => listed.extend(asks),
                    Event::InitDone => {
                        changed = std::mem::take(&mut listed);
                        filled.send_replace(true);
                    }
                    Event::Apply(_) => changed.extend(asks),
                    Event::Delete(object) => gone(object),
                }
                // Another object of the same name is another.
                let stays = |object: &Arc<K>| {
                    let now = store.get(&ObjectRef::from_obj(&**object));
                    now.is_some_and(|now| now.meta().uid == object.meta().uid)
                };
                for object in before.iter().filter(|object| !stays(object)) {
                    gone(object);
                }
            }
        }
        let (store, have_time) = (store.clone(), have_time.clone());
        let changed = changed.into_iter().filter_map(move |object| {
            let object = store.get(&object)?;
            if of_list && object.rests() {
                // The receiver is gone only when the controller is ending.
                let _ = have_time.send(object);
                return None;
            }
            Some(Ok(K::clone(&object)))
        });
        futures::stream::iter(failed.into_iter().chain(changed))
    })
}

/// One after the other.
fn paced<K>(objects: UnboundedReceiver<Arc<K>>) -> impl Stream<Item = ObjectRef<K>> + Send
where
    K: Resource<DynamicType = ()> + Send + Sync + 'static,
{
    futures::stream::unfold(objects, |mut objects| async {
        let object = objects.recv().await?;
        tokio::time::sleep(AT_REST).await;
        Some((ObjectRef::from_obj(&*object), objects))
    })
}

/// The object of an event, if it is not known yet or something changed in it that asks for a visit.
fn changes<K: Cached + Clone>(event: &Event<K>, known: &Store<K>) -> Option<ObjectRef<K>> {
    let (Event::Apply(object) | Event::InitApply(object)) = event else { return None };
    let object_ref = ObjectRef::from_obj(object);
    let same = |before: Arc<K>| {
        before.meta().uid == object.meta().uid && before.asks() == object.asks() && !object.lost_hold(&before)
    };
    (!known.get(&object_ref).is_some_and(same)).then_some(object_ref)
}

/// The object of an event as it was before, if it lost the operator's finalizer.
fn loser<K: Cached + Clone>(event: &Event<K>, known: &Store<K>) -> Option<Arc<K>> {
    let (Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = event else {
        return None;
    };
    known.get(&ObjectRef::from_obj(object)).filter(|before| object.lost_hold(before))
}

/// In pages. A list of "any" version would be answered from the API server's memory, which ignores the size of a page and
/// sends all objects at once.
fn listed() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// Watches, and begins with a list after every failure. A watch could be resumed where it failed; but an API server
/// whose etcd was restored to the past meanwhile answers a resourceVersion from its future with silence, and what
/// is there now would never be seen (seen with Kubernetes 1.36; `docs/operations.md`, "etcd restored from a
/// snapshot").
fn watch<K>(api: Api<K>) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let begin = move || Box::pin(watcher(api.clone(), listed()));
    futures::stream::unfold(None, move |under_way| {
        let mut events = under_way.unwrap_or_else(&begin);
        async move {
            let event = events.next().await?;
            let under_way = event.is_ok().then_some(events);
            Some((event, under_way))
        }
    })
}

/// Runs a controller until `stop` completes and the visits under way have ended.
pub async fn run<K, F>(
    api: Api<Guarded<K>>,
    watched: Watched<K>,
    ctx: Arc<Context>,
    reports: Reports,
    slots: Slots,
    visit: impl Fn(Arc<K>, Arc<Context>) -> F + Clone + Send + Sync + 'static,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) where
    K: Cached + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    F: Future<Output = Result<Action, Infallible>> + Send + 'static,
{
    let Watched { store, wake, filled, namespace, writer, woken, gone, lost } = watched;
    let (seen, left, loser) = (reports.clone(), Arc::clone(&ctx), Arc::clone(&ctx));
    let guard = Guard::new(reports.component, namespace, ctx.unreadable.clone(), store.clone());
    let (reader, ending) = (store.clone(), slots.clone());
    let visit = move |object: Arc<K>, ctx| {
        let (slots, visit, reports, store) = (slots.clone(), visit.clone(), reports.clone(), reader.clone());
        async move {
            let Some(_slot) = slots.take(object.claimant()).await else { return Ok(Action::await_change()) };
            // As it is when its turn has come.
            match store.get(&ObjectRef::from_obj(&*object)) {
                Some(object) => contained(reports, visit(object, ctx)).await,
                None => Ok(Action::await_change()),
            }
        }
    };
    let stop = async move {
        stop.await;
        ending.close();
    };
    let (told, saying, mut guard) = (Arc::clone(&ctx), seen.clone(), guard);
    let events =
        watch(api).inspect(move |event| report(event, &seen)).default_backoff().filter_map(move |event| {
            let event = match event {
                Ok(event) => {
                    let (event, unreadable) = guard.pass(event);
                    if let Some(unreadable) = unreadable {
                        say(unreadable, &told, &saying);
                    }
                    saying.metrics.unreadable(saying.component, told.unreadable.count(saying.component));
                    event.map(Ok)
                }
                Err(error) => Some(Err(error)),
            };
            std::future::ready(event)
        });
    let (have_time, at_rest) = unbounded_channel();
    let (gone, lost) = (move |object: &K| gone(object, &left), move |object: &K| lost(object, &loser));
    let changes = keep(events, store.clone(), writer, filled, gone, lost, have_time);
    let woken = futures::stream::unfold(woken, |mut woken| async {
        let object = woken.recv().await?;
        Some((object, woken))
    });
    Controller::for_stream(changes, store)
        // Everything that is due waits for a slot, where it is decided who has the next one.
        .with_config(Config::default().concurrency(0))
        .reconcile_on(futures::stream::select(woken, paced(at_rest)))
        .graceful_shutdown_on(stop)
        .run(visit, |_, error: &Infallible, _| match *error {}, ctx)
        .for_each(|result| async {
            if let Err(error) = result {
                // An object that left the store between its turn and its visit, or the watch's own error,
                // which is reported above.
                tracing::debug!(%error, "a visit was not made");
            }
        })
        .await;
    // The channel stays open as long as the controller runs.
    drop(wake);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kube::ResourceExt as _;
    use serde_json::json;

    use super::*;
    use crate::api::FORCE_FORGET_ANNOTATION;
    use crate::controller::cached::{CachedProduct, at_rest};

    fn product(name: &str, generation: i64) -> CachedProduct {
        let metadata = json!({"name": name, "namespace": "factory", "uid": name, "generation": generation});
        let spec = json!({"vendor": "TencentCloud", "name": name, "accountRef": {"name": "tencent"}});
        let object = json!({"apiVersion": "iot-products.io/v1alpha1", "kind": "IotProduct",
            "metadata": metadata, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    /// What is passed on of events, at once and in time, and what is told to be gone.
    async fn kept(events: Vec<Event<CachedProduct>>) -> (Vec<String>, Vec<String>) {
        let gone = Arc::new(Mutex::new(Vec::new()));
        let (store, writer) = store();
        let told = Arc::clone(&gone);
        let tell = move |object: &CachedProduct| told.lock().unwrap().push(object.name_any());
        let listed = events.iter().any(|event| matches!(event, Event::InitDone));
        let (events, reader) = (futures::stream::iter(events.into_iter().map(Ok)), store.clone());
        let (have_time, have_had) = unbounded_channel();
        let filled = Sender::new(false);
        let known = filled.subscribe();
        let passed = keep(events, store, writer, filled, tell, |_| {}, have_time).map(|object| {
            let object = object.unwrap();
            assert!(reader.get(&ObjectRef::from_obj(&object)).is_some(), "its visit finds it in the store");
            object.name_any()
        });
        let mut passed: Vec<String> = passed.collect().await;
        assert_eq!(*known.borrow(), listed, "filled by the end of a list");
        passed.sort();
        let later = paced(have_had).map(|object| format!("later:{}", object.name));
        passed.extend(later.collect::<Vec<_>>().await);
        (passed, gone.lock().unwrap().clone())
    }

    #[tokio::test]
    async fn a_list_passes_on_what_is_new_and_tells_what_is_gone() {
        let first = [
            Event::Init,
            Event::InitApply(product("a", 1)),
            Event::InitApply(product("b", 1)),
            Event::InitDone,
        ];
        let (passed, gone) = kept(first.clone().into()).await;
        assert_eq!((passed.join(" ").as_str(), gone.len()), ("a b", 0));
        let again = [
            Event::Init,
            Event::InitApply(product("b", 1)),
            Event::InitApply(product("c", 1)),
            Event::InitDone,
        ];
        let (passed, gone) = kept([first, again].concat()).await;
        assert_eq!((passed.join(" ").as_str(), gone.join(" ").as_str()), ("a b c", "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_list_shows_at_rest_has_time_and_an_edit_of_it_has_none() {
        let list = [
            Event::Init,
            Event::InitApply(CachedProduct::of(at_rest("a"))),
            Event::InitApply(product("b", 1)),
        ];
        // It rests by its status, and what is asked for is known from the annotation alone.
        let mut asked = at_rest("a");
        asked.annotations_mut().insert(FORCE_FORGET_ANNOTATION.to_owned(), "Q000000000".to_owned());
        let asked = Event::Apply(CachedProduct::of(asked));
        let (passed, gone) = kept([list.to_vec(), vec![Event::InitDone]].concat()).await;
        assert_eq!((passed.join(" ").as_str(), gone.len()), ("b later:a", 0));
        let (passed, _) = kept([list.to_vec(), vec![Event::InitDone, asked]].concat()).await;
        assert_eq!(passed.join(" "), "a b later:a");
    }

    #[test]
    fn a_list_is_asked_for_in_a_way_that_has_pages() {
        let asked = listed();
        assert_eq!(asked.page_size, Some(PAGE));
        assert_eq!(asked.list_semantic, watcher::ListSemantic::MostRecent, "others have none");
    }

    #[tokio::test]
    async fn what_another_client_wrote_without_finalizer_and_ledger_is_visited() {
        let mut replaced = at_rest("a");
        replaced.metadata.finalizers = None;
        replaced.metadata.annotations = None;
        let (held, replaced) = (CachedProduct::of(at_rest("a")), CachedProduct::of(replaced));
        let lists =
            |object: &CachedProduct| vec![Event::Init, Event::InitApply(object.clone()), Event::InitDone];
        let (passed, _) = kept([lists(&held), vec![Event::Apply(replaced.clone())]].concat()).await;
        assert_eq!(passed.join(" "), "a later:a");
        let (passed, _) = kept([lists(&held), lists(&replaced)].concat()).await;
        assert_eq!(passed.join(" "), "a later:a", "seen by a list after a failed watch");
    }

    #[tokio::test]
    async fn only_what_asks_for_a_visit_is_passed_on() {
        let edits = [product("a", 1), product("a", 1), product("a", 2)].map(Event::Apply);
        let (passed, gone) = kept([edits.to_vec(), vec![Event::Delete(product("a", 2))]].concat()).await;
        assert_eq!((passed.join(" ").as_str(), gone.join(" ").as_str()), ("a a", "a"));
    }
}
