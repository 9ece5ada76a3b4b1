//! A storage whose answers get lost: what was written is found out, and nothing is shown that may not be.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::storage::{Record, Revision, StorageError, WriteError, testing::MemoryStorage};

/// A storage on the other end of a bad line.
#[derive(Debug, Default)]
struct Remote {
    storage: MemoryStorage,
    /// Whether the next write is done.
    does: AtomicBool,
    loses_answers: AtomicBool,
    is_unreachable: AtomicBool,
}

impl Remote {
    fn set(&self, does: bool, loses_answers: bool, is_unreachable: bool) {
        self.does.store(does, Ordering::Relaxed);
        self.loses_answers.store(loses_answers, Ordering::Relaxed);
        self.is_unreachable.store(is_unreachable, Ordering::Relaxed);
    }

    fn write(&self, write: impl FnOnce() -> Result<(), WriteError>) -> Result<(), WriteError> {
        if self.does.load(Ordering::Relaxed) {
            write()?;
        }
        let lost = || WriteError::Unknown(StorageError::new("writing", "the line is dead"));
        if self.loses_answers.load(Ordering::Relaxed) { Err(lost()) } else { Ok(()) }
    }
}

impl Storage for Remote {
    fn list(&self, prefix: &str) -> Result<Vec<(String, Record)>, StorageError> {
        self.storage.list(prefix)
    }

    fn get(&self, key: &str) -> Result<Option<Record>, StorageError> {
        if self.is_unreachable.load(Ordering::Relaxed) {
            return Err(StorageError::new("reading", "the line is dead"));
        }
        self.storage.get(key)
    }

    fn put(&self, key: &str, expected: Option<Revision>, record: &Record) -> Result<(), WriteError> {
        self.write(|| self.storage.put(key, expected, record))
    }

    fn delete(&self, key: &str, expected: Revision) -> Result<(), WriteError> {
        self.write(|| self.storage.delete(key, expected))
    }
}

fn registry_at(remote: &Arc<Remote>) -> TestRegistry {
    let registry = registry();
    registry.open(Arc::<Remote>::clone(remote), |_| true, |sha256, _| Some(Arc::new(sha256.as_bytes()[0]))).unwrap()
}

fn create(registry: &TestRegistry) -> Result<(), CreateFunctionError> {
    registry.create(&name("f"), code(1), ConfigurationUpdate::default(), CreateFunction::default()).map(drop)
}

fn describe(registry: &TestRegistry, text: &str) -> Result<(), UpdateFunctionConfigurationError> {
    registry.update_configuration(&name("f"), described(text), &UpdateFunctionConfiguration::default()).map(drop)
}

fn description(registry: &TestRegistry) -> Option<String> {
    registry.get(&name("f"), None).ok().map(|found| found.configuration().description.clone())
}

/// A remote, with a function `f` described as "old".
fn with_function() -> (Arc<Remote>, TestRegistry) {
    let remote = Arc::new(Remote::default());
    remote.set(true, false, false);
    let registry = registry_at(&remote);
    create(&registry).unwrap();
    describe(&registry, "old").unwrap();
    (remote, registry)
}

#[test]
fn a_write_that_can_be_looked_for_is_found_or_not() {
    let (remote, registry) = with_function();
    remote.set(true, true, false);
    describe(&registry, "done").unwrap();
    assert_eq!(description(&registry).as_deref(), Some("done"));
    remote.set(false, true, false);
    let refusal = refusal(describe(&registry, "not done"));
    assert_eq!(refusal, "500 ServiceException the change was not kept");
    assert_eq!(description(&registry).as_deref(), Some("done"));
    remote.set(true, true, false);
    registry.delete(&name("f"), None).unwrap();
    assert_eq!(description(&registry), None);
    assert_eq!(registry.code_bytes(), 0);
}

