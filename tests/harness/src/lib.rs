//! A real control plane on loopback for tests and for the demo: etcd, kube-apiserver and
//! kube-controller-manager, with faults on request and an audit log that tests can count in.
//!
//! Every `main` that uses it begins with [`supervise_if_asked`], because [`ControlPlane::start`]
//! starts the current executable a second time as the supervisor of the three programs. The
//! supervisor ends them when its parent is gone, however that one ended.
//!
//! ```no_run
//! # fn main() -> Result<(), iot_test_harness::Error> {
//! iot_test_harness::supervise_if_asked();
//! let control_plane = iot_test_harness::ControlPlane::start(&Default::default())?;
//! let mark = control_plane.audit()?.mark()?;
//! let operator = control_plane.kubeconfig_as("operator", &["operators"])?;
//! // … run the operator with it …
//! # async { let _ =
//! control_plane.audit()?.writes_by("operator", mark).await?
//! # ; Ok::<_, iot_test_harness::Error>(()) };
//! # drop(operator); Ok(()) }
//! ```

mod assets;
mod audit;
mod control_plane;
mod crds;
mod error;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends where it is wrong"
)]
pub mod grants;
mod kubeconfig;
mod link;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends where it is wrong"
)]
pub mod manifest;
mod namespace;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends where it is wrong"
)]
mod object;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends where it is wrong"
)]
mod operator;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test ends where it is wrong"
)]
mod patience;
mod pki;
mod supervisor;

pub use audit::{AuditEntry, AuditLog, Mark};
pub use control_plane::{ControlPlane, EXISTING_CLUSTER, Options};
pub use crds::install_crds;
pub use error::Error;
pub use link::Program;
pub use namespace::TestNamespace;
pub use object::{Kind, Object};
pub use operator::{Flags, Operator, takes};
pub use patience::{PATIENCE, until};
pub use supervisor::supervise_if_asked;

/// An address on loopback that nobody listens on at this moment.
///
/// # Errors
///
/// When there is none.
pub fn free_address() -> std::io::Result<std::net::SocketAddr> {
    std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A number that differs between processes and calls, for names and ports.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// A temporary folder that only this user can look into, for there will be keys in it.
fn private_folder() -> std::io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("iot-control-plane-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
}
