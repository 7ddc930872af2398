//! Kubernetes operator that keeps IoT products at their vendors exactly as `IotProduct` manifests say.

pub mod api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod controller;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod generate;
pub mod hardening;
pub mod http;
pub mod lease;
pub mod metrics;
pub mod plan;
pub mod probe;
pub mod record;
pub mod release;
pub mod run;
pub mod server;
pub mod slots;
pub mod telemetry;
pub mod text;
pub mod vendor;
