//! What is made of a list that lacks products: they were deleted, or the key belongs to another account, or the list is
//! wrong (protocol, "Absent").

use super::Trust;

/// More products than this, or than a tenth of the account's, are not believed to have vanished at once.
const BELIEVED: usize = 3;

/// What a complete list shows of the products that an account's objects record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sight {
    /// Products that the objects made or took over.
    pub owned: usize,
    /// So many of these it shows.
    pub shown: usize,
    /// Products that would be created anew if they were gone: not those that are being deleted, suspended or only watched.
    pub kept: usize,
    /// So many of these it does not show.
    pub missing: usize,
    /// So many more it does not show that may have been recorded after it began.
    pub young: usize,
}

/// What a human said of missing products, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order<'a> {
    /// Value of annotation `confirm-missing`.
    pub asked: Option<&'a str>,
    /// The last value that was used, or that there was nothing to use for.
    pub used: Option<&'a str>,
    /// So many products of the confirmed loss were still missing at the last list.
    pub outstanding: usize,
}

/// What a list is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How far the connection is believed.
    pub trust: Trust,
    /// The value that confirms what is missing, where that is needed.
    pub wanted: Option<String>,
    /// The value of the annotation that is used up now.
    pub used: Option<String>,
    /// Products of a confirmed loss that are still missing.
    pub outstanding: usize,
    /// A later list has to tell whether only a few are missing; until then none is taken for gone.
    pub unsure: bool,
}

/// Judges a list. `known`: the connection's key is the one that has shown the account's products before.
pub fn judge(known: bool, sight: &Sight, order: &Order<'_>) -> Judgement {
    let stranger = !known && sight.owned > 0 && sight.shown == 0;
    let many = sight.missing > BELIEVED.max(sight.kept / 10);
    let perhaps = sight.missing + sight.young > BELIEVED.max((sight.kept + sight.young) / 10);
    // What was confirmed is made anew one after the other.
    let goes_on = !stranger && many && sight.missing <= order.outstanding;
    let believed = |outstanding| Judgement {
        trust: Trust::Shown,
        wanted: None,
        used: order.asked.or(order.used).map(str::to_owned),
        outstanding,
        unsure: sight.missing > 0 && perhaps && outstanding == 0,
    };
    if !stranger && (!many || goes_on) {
        // An order that there is nothing for is used up, so that it confirms no later loss.
        return believed(if goes_on { sight.missing } else { 0 });
    }
    let number = if stranger { sight.owned } else { sight.missing };
    let fresh = order.asked.filter(|asked| order.used != Some(asked));
    if fresh.is_some_and(|value| number_of(value) == Some(number)) {
        return Judgement { unsure: false, ..believed(number) };
    }
    Judgement {
        trust: if stranger { Trust::NewKey } else { Trust::MassLoss },
        wanted: Some(value_for(number, order.used)),
        used: order.used.map(str::to_owned),
        outstanding: 0,
        unsure: false,
    }
}

/// The number that a value confirms: `14`, or `14-2` where `14` was used before.
fn number_of(value: &str) -> Option<usize> {
    value.split_once('-').map_or(value, |(number, _)| number).parse().ok()
}

