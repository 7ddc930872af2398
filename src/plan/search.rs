//! Finding an object's product in a complete list (protocol, Create 3).

use super::Facts;
use super::mark::{Mark, Marks, find};
use crate::vendor::Observed;

/// Whose a product is, seen from one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It carries our mark, or that of a former object of the same owner, namespace and name.
    Ours,
    /// It carries no mark.
    Unmarked,
    /// It carries another's mark.
    Foreign(Mark),
    /// It carries two marks.
    Disputed,
}

/// Whose product this is.
pub fn ownership(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> Ownership {
    match find(&product.description) {
        Marks::None => Ownership::Unmarked,
        Marks::Many => Ownership::Disputed,
        Marks::One(mark) if mark == facts.mark => Ownership::Ours,
        // Retained and re-created, `replace --force`, or the cluster rebuilt with the same owner id: the
        // object of that UID is gone. If one of that UID lives, the mark is its.
        Marks::One(mark) if mark.same_owner(&facts.mark) && !lives(&mark.uid_head) => Ownership::Ours,
        Marks::One(mark) => Ownership::Foreign(mark),
    }
}

/// What a complete list says about one object.
#[derive(Debug, Clone)]
pub enum Found {
    /// Our mark; the oldest of several, and the others.
    Ours(Box<Observed>, Vec<Observed>),
    /// No product carries our mark, but one has the name.
    Named(Box<Observed>, Ownership),
    /// Neither mark nor name.
    None,
}

/// The products with our mark, under any name; the one to keep is the first.
pub fn marked<'a>(
    products: &'a [Observed],
    facts: &Facts,
    lives: &dyn Fn(&str) -> bool,
) -> Vec<&'a Observed> {
    let mut ours: Vec<&Observed> =
        products.iter().filter(|p| ownership(p, facts, lives) == Ownership::Ours).collect();
    // The exact mark of this object goes before one of a former object; then the oldest, then the id, so
    // that every reader of the same list keeps the same one.
    ours.sort_by(|a, b| {
        let exact = |p: &Observed| find(&p.description) != Marks::One(facts.mark.clone());
        (exact(a), a.created_at.unwrap_or(i64::MAX), &a.id).cmp(&(
            exact(b),
            b.created_at.unwrap_or(i64::MAX),
            &b.id,
        ))
    });
    ours
}

/// Searches by mark under any name, then by the manifest's name. The ledger's name alone counts for nothing:
/// every attempt sends the mark, so a product without it is not the attempt's, and the manifest may have been
/// given another name for that very reason.
pub fn search(products: &[Observed], facts: &Facts, lives: &dyn Fn(&str) -> bool) -> Found {
    if let Some((first, rest)) = marked(products, facts, lives).split_first() {
        return Found::Ours(Box::new((*first).clone()), rest.iter().map(|p| (*p).clone()).collect());
    }
    products
        .iter()
        .find(|p| p.name == facts.name)
        .map_or(Found::None, |p| Found::Named(Box::new(p.clone()), ownership(p, facts, lives)))
}
