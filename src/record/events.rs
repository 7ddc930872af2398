//! Events: what happened, for `kubectl describe`. Best effort: an Event that cannot be written is a log line.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracing::debug;

use super::RecordError;

/// What is written, for failures.
const EVENT: &str = "writing an event";

/// The longest note that the API server takes, in bytes.
const NOTE_LIMIT: usize = 1000;

/// Writes Events in the operator's name.
#[derive(Clone)]
pub struct Events {
    client: kube::Client,
    reporter: Reporter,
    /// Remembers warnings for some minutes, so that one which repeats counts up. Each takes kilobytes, so what
    /// went well is written by a recorder of its own.
    warnings: Recorder,
    /// Namespaces that were seen ending: nothing can be created there, so it is not tried again.
    ending: Arc<Mutex<HashSet<String>>>,
}

impl Events {
    /// Events of this operator process.
    pub fn new(client: kube::Client, instance: Option<String>) -> Self {
        let reporter = Reporter { controller: crate::api::MANAGED_BY.into(), instance };
        let warnings = Recorder::new(client.clone(), reporter.clone());
        Self { client, reporter, warnings, ending: Arc::default() }
    }

    /// Something went as it should.
    pub async fn normal<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        self.publish(object, EventType::Normal, reason, action, note).await;
    }

    /// Something needs attention.
    pub async fn warning<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        self.publish(object, EventType::Warning, reason, action, note).await;
    }

    async fn publish<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        type_: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let note = &note[..note.floor_char_boundary(NOTE_LIMIT)];
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note.to_owned()),
            action: action.to_owned(),
            secondary: None,
        };
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        if self.ending().contains(&namespace) {
            return;
        }
        let recorder = match type_ {
            EventType::Normal => Recorder::new(self.client.clone(), self.reporter.clone()),
            EventType::Warning => self.warnings.clone(),
        };
        match recorder.publish(&event, &object.object_ref(&())).await.map_err(|e| RecordError::of(EVENT, e)) {
            Ok(()) => {}
            Err(RecordError::Terminating { .. }) => {
                self.ending().insert(namespace);
            }
            Err(error) => debug!(%error, reason, "an event could not be written"),
        }
    }

    fn ending(&self) -> MutexGuard<'_, HashSet<String>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A namespace of that name is in use: it may have been made anew.
    pub fn in_use(&self, namespace: &str) {
        let mut ending = self.ending();
        if !ending.is_empty() {
            ending.remove(namespace);
        }
    }
}
