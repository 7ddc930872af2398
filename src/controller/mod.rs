//! Kubernetes' side: what is watched, and what a visit of one object does.

pub mod account;
pub mod account_key;
pub mod account_memory;
pub mod account_status;
pub mod accounts;
pub mod act;
pub mod cached;
pub mod census;
pub mod claims;
pub mod conclude;
pub mod connect;
pub mod context;
pub mod delete;
pub mod error;
pub mod hold;
pub mod memory;
pub mod observe;
pub mod outcome;
pub mod password;
pub mod reconcile;
pub mod requeue;
pub mod rounds;
pub mod settle;
pub mod streams;
pub mod sweep;
pub mod visit;
