use super::*;
use crate::vendor::Fields;

fn mark(uid: &str) -> Mark {
    Mark::of("cluster", "factory", "lamp", uid)
}

fn product(id: &str, description: &str) -> crate::vendor::Observed {
    crate::vendor::Observed {
        id: id.to_owned(),
        name: id.to_owned(),
        description: description.to_owned(),
        serial: None,
        fields: Fields::new(),
        secret: None,
        created_at: None,
        full: false,
    }
}

/// Products of this owner, one per id.
fn listing(ids: &[&str]) -> Listing {
    let marked = |id: &&str| product(id, &mark("0a1b2c3d").append_to("lamp"));
    Listing { begun: Timestamp::UNIX_EPOCH, products: ids.iter().map(marked).collect() }
}

#[test]
fn an_owner_is_shown_as_long_as_one_of_its_products_is() {
    let mut latest = Latest::default();
    latest.take(&listing(&["A", "B"]));
    latest.outdate("A");
    latest.outdate("A");
    assert!(latest.shows_owner(&mark("f0f0f0f0")), "B carries the same owner's mark");
    latest.outdate("B");
    assert!(!latest.shows_owner(&mark("f0f0f0f0")));
}

#[test]
fn what_was_deleted_is_not_shown_by_a_list_that_began_before() {
    let mut latest = Latest::default();
    latest.outdate("A");
    latest.take(&listing(&["A"]));
    assert!(!latest.shows_owner(&mark("0a1b2c3d")));
    latest.take(&listing(&["A", "B"]));
    assert!(latest.shows_owner(&mark("0a1b2c3d")));
}

#[test]
fn what_no_list_shows_any_more_is_forgotten() {
    let mut latest = Latest::default();
    latest.take(&listing(&["A", "B"]));
    latest.outdate("A");
    latest.outdate("B");
    latest.take(&listing(&["B"]));
    assert_eq!(latest.deleted, HashSet::from(["B".to_owned()]));
    latest.take(&listing(&[]));
    assert!(latest.deleted.is_empty() && latest.owners.is_empty());
}
