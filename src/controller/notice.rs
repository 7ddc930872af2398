//! `Ready` is there from the first visit that lasts longer than two seconds. A stage that waits for the vendor is shown while
//! it waits, on an object that has no condition yet.

use std::pin::pin;
use std::time::Duration;

use kube::api::Api;
use tokio::time::{Instant, timeout_at};

use super::cached::revision;
use super::conclude::{is_bare, shown_as};
use super::visit::Visit;
use crate::api::{IotProduct, IotProductStatus};
use crate::record::{RecordError, status};

/// A visit that lasts longer than this shows that it is at work.
pub const NOTICE: Duration = Duration::from_secs(2);

/// What is to be shown when a stage lasts. The stage itself may hold the visit, and must not write the object.
pub struct Notice(Option<Box<Shown>>);

struct Shown {
    at: Instant,
    api: Api<IotProduct>,
    object: IotProduct,
    status: IotProductStatus,
}

impl Notice {
    /// Of a visit. Nothing for an object that has a condition: it says already what it waits for.
    pub fn of(visit: &Visit<'_>) -> Self {
        Self(is_bare(visit).then(|| {
            Box::new(Shown {
                at: visit.begun + NOTICE,
                api: visit.api(),
                object: visit.object.clone(),
                status: shown_as(visit),
            })
        }))
    }

    /// Waits for a stage, and shows that it is under way when it lasts. Gives the object as it was written for that.
    pub async fn beside<T>(self, stage: impl Future<Output = T>) -> (T, Option<IotProduct>) {
        let mut stage = pin!(stage);
        let Some(shown) = self.0 else { return (stage.await, None) };
        let Shown { at, api, object, status } = *shown;
        if let Ok(ended) = timeout_at(at, &mut stage).await {
            return (ended, None);
        }
        let old = object.status.clone().unwrap_or_default();
        let showing = Box::pin(async {
            match status::write(&api, &object, &old, &status).await {
                Ok(written) => written,
                Err(RecordError::Conflict { .. }) => {
                    show_on_changed(&api, &object, &status).await;
                    None
                }
                Err(error) => {
                    tracing::debug!(%error, "progress could not be shown");
                    None
                }
            }
        });
        tokio::join!(stage, showing)
    }
}

/// Shows progress on an object that was changed meanwhile. The visit goes on with the object as it knows it, so that what it
/// writes next is refused and decided anew.
pub async fn show_on_changed(api: &Api<IotProduct>, object: &IotProduct, shown: &IotProductStatus) {
    let answer = async {
        let Some(live) = status::live(api, object).await? else { return Ok(()) };
        let old = live.status.clone().unwrap_or_default();
        if !old.conditions.is_empty() {
            return Ok(());
        }
        let new = IotProductStatus {
            conditions: shown.conditions.clone(),
            observed_generation: shown.observed_generation,
            ..old.clone()
        };
        status::write(api, &live, &old, &new).await.map(drop)
    };
    if let Err(error) = answer.await {
        let error: RecordError = error;
        tracing::debug!(%error, "progress could not be shown");
    }
}

impl Visit<'_> {
    /// Goes on with what came of a stage, and with the object as the notice beside it wrote it, unless it was written since.
    pub fn go_on<T>(&mut self, (came, written): (T, Option<IotProduct>)) -> T {
        if let Some(written) = written.filter(|written| revision(written) > revision(&self.object)) {
            self.object = written;
        }
        came
    }
}
