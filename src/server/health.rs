//! Whether the process works, as `/livez` and `/readyz` say it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;

/// A part of the process that readiness depends on. One that works in single namespaces has a component for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    namespace: Option<Arc<str>>,
    name: &'static str,
}

impl Component {
    /// A part in one namespace, or, with `None`, in the whole cluster.
    pub fn new(name: &'static str, namespace: Option<&str>) -> Self {
        Self { name, namespace: namespace.map(Arc::from) }
    }
}

impl From<&'static str> for Component {
    fn from(name: &'static str) -> Self {
        Self::new(name, None)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} in namespace {namespace}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Whether the process works. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Health {
    state: Arc<Mutex<State>>,
    longest_silence: Duration,
}

#[derive(Debug)]
struct State {
    /// What is wrong with each component; an empty text where there is nothing to say yet, `None` where it works.
    components: BTreeMap<Component, Option<String>>,
    last_beat: Instant,
}

impl Health {
    /// Not ready before its components are; alive while [`Health::beat`] is called at least every `longest_silence`, which
    /// is counted from now. Every component without a namespace has to work. Of those in namespaces, all of one namespace
    /// have to: a namespace that cannot be watched says so, and takes nothing from the others.
    pub fn new<C: Into<Component> + Clone>(components: &[C], longest_silence: Duration) -> Self {
        let components =
            components.iter().cloned().map(|component| (component.into(), Some(String::new()))).collect();
        let state = Arc::new(Mutex::new(State { components, last_beat: Instant::now() }));
        Self { state, longest_silence }
    }

    /// A component works, or no longer does.
    pub fn set_ready(&self, component: impl Into<Component>, ready: bool) {
        self.lock().components.insert(component.into(), (!ready).then(String::new));
    }

    /// A component does not work, and what to do about it, in one line.
    pub fn set_trouble(&self, component: impl Into<Component>, what: impl Into<String>) {
        self.lock().components.insert(component.into(), Some(what.into()));
    }

    /// The main loop is not stuck.
    pub fn beat(&self) {
        self.lock().last_beat = Instant::now();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self, now: Instant) -> (StatusCode, String) {
        let silence = now.saturating_duration_since(self.lock().last_beat);
        if silence <= self.longest_silence {
            (StatusCode::OK, "ok\n".into())
        } else {
            let text = format!("the main loop has not shown itself for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }

    pub(super) fn ready(&self) -> (StatusCode, String) {
        let state = self.lock();
        let mut text = String::new();
        let mut namespaces: BTreeMap<&str, bool> = BTreeMap::new();
        let mut ready = true;
        for (component, trouble) in &state.components {
            let works = trouble.is_none();
            // Writing into a String does not fail.
            let _ = match trouble.as_deref() {
                None => writeln!(text, "{component}: ready"),
                Some("") => writeln!(text, "{component}: not ready"),
                Some(what) => writeln!(text, "{component}: not ready: {what}"),
            };
            match component.namespace.as_deref() {
                Some(namespace) => *namespaces.entry(namespace).or_insert(true) &= works,
                None => ready &= works,
            }
        }
        let some_namespace = namespaces.is_empty() || namespaces.into_values().any(|works| works);
        (if ready && some_namespace { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text)
    }
}
