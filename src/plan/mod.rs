//! The decision core. Pure: the same facts and the same sight give the same plan, whoever asks.
//!
//! Two questions in one direction: [`need`] says what must be seen of the vendor before deciding, and
//! [`plan`] decides from what was seen. The rule numbers are those of the protocol document (`docs/protocol.md`).

pub mod create;
pub mod delete;
pub mod desired;
pub mod diff;
pub mod keep;
pub mod ledger;
pub mod lookups;
pub mod loss;
pub mod mark;
pub mod origin;
pub mod password;
pub mod search;
pub mod unseen;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::Reason;
use crate::vendor::{Observed, Traits};
use ledger::Ledger;
use mark::Mark;
use origin::Origin;

/// Which existing products of an account may be taken over (`spec.adoption` of the account).
pub use crate::api::Adoption;

/// Why this object is looked at, which decides how much of the vendor's side must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Nothing asks for the vendor: the Secret's turn, a restart, a label.
    Rest,
    /// The manifest changed since it was last applied, or the last attempt to apply it failed.
    Edit,
    /// A list hinted at a difference, or someone asked for a check now.
    Full,
}

/// What is known of one object before the vendor is asked.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The object's mark.
    pub mark: Mark,
    /// A deletion was asked for.
    pub deleting: bool,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Our finalizer is on the object.
    pub finalizer: bool,
    /// `managementPolicy: ObserveOnly`.
    pub observe_only: bool,
    /// `driftPolicy: Correct`.
    pub corrects: bool,
    /// `deletionPolicy: Retain`.
    pub retain: bool,
    /// `adoptionPolicy: MatchName`.
    pub match_name: bool,
    /// The account's `adoption`.
    pub adoption: Adoption,
    /// `spec.name`.
    pub name: String,
    /// `status.productId`.
    pub recorded: Option<String>,
    /// `status.productSerial`: tells the recorded product from another one that was given its id.
    pub serial: Option<String>,
    /// `spec.productId`.
    pub imported: Option<String>,
    /// `status.origin`: how the recorded product came to the object. `None` where it was recorded before origins were.
    pub origin: Option<Origin>,
    /// The account lets the object's namespace use it; or it did when it wrote the ledger, which names the account in a
    /// way that nobody else can know.
    pub admitted: bool,
    /// `status.adoptedMark`: what stood where ours should when the product was adopted.
    pub adopted_mark: Option<String>,
    /// The ledger: the annotation, or what memory knows better.
    pub ledger: Option<Ledger>,
    /// Begin of the first look-up that did not show what is looked for, from memory: since the open ledger's deadline, or
    /// since a recorded product was first missed.
    pub first_empty: Option<Timestamp>,
    /// The present connection has shown or created the recorded product (protocol, "Absent").
    pub shown_here: bool,
    /// How far the account's connection is believed when it does not show something.
    pub trust: Trust,
    /// The account's last list shows a product with the mark of this owner, namespace and name.
    pub mark_seen: bool,
    /// Another object is creating this one's name, or may have created it without knowing yet, where the vendor takes a name
    /// twice.
    pub name_busy: bool,
    /// When a product of this one's name was created last, or may have been: older lists do not show it.
    pub name_news: Option<Timestamp>,
    /// An older object that records the same product and therefore keeps it (protocol, Adopt).
    pub rival: Option<String>,
    /// When the vendor first said clearly that the recorded product is deleted, from memory. Kept where lists
    /// are the only reading, which have to confirm it.
    pub deleted: Option<Timestamp>,
    /// Why the object is looked at.
    pub check: Check,
    /// Annotation `force-forget` names the recorded id, or the UID when none is recorded.
    pub force_forget: bool,
    /// Now.
    pub now: Timestamp,
}

/// How far an account's connection is believed when it does not show a product. A key of another account answers the
/// same as one whose products were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// It has shown products that were recorded before its key, or there were none.
    Shown,
    /// Its key is new and has shown no product that was recorded before it.
    #[default]
    NewKey,
    /// More products are missing from its list at once than are believed to have been deleted.
    MassLoss,
}

/// What must be seen before deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Nothing of the vendor.
    Nothing,
    /// What was last known of the product is enough.
    Known {
        /// The product.
        id: String,
    },
    /// The product by its id.
    Read {
        /// The product.
        id: String,
    },
    /// A complete list begun at or after a moment.
    List {
        /// The list proves nothing about what happened after its begin.
        begun_after: Timestamp,
    },
}

