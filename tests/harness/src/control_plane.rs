use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use kube::Client;
use tempfile::TempDir;

use crate::audit::AuditLog;
use crate::kubeconfig::{self, ADMIN};
use crate::link::{Action, Order, Program, Started, Supervisor};
use crate::namespace::TestNamespace;
use crate::pki::Authority;
use crate::{Error, assets};

/// Environment variable with the path of a kubeconfig: tests then use that cluster instead of
/// starting one. Faults and audit log are not to be had there.
pub const EXISTING_CLUSTER: &str = "IOT_TEST_KUBECONFIG";

/// How to start a control plane.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Leave the folder with logs, audit log and data behind, and say at the end where it is.
    pub keep_files: bool,
}

/// A running control plane. Dropping it ends the programs, removes their files and returns when
/// that is done; if the process ends without dropping it, the same happens without anyone waiting.
#[derive(Debug)]
pub struct ControlPlane {
    cluster: Cluster,
    admin: PathBuf,
    minted: AtomicU32,
}

#[derive(Debug)]
struct Ours {
    supervisor: Supervisor,
    authority: Authority,
    directory: PathBuf,
    server: String,
    assets: PathBuf,
}

#[derive(Debug)]
enum Cluster {
    Ours(Box<Ours>),
    Existing { scratch: TempDir },
}

impl ControlPlane {
    /// Starts a control plane of its own and returns when it serves, some seconds later; where its
    /// programs are not built yet, they are built first, which takes minutes. Blocks.
    ///
    /// # Errors
    ///
    /// When the programs cannot be built or do not become ready; the text has the end of their logs.
    pub fn start(options: &Options) -> Result<Self, Error> {
        if let Some(path) = std::env::var_os(EXISTING_CLUSTER) {
            return Self::existing(&path);
        }
        let assets = assets::locate()?;
        let Started { supervisor, directory, server } = Supervisor::start(&assets, options.keep_files)?;
        let authority = Authority::load(&directory.join("pki"))?;
        let admin = directory.join(ADMIN);
        let cluster = Cluster::Ours(Box::new(Ours { supervisor, authority, directory, server, assets }));
        Ok(Self { cluster, admin, minted: AtomicU32::new(0) })
    }

    fn existing(kubeconfig: &OsStr) -> Result<Self, Error> {
        let temporary = std::env::temp_dir();
        let scratch = crate::private_folder().map_err(Error::file("create a folder in", temporary))?;
        Ok(Self {
            cluster: Cluster::Existing { scratch },
            admin: PathBuf::from(kubeconfig),
            minted: AtomicU32::new(0),
        })
    }

    /// Whether the harness started the cluster, so that [`ControlPlane::audit`] and faults work.
    pub fn is_ours(&self) -> bool {
        matches!(self.cluster, Cluster::Ours(_))
    }

    /// Folder with `logs/`, certificates and data.
    ///
    /// # Errors
    ///
    /// [`Error::NotOurs`] on an existing cluster.
    pub fn directory(&self) -> Result<&Path, Error> {
        match &self.cluster {
            Cluster::Ours(ours) => Ok(&ours.directory),
            Cluster::Existing { .. } => {
                Err(Error::NotOurs { operation: "reading the control plane's files" })
            }
        }
    }

    /// Kubeconfig of a user who may do everything.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.admin
    }

    /// Writes a kubeconfig of `user`, who is in `groups` and otherwise may do what RBAC grants. The
    /// audit log shows the user's requests under this name. A certificate holds at most two groups;
    /// on an existing cluster the admin impersonates the user instead.
    ///
    /// # Errors
    ///
    /// When there are too many groups or the file cannot be written.
    pub fn kubeconfig_as(&self, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        let name = format!("user-{number}.kubeconfig");
        match &self.cluster {
            Cluster::Ours(ours) => {
                let path = ours.directory.join(name);
                kubeconfig::write(&path, &ours.authority, &ours.server, user, groups)?;
                Ok(path)
            }
            Cluster::Existing { scratch } => {
                let path = scratch.path().join(name);
                kubeconfig::write_impersonating(&path, &self.admin, user, groups)?;
                Ok(path)
            }
        }
    }

    /// A client of a user who may do everything. Like every client it works only in the runtime that
    /// it was made in. It tries nothing twice.
    ///
    /// # Errors
    ///
    /// When the kubeconfig cannot be used.
    pub async fn admin_client(&self) -> Result<Client, Error> {
        kubeconfig::client(&self.admin).await
    }

    /// A client of the user that [`ControlPlane::kubeconfig_as`] describes.
    ///
    /// # Errors
    ///
    /// As of [`ControlPlane::kubeconfig_as`].
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Result<Client, Error> {
        kubeconfig::client(&self.kubeconfig_as(user, groups)?).await
    }

    /// Path of a program such as `kubectl` that fits the control plane; on an existing cluster its
    /// name, to be found in `PATH`.
    pub fn bin(&self, name: &str) -> PathBuf {
        match &self.cluster {
            Cluster::Ours(ours) => ours.assets.join(name),
            Cluster::Existing { .. } => PathBuf::from(name),
        }
    }

    /// What was asked of the API server.
    ///
    /// # Errors
    ///
    /// [`Error::NotOurs`] on an existing cluster.
    pub fn audit(&self) -> Result<AuditLog, Error> {
        self.directory().map(AuditLog::new)
    }

    /// Creates a namespace whose name begins with `prefix` and is new.
    ///
    /// # Errors
    ///
    /// When the API server refuses it.
    pub async fn namespace(&self, prefix: &str) -> Result<TestNamespace, Error> {
        TestNamespace::create(self.admin_client().await?, prefix).await
    }

    /// Ends a program at once, as a crash does. What it stored stays. Blocks.
    ///
    /// # Errors
    ///
    /// When it does not run, and [`Error::NotOurs`] on an existing cluster.
    pub fn stop(&self, program: Program) -> Result<(), Error> {
        self.order(Action::Stop, program)
    }

    /// Starts a program that was stopped, on the same port, and returns when the API server is ready
    /// again (if it runs). Blocks for some seconds.
    ///
    /// # Errors
    ///
    /// When it runs already or does not become ready, and [`Error::NotOurs`] on an existing cluster.
    pub fn start_again(&self, program: Program) -> Result<(), Error> {
        self.order(Action::Start, program)
    }

    /// Freezes a program: its connections stay open and nothing is answered. Blocks.
    ///
    /// # Errors
    ///
    /// When it does not run, and [`Error::NotOurs`] on an existing cluster.
    pub fn pause(&self, program: Program) -> Result<(), Error> {
        self.order(Action::Pause, program)
    }

    /// Lets a frozen program go on. Blocks.
    ///
    /// # Errors
    ///
    /// When it does not run, and [`Error::NotOurs`] on an existing cluster.
    pub fn resume(&self, program: Program) -> Result<(), Error> {
        self.order(Action::Resume, program)
    }

    fn order(&self, action: Action, program: Program) -> Result<(), Error> {
        match &self.cluster {
            Cluster::Ours(ours) => ours.supervisor.order(Order { action, program }),
            Cluster::Existing { .. } => Err(Error::NotOurs { operation: "a fault of a program" }),
        }
    }
}
