//! HTTP towards the vendors: the only place that touches the HTTP client.

pub mod carrier;
pub mod endpoint;
pub mod fence;
pub mod limit;
mod skew;
pub mod transport;

#[cfg(test)]
pub(crate) mod testing;

pub use reqwest::Url;