/// A complete list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// When its first page was asked for.
    pub begun: Timestamp,
    /// Every product of the account.
    pub products: Arc<[Observed]>,
}

/// What was seen.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nothing was asked.
    Nothing,
    /// The product as last known or just read.
    Product(Box<Observed>),
    /// The vendor's exact not-found for the id.
    Absent {
        /// A complete list that may contradict it. None is needed where the vendor has confirmed this object's own delete.
        listing: Option<Listing>,
    },
    /// A complete list.
    List(Listing),
}

/// How a product that exists becomes this object's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It carries our mark: an earlier attempt's, or a retained one.
    Mark,
    /// Adoption by `MatchName` or `productId`.
    Adoption,
}

/// What happens to the output Secret when an object is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretFate {
    /// It stays: the product lives on and its credentials with it.
    Stays,
    /// It goes with the object.
    Goes,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Do nothing now; say why.
    Wait(Wait),
    /// Look again after this long. There is nothing to say yet: what was seen is a hint.
    Look {
        /// How long.
        after: Duration,
    },
    /// Send attempt `attempt`.
    Create {
        /// Its number.
        attempt: u32,
    },
    /// Record an existing product as this object's.
    Take {
        /// The product.
        product: Box<Observed>,
        /// By which right.
        claim: Claim,
        /// Further products with our mark: removed if they are empty and carry the ledger's name, else reported.
        /// None with `ObserveOnly`, which removes nothing.
        surplus: Vec<Observed>,
    },
    /// The recorded product is there: compare and mend.
    Keep {
        /// The product.
        product: Box<Observed>,
    },
    /// The recorded product is proved absent: forget its id and create anew.
    Recreate {
        /// The id that is gone.
        id: String,
    },
    /// Delete the product, then everything of ours.
    Delete {
        /// The product as read right before.
        product: Box<Observed>,
    },
    /// A product of an open ledger was found while deleting: record its id first, so that nothing forgets it.
    DeleteFound {
        /// The product.
        product: Box<Observed>,
    },
    /// Nothing of ours is at the vendor: take Secret and finalizer away.
    Gone,
    /// Let go without touching the vendor.
    Forget {
        /// The Secret's fate.
        secret: SecretFate,
        /// What an Event tells about what may remain.
        remains: Option<String>,
    },
    /// Nothing is ours here any more.
    Done,
}

/// A reason to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Reason of condition Ready.
    pub reason: Reason,
    /// What the user reads, with the way out.
    pub message: String,
    /// When to look again.
    pub after: Duration,
    /// UID head of the object that has what this one wants: here nobody knows its name.
    pub holder: Option<String>,
}

impl Plan {
    pub(crate) fn wait(reason: Reason, message: impl Into<String>, after: Duration) -> Self {
        Self::Wait(Wait { reason, message: message.into(), after, holder: None })
    }
}

/// How soon a state that needs a human is looked at again.
pub const SLOW: Duration = Duration::from_mins(10);
/// How soon a list that may lag is read again.
pub const SOON: Duration = Duration::from_secs(5);

/// What must be seen of the vendor before [`plan`] can decide.
pub fn need(facts: &Facts, traits: &Traits) -> Need {
    if facts.suspended {
        return Need::Nothing;
    }
    if facts.deleting {
        return delete::need(facts, traits);
    }
    match &facts.recorded {
        Some(id) => keep::need(id, facts, traits),
        None => create::need(facts, traits),
    }
}

/// Decides. `lives` tells whether an object with this UID head exists in the cluster.
pub fn plan(facts: &Facts, traits: &Traits, seen: Seen, lives: &dyn Fn(&str) -> bool) -> Plan {
    if facts.suspended {
        let message = if facts.deleting {
            "deletion waits because spec.suspend is true; set it to false to let the deletion go on"
        } else {
            "nothing is called because spec.suspend is true"
        };
        return Plan::wait(Reason::Suspended, message, SLOW);
    }
    if facts.deleting {
        return delete::plan(facts, traits, seen, lives);
    }
    match &facts.recorded {
        Some(id) => keep::plan(id, facts, traits, seen, lives),
        None => create::plan(facts, traits, seen, lives),
    }
}

#[cfg(test)]
mod tests;
