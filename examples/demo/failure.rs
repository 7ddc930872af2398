//! Why the demo did not show everything.

use std::io;

/// Why the demo did not show everything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The control plane.
    #[error(transparent)]
    ControlPlane(#[from] iot_test_harness::Error),
    /// A file or a program.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// kubectl ended with an error.
    #[error("{command} failed:\n{stderr}")]
    Kubectl {
        /// The command.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// The simulator's admin interface.
    #[error("asking the simulator for {path}")]
    Vendor {
        /// What was asked for.
        path: String,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// A manifest that cannot be read.
    #[error("{file} cannot be used")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: serde_yaml_ng::Error,
    },
    /// What was to be seen was not.
    #[error("expected: {expected}\nseen:     {seen}")]
    Missed {
        /// What was to be seen.
        expected: String,
        /// What was there instead.
        seen: String,
    },
}

impl Failure {
    /// For `map_err`: the system's word on what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// What was to be seen, and what was.
    pub(crate) fn missed(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Missed { expected: expected.into(), seen: seen.into() }
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
