//! What a visit ends with.

use std::time::Duration;

use super::password::Kept;
use crate::plan::Wait;
use crate::plan::diff::Drift;
use crate::vendor::Observed;

/// What a visit ends with.
#[derive(Debug)]
pub enum Outcome {
    /// The product is recorded, compared and mended, its Secret verified.
    Settled(Box<Settled>),
    /// Something is waited for.
    Waiting(Wait),
    /// A fresh visit is due after this long, and nothing is to be said until then.
    Look(Duration),
    /// A fresh visit is due at once.
    Again,
    /// The object was let go.
    Finished,
}

/// A product that was looked after.
#[derive(Debug)]
pub struct Settled {
    /// The product as it is now.
    pub product: Observed,
    /// Differences that remain.
    pub drift: Vec<Drift>,
    /// Name of the output Secret, where one is written.
    pub secret: Option<String>,
    /// What status keeps of the password, where one was verified or set in this visit.
    pub password: Option<Kept>,
}
