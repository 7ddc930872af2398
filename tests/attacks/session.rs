//! What the attacks of one run share: a runtime, and a control plane that is started by the first who needs it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use iot_test_harness::{ControlPlane, Options, install_crds};
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use crate::world::World;

type Body = Box<dyn FnOnce(Arc<World>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// On which control plane an attack runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The one of all attacks whose operators watch two namespaces.
    Shared,
    /// One of its own, whose only operator may watch everything, and which the attack may overload.
    Own,
}

/// One attack.
pub(crate) struct Test {
    name: String,
    plane: Plane,
    body: Body,
}

/// Makes `fn tests()` of the module's attacks, in braces those of one control plane.
macro_rules! attacks {
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
pub(crate) use attacks;

impl Test {
    pub(crate) fn new(
        module: &str,
        name: &str,
        plane: Plane,
        body: impl FnOnce(Arc<World>) -> Pin<Box<dyn Future<Output = ()>>> + Send + 'static,
    ) -> Self {
        let module = module.rsplit("::").next().unwrap_or(module);
        Self { name: format!("{module}::{name}"), plane, body: Box::new(body) }
    }

    pub(crate) fn into_trial(self, session: &Arc<Session>) -> Trial {
        let session = Arc::downgrade(session);
        Trial::test(self.name.clone(), move || {
            let session = session.upgrade().ok_or("the session is over")?;
            session.run(self)
        })
    }
}

/// What all attacks share.
pub(crate) struct Session {
    shared: OnceLock<Result<Arc<ControlPlane>, String>>,
    runtime: Runtime,
}

impl Session {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self { shared: OnceLock::new(), runtime }
    }

    fn run(&self, test: Test) -> Result<(), Failed> {
        let plane = match test.plane {
            Plane::Shared => self.shared.get_or_init(|| self.start()).clone()?,
            Plane::Own => self.start()?,
        };
        self.runtime.block_on(async {
            let world = Arc::new(World::new(plane, test.plane == Plane::Own).await);
            let outcome = AssertUnwindSafe((test.body)(Arc::clone(&world))).catch_unwind().await;
            let mut faults = world.faults_in_logs();
            if let Err(panic) = outcome {
                faults.push(format!("{}\n{}", said(&*panic), world.report()));
            }
            if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
        })
    }

    fn start(&self) -> Result<Arc<ControlPlane>, String> {
        let plane = ControlPlane::start(&Options::default()).map_err(|error| error.to_string())?;
        self.runtime.block_on(async {
            let client = plane.admin_client().await.expect("an admin's client");
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
            install_crds(client, &folder).await.expect("the definitions installed");
        });
        Ok(Arc::new(plane))
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the attack panicked".to_owned())
}
