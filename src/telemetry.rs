//! Logs on standard error.

use std::io;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, ParseError, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt, registry};

/// What is logged when nothing else is asked for: our own doings, and trouble of the libraries.
pub const DEFAULT_FILTER: &str = "info,kube=warn,kube_client=warn,kube_runtime=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,tower=warn";

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    #[default]
    Json,
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "--log {filter:?} is not a filter; write a level or a list such as info,iot_product_operator=debug"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// The filter asks for spans, which `Targets` takes for a target that nothing has.
    #[error(
        "--log {filter:?} filters by spans, which is not supported; write a level or a list such as info,iot_product_operator=debug"
    )]
    Spans {
        /// What was given.
        filter: String,
    },
    /// Something else has set up logging before.
    #[error("logging is set up already")]
    Twice,
}

/// Sends the process's events and spans to standard error. To be called once.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let subscriber = subscriber(format, filter, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)
}

/// The client logs the whole body of an answer that it cannot read, which may be a Secret: of that module
/// only errors are let through, whatever the filter says.
fn shows_no_bodies(metadata: &Metadata<'_>) -> bool {
    metadata.target() != "kube_client::client" || *metadata.level() <= LevelFilter::ERROR
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    if filter.contains(['[', '{']) {
        return Err(TelemetryError::Spans { filter: filter.to_owned() });
    }
    let wanted: Targets =
        filter.parse().map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let no_bodies: FilterFn = filter_fn(shows_no_bodies);
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Human => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok(registry().with(wanted).with(lines.with_filter(no_bodies)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, events: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_hold_the_event_and_its_span() {
        let text = logged(LogFormat::Json, DEFAULT_FILTER, || {
            let _span = tracing::info_span!("reconcile", product = "shop/lamp").entered();
            tracing::info!(product_id = "ABC", "product created");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "product created");
        assert_eq!(line["product_id"], "ABC");
        assert_eq!(line["span"]["product"], "shop/lamp");
    }

    #[test]
    fn the_default_shows_us_and_only_trouble_of_libraries() {
        let text = logged(LogFormat::Human, DEFAULT_FILTER, || {
            tracing::info!("our info");
            tracing::debug!("our debug");
            tracing::info!(target: "kube_runtime::watcher", "library info");
            tracing::warn!(target: "kube_runtime::watcher", "library warning");
        });
        assert!(text.contains("our info") && text.contains("library warning"), "{text}");
        assert!(!text.contains("our debug") && !text.contains("library info"), "{text}");
    }

    #[test]
    fn bodies_of_answers_are_never_logged() {
        let text = logged(LogFormat::Human, "trace", || {
            tracing::warn!(target: "kube_client::client", "{{\"kind\":\"Secret\"}}, expected value");
            tracing::debug!(target: "kube_client::client", "Unsuccessful data error parse: body");
            tracing::error!(target: "kube_client::client", "failed");
            tracing::debug!(target: "kube_client::client::builder", "requesting");
        });
        assert!(!text.contains("Secret") && !text.contains("body"), "{text}");
        assert!(text.contains("failed") && text.contains("requesting"), "{text}");
    }

    #[test]
    fn a_bad_filter_is_an_error_that_says_what_to_write() {
        for filter in ["info,,=nonsense=", "info,[reconcile]=debug", "info,kube[request{method}]=debug"] {
            let error = subscriber(LogFormat::Json, filter, io::sink).err().unwrap();
            assert!(error.to_string().contains("write a level"), "{error}");
        }
    }
}
