use super::*;
use crate::vendor::Effect;

const FRESH: Situation<'static> = Situation {
    recorded: false,
    change_required: true,
    forget: None,
    failures: 1,
    failing_for: Duration::ZERO,
};
const HEALTHY: Situation<'static> = Situation { recorded: true, change_required: false, ..FRESH };

fn failure(class: Class) -> Error {
    Error::Vendor(VendorError {
        action: "DescribeProduct",
        object: "P1".into(),
        class,
        effect: Effect::Refused,
        code: None,
        message: "no".into(),
        request_id: None,
        retry_after: None,
        source: None,
    })
}

#[test]
fn trouble_in_reading_leaves_a_healthy_product_alone() {
    for class in
        [Class::Throttled, Class::Unavailable, Class::ClockSkew, Class::Credentials, Class::Permission]
    {
        let verdict = verdict(&failure(class), HEALTHY);
        assert_eq!(verdict.ready, None, "{class:?}");
        assert!(verdict.account, "{class:?} shows on the account");
        assert!(verdict.checked, "{class:?} is an answer to who asks for a check");
    }
}

#[test]
fn a_lost_password_shows_on_a_product_at_rest() {
    let error = ConnectError::Unusable { reason: Reason::SecretLost, message: "gone".to_owned() };
    let verdict = verdict(&Error::Connect(error), HEALTHY);
    assert_eq!((verdict.ready, verdict.stalled), (Some(Truth::False), true));
}

#[test]
fn what_is_only_waited_for_is_no_answer_to_who_asks_for_a_check() {
    for class in [Class::Busy, Class::NotLeader, Class::NotFound] {
        assert!(!verdict(&failure(class), HEALTHY).checked, "{class:?}");
    }
    assert!(!verdict(&Error::Connect(ConnectError::Pending("a".into())), HEALTHY).checked);
}

#[test]
fn a_first_creation_is_unknown_while_the_vendor_is_away_and_false_with_a_wrong_key() {
    assert_eq!(verdict(&failure(Class::Unavailable), FRESH).ready, Some(Truth::Unknown));
    assert_eq!(verdict(&failure(Class::Credentials), FRESH).ready, Some(Truth::False));
}

#[test]
fn a_key_counts_as_refused_for_good_only_after_two_minutes_and_two_tries() {
    assert!(!verdict(&failure(Class::Credentials), FRESH).stalled);
    let lasting = Situation { failures: 2, failing_for: Duration::from_secs(121), ..FRESH };
    assert!(verdict(&failure(Class::Credentials), lasting).stalled);
    assert!(!verdict(&failure(Class::Unavailable), lasting).stalled);
}

#[test]
fn a_taken_name_is_looked_for_when_creating_and_a_conflict_when_renaming() {
    assert_eq!(verdict(&failure(Class::Exists), FRESH).delay, Delay::After(Duration::from_millis(200)));
    let renamed = verdict(&failure(Class::Exists), Situation { change_required: true, ..HEALTHY });
    assert_eq!((renamed.reason, renamed.ready), (Reason::NameConflict, Some(Truth::False)));
    assert!(renamed.stalled && renamed.delay == Delay::Backoff(HUMAN), "{renamed:?}");
}

#[test]
fn what_only_a_human_can_mend_stalls_at_once_and_says_how() {
    for (class, reason) in [(Class::Spec, Reason::InvalidSpec), (Class::Quota, Reason::QuotaExceeded)] {
        let verdict = verdict(&failure(class), FRESH);
        assert!(verdict.stalled && verdict.reason == reason, "{verdict:?}");
        assert!(verdict.message.ends_with(advice(reason)), "{}", verdict.message);
    }
    let deleting = Situation { forget: Some("P1"), ..HEALTHY };
    assert_eq!(verdict(&failure(Class::Blocked), deleting).reason, Reason::DeletionBlocked);
}

#[test]
fn a_deletion_that_a_key_holds_names_both_ways_out() {
    let deleting = Situation { forget: Some("P1"), ..HEALTHY };
    let message = "the key is refused; put in another".to_owned();
    let account = ConnectError::Unusable { reason: Reason::CredentialsInvalid, message }.into();
    for error in [failure(Class::Credentials), account] {
        let message = verdict(&error, deleting).message;
        assert!(message.contains("put ") && message.ends_with("force-forget: P1"), "{message}");
        assert!(!verdict(&error, HEALTHY).message.contains("force-forget"));
    }
}
