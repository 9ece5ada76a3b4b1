//! Code that is made ready after the answer: the states of section 4 of the contract.

use super::*;
use crate::function::{FunctionState, LastUpdateStatus, StateReason, StateReasonCode};

const BUSY: &str = "409 ResourceConflictException The operation cannot be performed at this time. ";

fn pending(registry: &TestRegistry, publish: bool) -> PreparationId {
    let id = PreparationId::random();
    let request = CreateFunction { publish, preparation: Some(id), ..CreateFunction::default() };
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), request).unwrap();
    id
}

fn updating(registry: &TestRegistry, size_bytes: u64, publish: bool) -> PreparationId {
    let id = PreparationId::random();
    let request = UpdateFunctionCode { publish, preparation: Some(id), ..UpdateFunctionCode::default() };
    registry.update_code(&name("f"), Code { size_bytes, ..code(1) }, &request).unwrap();
    id
}

fn failure() -> StateReason {
    StateReason::new(StateReasonCode::FunctionError, "no such instruction")
}

/// State and last update as shown, the code that is shown, and the code that runs.
fn seen(registry: &TestRegistry, qualifier: Option<&str>) -> (&'static str, Option<&'static str>, u8, u8) {
    let qualifier = qualifier.map(super::qualifier);
    let shown = registry.get(&name("f"), qualifier.as_ref()).unwrap();
    let runs = registry.resolve(&name("f"), qualifier, || 0.0).unwrap();
    let configuration = shown.configuration();
    let last_update = configuration.last_update.as_ref().map(LastUpdateStatus::as_str);
    (configuration.state.as_str(), last_update, *shown.version.executable, *runs.version.executable)
}

fn revision(registry: &TestRegistry, qualifier: Option<&str>) -> String {
    let qualifier = qualifier.map(super::qualifier);
    registry.get(&name("f"), qualifier.as_ref()).unwrap().configuration().revision_id.to_string()
}

#[test]
fn a_new_function_is_pending_then_active() {
    let registry = registry();
    let id = pending(&registry, true);
    for qualifier in [None, Some("1")] {
        assert_eq!(seen(&registry, qualifier), ("Pending", None, 0, 0));
        let resolved = registry.resolve(&name("f"), qualifier.map(super::qualifier), || 0.0).unwrap();
        let text = format!("{BUSY}The function is currently in the following state: Pending");
        let refused: Result<(), crate::error::InvokeError> = resolved.check_active().map_err(Into::into);
        assert_eq!(refusal(refused), text);
    }
    let latest = registry.get(&name("f"), None).unwrap();
    let state = &latest.configuration().state;
    assert_eq!((state.reason_code(), state.reason()), (Some("Creating"), Some("The function is being created.")));
    let before = [revision(&registry, None), revision(&registry, Some("1"))];

    registry.prepared(&name("f"), id, Ok(())).unwrap();
    for qualifier in [None, Some("1")] {
        assert_eq!(seen(&registry, qualifier), ("Active", Some("Successful"), 0, 0));
        assert_eq!(registry.resolve(&name("f"), None, || 0.0).unwrap().check_active(), Ok(()));
    }
    assert_ne!([revision(&registry, None), revision(&registry, Some("1"))], before);
    // Nothing has changed since version 1.
    let again = registry.publish(&name("f"), PublishVersion::default()).unwrap();
    assert_eq!(again.configuration.version.to_string(), "1");
    // It is over.
    registry.prepared(&name("f"), id, Err(failure())).unwrap();
    assert_eq!(seen(&registry, None).0, "Active");
}

#[test]
fn a_new_function_that_fails_says_why_and_can_be_mended() {
    let registry = registry();
    let id = pending(&registry, true);
    registry.prepared(&name("f"), id, Err(failure())).unwrap();
    for qualifier in [None, Some("1")] {
        assert_eq!(seen(&registry, qualifier), ("Failed", None, 0, 0));
        let shown = registry.get(&name("f"), qualifier.map(super::qualifier).as_ref()).unwrap();
        let state = &shown.configuration().state;
        assert_eq!((state.reason_code(), state.reason()), (Some("FunctionError"), Some("no such instruction")));
        assert_eq!(*state, FunctionState::Failed(failure()));
        assert!(shown.check_active().is_err());
    }
    let text = format!("{BUSY}The function is currently in the following state: Failed");
    assert_eq!(refusal(registry.publish(&name("f"), PublishVersion::default())), text);

    let id = updating(&registry, 100, false);
    assert_eq!(seen(&registry, None), ("Failed", Some("InProgress"), 1, 0));
    registry.prepared(&name("f"), id, Ok(())).unwrap();
    assert_eq!(seen(&registry, None), ("Active", Some("Successful"), 1, 1));
    assert_eq!(seen(&registry, Some("1")).0, "Failed");
}