/// A value that was not used yet.
fn value_for(number: usize, used: Option<&str>) -> String {
    match used.filter(|used| number_of(used) == Some(number)) {
        None => number.to_string(),
        Some(used) => {
            let times = used.split_once('-').and_then(|(_, times)| times.parse::<u32>().ok()).unwrap_or(1);
            format!("{number}-{}", times.saturating_add(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(missing: usize, kept: usize) -> Sight {
        Sight { owned: kept, shown: kept - missing, kept, missing, young: 0 }
    }

    fn order<'a>(asked: Option<&'a str>, used: Option<&'a str>, outstanding: usize) -> Order<'a> {
        Order { asked, used, outstanding }
    }

    #[test]
    fn a_few_losses_are_believed_and_many_are_not() {
        for (missing, kept, believed) in [(3, 3, true), (4, 30, false), (4, 40, true), (30, 30, false)] {
            let judged = judge(true, &sight(missing, kept), &Order::default());
            assert_eq!(judged.trust == Trust::Shown, believed, "{missing} of {kept}");
            assert_eq!(judged.wanted, (!believed).then(|| missing.to_string()));
        }
    }

    #[test]
    fn a_new_key_has_to_show_one_of_the_products_before_anything_is_believed() {
        let none = Sight { owned: 1, shown: 0, kept: 1, missing: 1, young: 0 };
        assert_eq!(judge(true, &none, &Order::default()).trust, Trust::Shown);
        let judged = judge(false, &none, &Order::default());
        assert_eq!((judged.trust, judged.wanted.as_deref()), (Trust::NewKey, Some("1")));
        let one = Sight { owned: 3, shown: 1, kept: 3, missing: 2, young: 0 };
        assert_eq!(judge(false, &one, &Order::default()).trust, Trust::Shown);
        assert_eq!(judge(false, &Sight::default(), &Order::default()).trust, Trust::Shown, "none to show");
        // What is being deleted is not to be called gone through it either.
        let deleting = Sight { owned: 2, shown: 0, kept: 0, missing: 0, young: 0 };
        assert_eq!(judge(false, &deleting, &Order::default()).wanted.as_deref(), Some("2"));
        assert_eq!(judge(false, &none, &order(Some("1"), None, 0)).trust, Trust::Shown, "a human says so");
    }

    #[test]
    fn a_few_are_not_believed_while_others_are_too_young_to_tell() {
        let unsure = |missing, young| {
            let judged = judge(true, &Sight { young, ..sight(missing, 10) }, &Order::default());
            assert_eq!(judged.trust, Trust::Shown);
            judged.unsure
        };
        assert!(unsure(2, 3) && !unsure(2, 1) && !unsure(0, 20));
        let many = judge(true, &Sight { young: 3, ..sight(4, 10) }, &Order::default());
        assert!(many.trust == Trust::MassLoss && !many.unsure);
    }

    #[test]
    fn an_order_is_one_once() {
        let lost = sight(5, 10);
        let judged = judge(true, &lost, &order(Some("5"), None, 0));
        assert_eq!((judged.trust, judged.used.as_deref(), judged.outstanding), (Trust::Shown, Some("5"), 5));
        let again = judge(true, &lost, &order(Some("5"), Some("5"), 0));
        assert_eq!((again.trust, again.wanted.as_deref()), (Trust::MassLoss, Some("5-2")));
        let second = judge(true, &lost, &order(Some("5-2"), Some("5"), 0));
        assert_eq!((second.trust, second.used.as_deref()), (Trust::Shown, Some("5-2")));
        let third = judge(true, &lost, &order(Some("5-2"), Some("5-2"), 0));
        assert_eq!(third.wanted.as_deref(), Some("5-3"));
        for other in ["6", "five", "", "-5", "5 "] {
            assert_eq!(judge(true, &lost, &order(Some(other), None, 0)).trust, Trust::MassLoss, "{other:?}");
        }
    }

    #[test]
    fn an_order_without_a_loss_confirms_no_later_one() {
        let judged = judge(true, &sight(0, 10), &order(Some("5"), None, 0));
        assert_eq!(judged.used.as_deref(), Some("5"));
        assert_eq!(judge(true, &sight(5, 10), &order(Some("5"), Some("5"), 0)).trust, Trust::MassLoss);
    }

    #[test]
    fn what_is_confirmed_is_made_anew_one_by_one_and_a_greater_loss_is_another() {
        let confirmed = |missing, outstanding| {
            judge(true, &sight(missing, 100), &order(Some("60"), Some("60"), outstanding))
        };
        assert_eq!((confirmed(40, 60).trust, confirmed(40, 60).outstanding), (Trust::Shown, 40));
        assert_eq!(confirmed(41, 40).trust, Trust::MassLoss);
        assert_eq!((confirmed(5, 40).trust, confirmed(5, 40).outstanding), (Trust::Shown, 0), "it is over");
    }
}
