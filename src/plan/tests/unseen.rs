//! What waits while a part of the cluster was never listed.

use super::*;
use crate::plan::unseen::{waits_to_take, waits_with_recorded};

#[test]
fn only_what_carries_the_object_s_own_mark_is_recorded_at_once() {
    let facts = facts();
    assert!(!waits_to_take(&product("P1", "thermostat", Some(&ours())), Claim::Mark, &facts));
    for mark in [Some(former()), Some(foreign()), None] {
        for claim in [Claim::Mark, Claim::Adoption] {
            assert!(waits_to_take(&product("P1", "thermostat", mark.as_ref()), claim, &facts), "{mark:?}");
        }
    }
}

#[test]
fn what_was_created_is_managed_and_deleted_at_once() {
    for deleting in [false, true] {
        let facts = Facts { recorded: Some("P1".into()), deleting, ..facts() };
        assert!(!waits_with_recorded(&facts, false));
        assert!(
            !waits_with_recorded(&Facts { recorded: None, ..facts.clone() }, true),
            "nothing is recorded"
        );
        assert!(waits_with_recorded(&facts, true), "another had it");
    }
}

#[test]
fn what_was_taken_over_is_deleted_only_when_everybody_is_known() {
    for origin in [Some(Origin::Adopted), Some(Origin::Watched), None] {
        let kept = Facts { recorded: Some("P1".into()), origin, ..facts() };
        assert!(!waits_with_recorded(&kept, false), "{origin:?}: a change can be undone");
        let going = Facts { deleting: true, ..kept };
        assert!(waits_with_recorded(&going, false), "{origin:?}");
        for disputed in [false, true] {
            assert!(!waits_with_recorded(&Facts { retain: true, ..going.clone() }, disputed), "a way out");
            assert!(!waits_with_recorded(&Facts { force_forget: true, ..going.clone() }, disputed));
            assert!(!waits_with_recorded(&Facts { observe_only: true, ..going.clone() }, disputed));
        }
    }
}
