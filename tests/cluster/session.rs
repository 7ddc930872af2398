//! What all tests of one run share: a runtime, and a control plane that is started by the first who needs it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use iot_test_harness::{ControlPlane, Options, install_crds};
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use crate::admission;
use crate::rights::Measure;
use crate::world::World;

type Body = Box<dyn FnOnce(World) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// On which control plane a test runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The one of all tests, with the definitions installed.
    Shared,
    /// One of its own, with the definitions installed, which it may damage.
    Own,
    /// One of its own, without definitions.
    Bare,
}

/// One test.
pub(crate) struct Test {
    name: String,
    plane: Plane,
    body: Body,
}

/// Makes `fn tests()` of the module's tests, in braces those of one control plane.
macro_rules! tests {
    (as $tests:ident $plane:ident { $($name:ident),+ $(,)? }) => {
        fn $tests() -> Vec<$crate::session::Test> {
            vec![$($crate::session::Test::new(
                module_path!(),
                stringify!($name),
                $crate::session::Plane::$plane,
                |world| Box::pin($name(world)),
            )),+]
        }
    };
    ($($plane:ident { $($name:ident),+ $(,)? })+) => {
        pub(crate) fn tests() -> Vec<$crate::session::Test> {
            vec![$($($crate::session::Test::new(
                module_path!(),
                stringify!($name),
                $crate::session::Plane::$plane,
                |world| Box::pin($name(world)),
            )),+),+]
        }
    };
}
pub(crate) use tests;

impl Test {
    pub(crate) fn new(
        module: &str,
        name: &str,
        plane: Plane,
        body: impl FnOnce(World) -> Pin<Box<dyn Future<Output = ()>>> + Send + 'static,
    ) -> Self {
        let module = module.rsplit("::").next().unwrap_or(module);
        Self { name: format!("{module}::{name}"), plane, body: Box::new(body) }
    }

    pub(crate) fn into_trial(self, session: &Arc<Session>) -> Trial {
        let session = Arc::downgrade(session);
        let name = self.name.clone();
        Trial::test(name, move || {
            let session = session.upgrade().ok_or("the session is over")?;
            session.run(self)
        })
    }
}

/// What all tests share.
pub(crate) struct Session {
    shared: OnceLock<Result<Arc<ControlPlane>, String>>,
    rights: Measure,
    runtime: Runtime,
}

impl Session {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self { shared: OnceLock::new(), rights: Measure::default(), runtime }
    }

    fn run(&self, test: Test) -> Result<(), Failed> {
        let plane = match test.plane {
            Plane::Shared => self.shared.get_or_init(|| self.start(true)).clone()?,
            Plane::Own => self.start(true)?,
            Plane::Bare => self.start(false)?,
        };
        self.runtime.block_on(async {
            // Another's cluster has no audit log to be had.
            let since = plane.audit().ok().map(|log| log.mark().expect("the audit log"));
            let world = World::new(Arc::clone(&plane), &test.name).await;
            let (evidence, user) = (world.evidence(), world.user().to_owned());
            let outcome = AssertUnwindSafe((test.body)(world)).catch_unwind().await;
            let rights = since.map_or(Ok(()), |since| self.rights.take(&plane, &user, since));
            let mut faults: Vec<String> = rights.err().into_iter().collect();
            if let Err(panic) = outcome {
                faults.push(format!("{}\n{}", said(&*panic), evidence.report()));
            }
            let leaks = evidence.leaks();
            if !leaks.is_empty() {
                faults.push(format!("secrets in logs:\n{}", leaks.join("\n")));
            }
            if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
        })
    }

    /// What all tests together made of the chart's rights.
    pub(crate) fn rights(&self) -> &Measure {
        &self.rights
    }

    fn start(&self, definitions: bool) -> Result<Arc<ControlPlane>, String> {
        let plane = ControlPlane::start(&Options::default()).map_err(|error| error.to_string())?;
        if definitions {
            self.runtime.block_on(install_definitions(&plane));
        }
        Ok(Arc::new(plane))
    }
}

/// Installs the definitions of the tree, and the admission policy that every operator works under.
pub(crate) async fn install_definitions(plane: &ControlPlane) {
    admission::install(plane).await;
    let client = plane.admin_client().await.expect("an admin's client");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    install_crds(client, &folder).await.expect("the definitions installed");
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the test panicked".to_owned())
}
