#![allow(clippy::unwrap_used)]

use super::code::archive::{ArchiveLimits, Package};
use super::code::inspect::Contract;
use super::*;
use bytes::Bytes;
use std::path::Path;

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

fn on_disk(parent: &Path) -> Arc<Sandbox> {
    let (disk, path) = (Arc::new(crate::storage::SystemDisk), parent.join("data"));
    let data_dir = DataDir::open(disk, &path, "arn:aws:lambda:us-east-1:000000000000", None).unwrap().data_dir;
    let limits = SandboxLimits { sandboxes_max: 1, ..SandboxLimits::default() };
    Arc::new(Sandbox::new(limits, Some(data_dir), None))
}

fn keep(sandbox: &Sandbox, upload: &[u8]) -> Arc<GuestCode> {
    let (archive, limits) = (ArchiveLimits::default(), super::code::inspect::CodeLimits::default());
    let unpacked = Unpacked::open(Bytes::copy_from_slice(upload), &archive, &limits, None, None).unwrap();
    Arc::new(sandbox.keep_code(upload, unpacked).unwrap())
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What this process has verified is mapped on the thread that asks, while it is as it was. Whatever takes longer is not.
#[cfg(unix)]
#[tokio::test]
async fn what_was_verified_is_found_without_a_way_to_another_thread() {
    use EngineProfile::Plain;
    let parent = tempfile::tempdir().unwrap();
    let sandbox = on_disk(parent.path());
    let module = |data: &str| {
        let text =
            format!(r#"(module (memory (export "memory") 2) (data (i32.const 0) "{data}") (func (export "handle")))"#);
        wat::parse_str(text).unwrap()
    };
    let large = keep(&sandbox, &module(&"x".repeat(100_000)));
    let zip = keep(&sandbox, &zip_of(&[("bootstrap.wasm", &module("zip")), ("model.txt", b"weights")]));
    let small = keep(&sandbox, &module("small"));
    for code in [&large, &zip, &small] {
        sandbox.load(code, Plain, Duration::MAX).await.unwrap();
    }
    let artifacts = sandbox.data_dir().unwrap().artifacts.clone();
    let path = artifacts.path(&small.sha256(), "plain");
    let bytes = std::fs::metadata(&path).unwrap().len();
    let find = |code: &Arc<GuestCode>, bytes_max| {
        let found_on_disk = sandbox.metrics().code().1;
        drop(code.forget(Plain));
        let found = sandbox.find_verified(code, Plain, bytes_max).is_some();
        assert_eq!((code.loaded(Plain).is_some(), sandbox.metrics().code().1 - found_on_disk), (found, found.into()));
        found
    };

    // A file that was written just now is not known by what it is: it is verified again, until it is some seconds old.
    let begin = std::time::Instant::now();
    while !find(&small, u64::MAX) {
        assert!(begin.elapsed() < Duration::from_secs(60));
        drop(small.forget(Plain));
        assert!(sandbox.find(&small, Plain).unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for code in [&large, &zip] {
        drop(code.forget(Plain));
        assert!(sandbox.find(code, Plain).unwrap().is_some());
    }
    assert!(find(&small, bytes));
    assert!(!find(&small, bytes - 1));
    assert!(find(&large, u64::MAX));
    assert!(!find(&large, bytes));
    assert!(!find(&zip, u64::MAX), "its files have to be unpacked");

    // Somebody else loads it.
    let turn = small.loading(Plain).lock_owned().await;
    assert!(!find(&small, u64::MAX));
    drop(turn);
    assert!(find(&small, u64::MAX));
    // In use by another function: whether it is on disk does not matter.
    let same = keep(&sandbox, &module("small"));
    assert!(
        sandbox.find_verified(&same, Plain, 0).is_some_and(|loaded| Arc::ptr_eq(&loaded, &compiled(&small, Plain)))
    );
    drop(same);

    // Changed since, in one byte.
    drop(small.forget(Plain));
    let mut changed = std::fs::read(&path).unwrap();
    changed[usize::try_from(bytes / 2).unwrap()] ^= 1;
    std::fs::write(&path, changed).unwrap();
    assert!(!find(&small, u64::MAX));
    assert!(sandbox.find(&small, Plain).unwrap().is_none());
}

/// What another version of the engine has compiled, or another processor's, is compiled again; so is what has facts that this
/// version of the library does not know.
#[tokio::test]
async fn what_another_engine_has_compiled_is_compiled_again() {
    use EngineProfile::Plain;
    let parent = tempfile::tempdir().unwrap();
    let sandbox = on_disk(parent.path());
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "handle")))"#).unwrap();
    let code = keep(&sandbox, &module);
    sandbox.load(&code, Plain, Duration::MAX).await.unwrap();
    let artifacts = sandbox.data_dir().unwrap().artifacts.clone();
    let own = artifacts.open(&code.sha256(), "plain").unwrap().unwrap();
    let bytes = std::fs::read(&own.path).unwrap();
    let facts = String::from_utf8(own.facts.to_vec()).unwrap();
    let at = facts.find("\"engine\":\"").unwrap() + 10;
    for other in
        [format!("{}{}{}", &facts[..at], "0".repeat(64), &facts[at + 64..]), facts.replacen('{', "{\"later\":1,", 1)]
    {
        // Sealed as it should be: it is this host's, and of another engine.
        artifacts.write(&code.sha256(), "plain", &bytes, other.as_bytes()).unwrap();
        let kept = artifacts.open(&code.sha256(), "plain").unwrap().unwrap();
        assert_eq!(*kept.facts, *other.as_bytes());
        // Not in memory any more, and not in use.
        drop(code.forget(Plain));
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
