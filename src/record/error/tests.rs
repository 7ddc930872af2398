use kube::core::Status;

use super::*;

fn answer(code: u16, message: &str) -> kube::Error {
    kube::Error::Api(Box::new(Status::failure(message, "").with_code(code)))
}

#[test]
fn a_failed_test_of_a_patch_is_a_conflict_and_a_refusal_is_none() {
    let error = RecordError::of_write("writing", answer(422, TEST_FAILED));
    assert!(matches!(error, RecordError::Conflict { .. }), "{error:?}");
    let denied = "secrets \"s\" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'team' denied request: no team";
    let error = RecordError::of_write("writing", answer(422, denied));
    assert_eq!(error.to_string(), format!("writing was refused: {denied}"));
}

#[test]
fn reading_is_not_refused_and_a_namespace_that_ends_is_nobody_s_policy() {
    let error = RecordError::of("reading", answer(403, "secrets \"s\" is forbidden: no access"));
    assert!(matches!(error, RecordError::Kube { .. }), "{error:?}");
    let ends = "secrets \"s\" is forbidden: unable to create new content in namespace n because it is being terminated";
    let error = RecordError::of_write("writing", answer(403, ends));
    assert!(matches!(error, RecordError::Terminating { .. }), "{error:?}");
    let error = RecordError::of_write("writing", answer(500, "etcd"));
    assert!(matches!(error, RecordError::Kube { .. }), "{error:?}");
}
