//! Writing down what is known: ledger, status, Secret, Events. One writer for each.

pub mod condition;
pub mod error;
pub mod events;
pub mod ledger;
pub mod observed;
pub mod secret;
pub mod status;

pub use error::RecordError;
