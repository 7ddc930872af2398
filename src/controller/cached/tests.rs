use super::*;

#[test]
fn an_object_is_opened_as_it_was() {
    let whole = at_rest("boiler-1");
    let cached = CachedProduct::of(whole.clone());
    assert_eq!(cached.open(), whole);
    assert_eq!(cached.meta().name, whole.metadata.name);
    assert_eq!(cached.product_id(), Some("Q000000000"));
    assert_eq!((revision(&cached), cached.recorded_attempt()), (Some(7031), Some(1)));
}

#[test]
fn what_is_alike_in_all_products_takes_no_memory_in_each() {
    let object = at_rest("boiler-1");
    let text = serde_json::to_vec(&object).unwrap();
    let packed = CachedProduct::of(object).packed;
    assert!(packed.size().is_some_and(|size| size <= 320), "{packed:?} of {} bytes", text.len());
    // The allocator's next smaller size, with an Arc's two counts.
    assert!(size_of::<CachedProduct>() + 16 <= 512, "{}", size_of::<CachedProduct>());
}

#[test]
fn what_is_being_created_is_kept_as_it_is() {
    let mut object = at_rest("boiler-1");
    status(&mut object).conditions.clear();
    let cached = CachedProduct::of(object.clone());
    assert_eq!((cached.packed.size(), cached.open()), (None, object.clone()));
    object.metadata.finalizers = None;
    assert!(CachedProduct::of(object).packed.size().is_some(), "nobody creates it");
}

fn status(object: &mut IotProduct) -> &mut crate::api::IotProductStatus {
    object.status.as_mut().unwrap()
}

fn ready(object: &mut IotProduct) -> &mut crate::api::Condition {
    &mut status(object).conditions[0]
}

#[test]
fn what_asks_for_something_does_not_rest() {
    let rests = |change: fn(&mut IotProduct)| {
        let mut object = at_rest("boiler-1");
        change(&mut object);
        CachedProduct::of(object).rests()
    };
    assert!(rests(|_| {}));
    assert!(!rests(|object| object.metadata.generation = Some(2)));
    assert!(!rests(|object| object.metadata.finalizers = None));
    assert!(!rests(|object| object.metadata.deletion_timestamp = object.metadata.creation_timestamp.clone()));
    assert!(!rests(|object| object.status = None));
    assert!(!rests(|object| ready(object).status = "False".to_owned()));
    assert!(!rests(|object| ready(object).type_ = STALLED.to_owned()));
    assert!(!rests(|object| status(object).password_due_at = Some("2026-11-25T20:01:00Z".to_owned())));
    for asks in [REQUESTED_AT_ANNOTATION, ROTATE_PASSWORD_ANNOTATION] {
        let mut object = at_rest("boiler-1");
        object.annotations_mut().insert(asks.to_owned(), "now".to_owned());
        assert!(!CachedProduct::of(object).rests(), "{asks}");
    }
}
