//! Watches: every change after a resource version, in order, as long as someone listens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::refusal::Refusal;
use crate::{ApiServer, BoxError};

/// What a watch asks for.
pub(crate) struct Asked {
    /// Number of the kind.
    pub(crate) kind: usize,
    /// Namespace; empty for all.
    pub(crate) namespace: String,
    /// Only the object of this name.
    pub(crate) name: Option<String>,
    /// Changes after this version.
    pub(crate) after: u64,
    /// How long.
    pub(crate) time: Duration,
    /// Say at the end how far it came.
    pub(crate) bookmarks: bool,
}

struct Watch {
    server: ApiServer,
    asked: Asked,
    until: Instant,
    ended: bool,
}

enum Next {
    Line(String),
    Wait(Option<Instant>),
}

/// The lines of a watch.
pub(crate) fn stream(server: ApiServer, asked: Asked) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let until = Instant::now() + asked.time;
    futures::stream::unfold(Watch { server, asked, until, ended: false }, |mut watch| async {
        let line = watch.line().await?;
        Some((Ok(Bytes::from(line)), watch))
    })
}

/// One line. The type comes first, as the API server writes it: readers rely on it to read the object as it comes.
fn line(kind: &str, object: &Value) -> String {
    format!("{{\"type\":{},\"object\":{object}}}\n", json!(kind))
}

impl Watch {
    async fn line(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let mut news = self.server.changes();
        loop {
            news.mark_unchanged();
            match self.next() {
                Next::Line(line) => return Some(line),
                Next::Wait(due) => {
                    let due = due.map_or(self.until, |due| due.min(self.until));
                    tokio::select! {
                        biased;
                        told = news.changed() => told.ok()?,
                        () = sleep_until(due) => {}
                    }
                }
            }
            if Instant::now() >= self.until {
                self.ended = true;
                return self.asked.bookmarks.then(|| self.bookmark());
            }
        }
    }

    fn next(&mut self) -> Next {
        let now = Instant::now();
        let lag = self.server.watch_lag();
        let store = self.server.store();
        let Asked { kind, namespace, name, after, .. } = &mut self.asked;
        if *after < store.forgotten {
            self.ended = true;
            return Next::Line(line("ERROR", &Refusal::expired(*after).body()));
        }
        let first = store.log.partition_point(|change| change.version <= *after);
        for change in store.log.iter().skip(first) {
            let due = change.at + lag;
            let (of, within, called) = &change.key;
            let wanted = of == kind
                && (namespace.is_empty() || within == namespace)
                && name.as_ref().is_none_or(|name| name == called);
            if wanted && due > now {
                return Next::Wait(Some(due));
            }
            *after = change.version;
            if wanted {
                let object: &Value = &Arc::clone(&change.object);
                return Next::Line(line(change.what.as_str(), object));
            }
        }
        Next::Wait(None)
    }

    fn bookmark(&self) -> String {
        let kind = self.server.kind(self.asked.kind);
        let object = json!({
            "kind": kind.kind,
            "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": self.asked.after.to_string()},
            "spec": {},
        });
        line("BOOKMARK", &object)
    }
}
