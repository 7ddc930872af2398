//! HTTP towards the vendors: the only place that touches the HTTP client.

mod body;
pub mod carrier;
pub mod endpoint;
pub mod fence;
pub mod hint;
pub mod limit;
pub mod memory;
mod skew;
pub mod transport;

#[cfg(test)]
pub(crate) mod testing;

pub use reqwest::Url;
