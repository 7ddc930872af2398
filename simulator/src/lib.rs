//! The vendors' side of the IoT product operator, on loopback: strict about signatures and parameters,
//! stateful, and faulty on request.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use iot_simulator::{Config, Fault, Rule, Simulator};
//!
//! let simulator = Simulator::start(Config::default()).await?;
//! let admin = simulator.admin();
//! admin.add_fault(Rule::on("CreateProduct", Fault::hold()).times(1));
//! println!("Tencent is at {}", simulator.url());
//! let held = admin.wait_held("CreateProduct", std::time::Duration::from_secs(5)).await?;
//! admin.release(held.sequence);
//! # Ok(())
//! # }
//! ```

mod admin;
mod admin_http;
pub mod alibaba;
mod calls;
mod core;
mod door;
mod faults;
pub mod huawei;
mod in_process;
mod pipeline;
mod quota;
mod random;
mod reply;
mod server;
mod settings;
pub mod tencent;
pub mod tencent_legacy;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

pub use admin::{Admin, AdminError};
pub use alibaba::admin::AlibabaAdmin;
pub use calls::{Call, CallState, Count, OK};
pub use faults::{ArmedRule, Fault, Garbage, Rule, When};
pub use huawei::admin::HuaweiAdmin;
pub use in_process::InProcess;
pub use reply::Cut;
pub use settings::{Quota, QuotaMode, Settings};
pub use tencent::admin::TencentAdmin;

use crate::core::Core;

/// What a simulator begins with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Seed of ids and secrets; without it they differ from run to run.
    pub seed: Option<u64>,
    /// Single calls that the log keeps; counters are kept for ever.
    pub call_log_capacity: usize,
    /// Let the admin interface answer to peers that are not on loopback.
    pub open_admin: bool,
    /// Settings.
    pub settings: Settings,
    /// Accounts at Tencent.
    pub tencent: Vec<tencent::AccountConfig>,
    /// Accounts at Tencent's older API 2.0, which shares none with the newer one here.
    pub tencent_legacy: Vec<tencent::AccountConfig>,
    /// Accounts at Alibaba.
    pub alibaba: Vec<alibaba::AccountConfig>,
    /// Accounts at Huawei.
    pub huawei: Vec<huawei::AccountConfig>,
}

impl Default for Config {
    /// A free port on loopback and one account of every vendor, with the keys of its documents' samples.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: None,
            call_log_capacity: 100_000,
            open_admin: false,
            settings: Settings::default(),
            tencent: vec![tencent::AccountConfig::default()],
            tencent_legacy: vec![tencent::AccountConfig::legacy()],
            alibaba: vec![alibaba::AccountConfig::default()],
            huawei: vec![huawei::AccountConfig::default()],
        }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can not be listened on.
    #[error("listening on {address} failed; choose another address or port 0")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No thread or runtime of its own.
    #[error("starting the simulator's own thread failed")]
    Thread(#[source] std::io::Error),
}

/// A running simulator. Dropping it cuts every connection and stops it.
pub struct Simulator {
    address: SocketAddr,
    admin: Admin,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

impl Simulator {
    /// Starts a simulator on the runtime of the caller.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (listener, address) = bind(config.listen).await?;
        let core = Arc::new(Core::new(config));
        let (stop, stopped) = watch::channel(());
        tokio::spawn(server::serve(listener, core.clone(), stopped));
        let admin = Admin::new(core, Handle::current());
        Ok(Self { address, admin, stop: Some(stop), thread: None })
    }

    /// Starts a simulator on a thread and runtime of its own, untouched by the caller's paused clock or busy
    /// runtime. Blocks until it listens.
    pub fn start_on_thread(config: Config) -> Result<Self, StartError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let requested = config.listen;
        let std_listener = std::net::TcpListener::bind(requested)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        let failed = |source| StartError::Listen { address: requested, source };
        let std_listener = std_listener.map_err(failed)?;
        let address = std_listener.local_addr().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(std_listener).map_err(failed)?
        };
        let core = Arc::new(Core::new(config));
        let (stop, stopped) = watch::channel(());
        let admin = Admin::new(core.clone(), runtime.handle().clone());
        let thread = std::thread::Builder::new()
            .name("iot-simulator".to_owned())
            .spawn(move || runtime.block_on(server::serve(listener, core, stopped)))
            .map_err(StartError::Thread)?;
        Ok(Self { address, admin, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, the endpoint of every vendor.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Handle for everything that is not a vendor's API.
    pub fn admin(&self) -> Admin {
        self.admin.clone()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