#[test]
fn an_update_is_shown_at_once_and_runs_later() {
    let registry = registry_with_versions(0);
    let before = revision(&registry, None);
    let id = updating(&registry, 100, true);
    assert_eq!(seen(&registry, None), ("Active", Some("InProgress"), 1, 0));
    assert_eq!(seen(&registry, Some("1")), ("Pending", None, 1, 1));
    let listed = registry.list(PageRequest::default()).unwrap().items;
    assert_eq!(listed[0].code_sha256, CodeSha256::new([1; 32]));
    let during = revision(&registry, None);
    assert_ne!(during, before);
    assert_eq!(registry.resolve(&name("f"), None, || 0.0).unwrap().check_active(), Ok(()));

    registry.prepared(&name("f"), id, Ok(())).unwrap();
    assert_eq!(seen(&registry, None), ("Active", Some("Successful"), 1, 1));
    assert_eq!(seen(&registry, Some("1")), ("Active", Some("Successful"), 1, 1));
    assert_ne!(revision(&registry, None), during);
}

#[test]
fn a_failed_update_leaves_what_was_there() {
    let registry = registry_with_versions(0);
    let id = updating(&registry, 300, true);
    // Room for the larger of the two, and for the version.
    assert_eq!(registry.code_bytes(), 600);
    registry.prepared(&name("f"), id, Err(failure())).unwrap();
    assert_eq!(seen(&registry, None), ("Active", Some("Failed"), 0, 0));
    assert_eq!(seen(&registry, Some("1")), ("Failed", None, 1, 1));
    assert_eq!(registry.code_bytes(), 400);
    let latest = registry.get(&name("f"), None).unwrap();
    let last_update = latest.configuration().last_update.as_ref().unwrap();
    assert_eq!((last_update.reason_code(), last_update.reason()), (Some("FunctionError"), Some("no such instruction")));
    // Less than there was: room is kept until it is known which of the two stays.
    let id = updating(&registry, 10, false);
    assert_eq!(registry.code_bytes(), 400);
    registry.prepared(&name("f"), id, Ok(())).unwrap();
    assert_eq!(registry.code_bytes(), 310);
    registry.delete(&name("f"), None).unwrap();
    assert_eq!(registry.code_bytes(), 0);
}

#[test]
fn meanwhile_nothing_else_updates_it() {
    let (new, old) = (registry(), registry_with_versions(0));
    let (creation, update) = (pending(&new, false), updating(&old, 100, false));
    let in_progress = format!("{BUSY}An update is in progress for resource: {ARN}");
    let is_pending = format!("{BUSY}The function is currently in the following state: Pending");
    for (registry, expected, id) in [(new, is_pending, creation), (old, in_progress, update)] {
        let f = name("f");
        assert_eq!(refusal(registry.update_code(&f, code(2), &UpdateFunctionCode::default())), expected);
        assert_eq!(refusal(registry.update_configuration(&f, described("x"), &if_revision(None))), expected);
        assert_eq!(refusal(registry.publish(&f, PublishVersion::default())), expected);
        // What does not touch the code goes on, and is kept.
        registry.tag(&f, [("a".to_owned(), "b".to_owned())].into()).unwrap();
        registry.put_concurrency(&f, 7).unwrap();
        registry.create_alias(&f, CreateAlias::new(alias_name("live"), Version::Latest)).unwrap();
        let tagged = revision(&registry, None);
        registry.prepared(&f, id, Ok(())).unwrap();
        assert_ne!(revision(&registry, None), tagged);
        assert_eq!((registry.tags(&f).unwrap().len(), registry.get_concurrency(&f).unwrap()), (1, Some(7)));
        registry.publish(&f, PublishVersion::default()).unwrap();
    }
}

/// Whoever comes too late changes nothing.
#[test]
fn a_function_that_was_deleted_stays_deleted() {
    let registry = registry();
    let id = pending(&registry, false);
    registry.delete(&name("f"), None).unwrap();
    registry.prepared(&name("f"), id, Ok(())).unwrap();
    assert!(!registry.contains(&name("f")));
    let other = pending(&registry, false);
    registry.prepared(&name("f"), id, Ok(())).unwrap();
    assert_eq!(seen(&registry, None).0, "Pending");
    registry.prepared(&name("f"), other, Ok(())).unwrap();
    assert_eq!(seen(&registry, None).0, "Active");
}
