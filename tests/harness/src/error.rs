use std::path::PathBuf;

/// What can go wrong with the control plane for tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The programs could not be built.
    #[error("build the control plane with {script}: {reason}")]
    Build {
        /// The script that builds them.
        script: String,
        /// How it ended; its own output went to stderr.
        reason: String,
    },
    /// A file or a pipe could not be used.
    #[error("{operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With which file or program.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("make a certificate for {name}")]
    Certificate {
        /// The subject's common name.
        name: String,
        /// Why it failed.
        source: rcgen::Error,
    },
    /// A client certificate cannot carry so many groups.
    #[error("certificate for {user}: write at most {most} groups (system:authenticated comes by itself)")]
    TooManyGroups {
        /// The user.
        user: String,
        /// How many groups fit.
        most: usize,
    },
    /// The supervisor could not do what it was asked for.
    #[error("{operation}: {reason}")]
    Supervisor {
        /// What it was asked for.
        operation: String,
        /// What it answered, with the end of the log of the program concerned.
        reason: String,
    },
    /// Asked of a cluster that the harness did not start.
    #[error(
        "{operation} works only on the control plane that the harness starts: unset {}",
        crate::EXISTING_CLUSTER
    )]
    NotOurs {
        /// What was asked for.
        operation: &'static str,
    },
    /// A kubeconfig could not be read.
    #[error("read kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: Box<kube::config::KubeconfigError>,
    },
    /// The API server refused a request.
    #[error("{operation}")]
    Api {
        /// What was asked of it.
        operation: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// A watch broke off.
    #[error("watch {what}")]
    Watch {
        /// What was watched.
        what: String,
        /// Why it failed.
        source: Box<kube::runtime::wait::Error>,
    },
    /// A manifest is not what it should be.
    #[error("read manifest {}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The audit log has a line that is no audit event.
    #[error("read audit event in {}", path.display())]
    AuditEvent {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: serde_json::Error,
    },
    /// Something awaited did not come about.
    #[error("waited {seconds} s for {what}")]
    TimedOut {
        /// What was awaited.
        what: String,
        /// For how long.
        seconds: u64,
    },
}

impl Error {
    pub(crate) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source }
    }

    pub(crate) fn api(operation: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let operation = operation.into();
        move |source| Self::Api { operation, source: Box::new(source) }
    }
}