#[test]
fn a_write_that_cannot_be_looked_for_is_settled_before_the_next() {
    for done in [false, true] {
        let (remote, registry) = with_function();
        remote.set(done, true, true);
        let refused = refusal(describe(&registry, "new"));
        assert_eq!(refused, "500 ServiceException whether the change was kept is not known");
        assert_eq!(description(&registry).as_deref(), Some("old"), "it was not answered");
        // Until the storage can tell, the function stays as it is; others are free.
        let refused = refusal(describe(&registry, "newer"));
        assert!(refused.starts_with("500 ServiceException what became of the last change of f"), "{refused}");
        remote.set(true, false, true);
        registry.create(&name("g"), code(2), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
        remote.set(true, false, false);
        registry.put_concurrency(&name("f"), 3).unwrap();
        assert_eq!(description(&registry).as_deref(), Some(if done { "new" } else { "old" }));
        // A start finds the same.
        assert_eq!(description(&registry_at(&remote)), description(&registry));
        assert_eq!(registry_at(&remote).get_concurrency(&name("f")).unwrap(), Some(3));
    }
}

#[test]
fn a_function_whose_creation_or_deletion_was_lost_is_settled_too() {
    for done in [false, true] {
        let remote = Arc::new(Remote::default());
        remote.set(done, true, true);
        let registry = registry_at(&remote);
        create(&registry).unwrap_err();
        assert_eq!((description(&registry), registry.code_bytes()), (None, 0));
        remote.set(true, false, false);
        let again = create(&registry);
        assert_eq!(again.is_err(), done, "it is there already: {again:?}");
        assert_eq!(registry.code_bytes(), 100);
        remote.set(done, true, true);
        registry.delete(&name("f"), None).unwrap_err();
        assert!(description(&registry).is_some());
        remote.set(true, false, false);
        let again = registry.delete(&name("f"), None);
        assert_eq!(again.is_err(), done, "it is gone already: {again:?}");
        assert_eq!((description(&registry), registry.code_bytes()), (None, 0));
    }
}

#[test]
fn somebody_elses_change_is_not_overwritten() {
    let (remote, registry) = with_function();
    let key = "function/f";
    let found = remote.storage.get(key).unwrap().unwrap();
    let theirs = Record { revision: Revision::random(), ..found.clone() };
    remote.storage.put(key, Some(found.revision), &theirs).unwrap();
    assert!(refusal(describe(&registry, "mine")).starts_with("500 ServiceException"));
    assert_eq!(remote.storage.get(key).unwrap(), Some(theirs));
    assert_eq!(description(&registry).as_deref(), Some("old"));
}

#[test]
fn a_record_of_another_form_is_refused_and_one_with_less_is_not() {
    let (remote, _) = with_function();
    let found = remote.storage.get("function/f").unwrap().unwrap();
    let text = String::from_utf8(found.value).unwrap();
    let opened = |value: String| {
        let remote = Arc::new(Remote::default());
        let record = Record { revision: Revision::random(), value: value.into_bytes() };
        remote.storage.put("function/f", None, &record).unwrap();
        let opened = registry().open(remote, |_| true, |_, _| Some(Arc::new(1)));
        opened.map_err(|error| format!("{error}: {}", std::error::Error::source(&error).unwrap()))
    };
    let refusal = |value: String| opened(value).err().expect("a refusal");
    let other = refusal(text.replacen("\"form\":1", "\"form\":2", 1));
    assert_eq!(
        other,
        "the record function/f can't be used: the record has the form 2, and this version of fnhost knows 1"
    );
    let more = refusal(text.replacen("{", "{\"later\":true,", 1));
    assert_eq!(more, "the record function/f can't be used: the record, of form 1, can't be read");
    let less = opened(text.replacen("\"aliases\":{},", "", 1)).unwrap();
    assert_eq!(description(&less).as_deref(), Some("old"));
    assert_ne!(text.replacen("\"aliases\":{},", "", 1), text);
}

/// What was acknowledged holds: the new code is what runs, and is compiled when it is first invoked.
#[test]
fn what_was_being_made_ready_is_over_at_the_next_start() {
    let (remote, registry) = with_function();
    let pending =
        CreateFunction { publish: true, preparation: Some(PreparationId::random()), ..CreateFunction::default() };
    registry.create(&name("new"), code(1), ConfigurationUpdate::default(), pending).unwrap();
    let update = UpdateFunctionCode { preparation: Some(PreparationId::random()), ..UpdateFunctionCode::default() };
    registry.update_code(&name("f"), code(2), &update).unwrap();
    let runs = |registry: &TestRegistry, function: &str, version: &str| {
        let found = registry.resolve(&name(function), Some(qualifier(version)), || 0.0).unwrap();
        (*found.version.executable, found.configuration().state.to_string())
    };
    assert_eq!(runs(&registry, "f", "$LATEST"), (1, "Active".to_owned()));
    assert_eq!(runs(&registry, "new", "1"), (1, "Pending".to_owned()));
    let first = registry_at(&remote);
    assert_eq!(runs(&first, "f", "$LATEST"), (2, "Active".to_owned()));
    assert_eq!(runs(&first, "new", "1"), (1, "Active".to_owned()));
    first.publish(&name("new"), PublishVersion::default()).unwrap();
    // That, too, is kept.
    let revision = |registry: &TestRegistry| registry.get(&name("f"), None).unwrap().configuration().revision_id;
    assert_eq!(revision(&registry_at(&remote)), revision(&first));
}
