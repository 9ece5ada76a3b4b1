#![allow(clippy::unwrap_used)]

use super::code::archive::{ArchiveLimits, Package};
use super::code::inspect::Contract;
use super::*;
use bytes::Bytes;

fn code(upload: &[u8]) -> Arc<GuestCode> {
    let package = Package::open(Bytes::copy_from_slice(upload), &ArchiveLimits::default(), None).unwrap();
    Arc::new(GuestCode::in_memory(Unpacked {
        package,
        contract: Contract::Core,
        is_component: false,
        precompiled: None,
    }))
}

fn compiled(code: &GuestCode, profile: EngineProfile) -> Arc<LoadedCode> {
    code.loaded(profile).unwrap()
}

#[tokio::test]
async fn the_same_upload_is_compiled_once_for_each_profile() {
    use EngineProfile::{FuelMetered, Plain};
    let sandbox = Arc::new(Sandbox::new(
        SandboxLimits { sandboxes_max: 1, compile_slots: 1, ..SandboxLimits::default() },
        None,
        None,
    ));
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "handle")))"#).unwrap();
    let other = wat::parse_str(r#"(module (memory (export "memory") 2) (func (export "handle")))"#).unwrap();
    let (one, same, other) = (code(&module), code(&module), code(&other));
    // Side by side, too: the second waits for a slot, and then finds what the first has left.
    let (first, second) =
        tokio::join!(sandbox.load(&one, Plain, Duration::MAX), sandbox.load(&same, Plain, Duration::MAX));
    first.and(second).unwrap();
    for code in [&one, &same, &other] {
        sandbox.load(code, FuelMetered, Duration::MAX).await.unwrap();
        sandbox.load(code, Plain, Duration::MAX).await.unwrap();
    }
    for profile in [Plain, FuelMetered] {
        assert!(Arc::ptr_eq(&compiled(&one, profile), &compiled(&same, profile)));
        assert!(!Arc::ptr_eq(&compiled(&one, profile), &compiled(&other, profile)));
    }
    // Kept for as long as somebody runs it, and not longer.
    let kept = Arc::downgrade(&compiled(&one, Plain));
    drop(one);
    assert!(kept.upgrade().is_some());
    drop(same);
    assert!(kept.upgrade().is_none());
}

/// The deadline of an invocation whose code is not compiled yet is one.
#[tokio::test]
async fn a_caller_waits_for_a_compilation_no_longer_than_it_wants() {
    let sandbox = Arc::new(Sandbox::new(SandboxLimits { sandboxes_max: 1, ..SandboxLimits::default() }, None, None));
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "handle")))"#).unwrap();
    let code = code(&module);
    // While others compile: an idle host could be faster than the shortest timer.
    let others = sandbox.compile_slots.acquire_many(sandbox.limits.compile_slots.try_into().unwrap()).await.unwrap();
    let waited = sandbox.load(&code, EngineProfile::Plain, Duration::ZERO).await;
    let waited = waited.map(drop);
    assert!(matches!(waited, Err(LoadError::TimedOut { waited: Duration::ZERO })), "{waited:?}");
    drop(others);
    sandbox.load(&code, EngineProfile::Plain, Duration::MAX).await.unwrap();
}

/// What another version of the engine has compiled, or another processor's, is compiled again; so is what has facts that this
/// version of the library does not know.
#[tokio::test]
async fn what_another_engine_has_compiled_is_compiled_again() {
    use EngineProfile::Plain;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let open = || {
        let disk = Arc::new(crate::storage::SystemDisk);
        let data_dir = DataDir::open(disk, &path, "arn:aws:lambda:us-east-1:000000000000", None).unwrap().data_dir;
        let limits = SandboxLimits { sandboxes_max: 1, ..SandboxLimits::default() };
        Arc::new(Sandbox::new(limits, Some(data_dir), None))
    };
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "handle")))"#).unwrap();
    let keep = |sandbox: &Sandbox| {
        let (archive, limits) = (ArchiveLimits::default(), super::code::inspect::CodeLimits::default());
        let unpacked = Unpacked::open(Bytes::from(module.clone()), &archive, &limits, None, None).unwrap();
        Arc::new(sandbox.keep_code(&module, unpacked).unwrap())
    };
    let sandbox = open();
    let code = keep(&sandbox);
    sandbox.load(&code, Plain, Duration::MAX).await.unwrap();
    let artifacts = sandbox.data_dir().unwrap().artifacts.clone();
    let own = artifacts.open(&code.sha256(), "plain").unwrap().unwrap();
    let bytes = std::fs::read(&own.path).unwrap();
    let facts = String::from_utf8(own.facts.clone()).unwrap();
    let at = facts.find("\"engine\":\"").unwrap() + 10;
    for other in
        [format!("{}{}{}", &facts[..at], "0".repeat(64), &facts[at + 64..]), facts.replacen('{', "{\"later\":1,", 1)]
    {
        // Sealed as it should be: it is this host's, and of another engine.
        artifacts.write(&code.sha256(), "plain", &bytes, other.as_bytes()).unwrap();
        let kept = artifacts.open(&code.sha256(), "plain").unwrap().unwrap();
        assert_eq!(kept.facts, other.as_bytes());
        // Not in memory any more, and not in use.
        code.forget(Plain);
        let (said, found) = said(|| sandbox.find(&code, Plain).unwrap().is_some());
        assert!(!found);
        let [line] = &said[..] else { panic!("{said:?}") };
        assert!(line.starts_with("INFO compiling again") && line.contains("another engine or processor"), "{line}");
        assert!(line.contains(kept.path.to_str().unwrap()), "{line}");
        sandbox.load(&code, Plain, Duration::MAX).await.unwrap();
        let kept = artifacts.open(&code.sha256(), "plain").unwrap().unwrap();
        assert_eq!(kept.facts, own.facts);
    }
}

/// What `act` says through `tracing` on this thread, a line each: level, message, fields.
fn said<T>(act: impl FnOnce() -> T) -> (Vec<String>, T) {
    use std::fmt::{Debug, Write};
    use std::sync::Mutex;
    use tracing::field::{Field, Visit};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            match field.name() {
                "message" => write!(self.0, " {value:?}").unwrap(),
                name => write!(self.0, " {name}={value:?}").unwrap(),
            }
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }

    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let answer = tracing::subscriber::with_default(subscriber, act);
    let said = std::mem::take(&mut *lines.0.lock().unwrap());
    (said, answer)
}
