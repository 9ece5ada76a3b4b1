#![allow(clippy::unwrap_used)]

use super::code::archive::{ArchiveLimits, Package};
use super::code::inspect::Contract;
use super::*;

fn code(upload: &[u8]) -> Arc<GuestCode> {
    let package = Package::open(Bytes::copy_from_slice(upload), &ArchiveLimits::default(), None).unwrap();
    Arc::new(GuestCode::new(package, Contract::Core, false))
}

fn compiled(code: &GuestCode, profile: EngineProfile) -> &Arc<LoadedCode> {
    code.loaded(profile).unwrap()
}

#[tokio::test]
async fn the_same_upload_is_compiled_once_for_each_profile() {
    use EngineProfile::{FuelMetered, Plain};
    let sandbox =
        Arc::new(Sandbox::new(SandboxLimits { sandboxes_max: 1, compile_slots: 1, ..SandboxLimits::default() }));
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
        assert!(Arc::ptr_eq(compiled(&one, profile), compiled(&same, profile)));
        assert!(!Arc::ptr_eq(compiled(&one, profile), compiled(&other, profile)));
    }
    // Kept for as long as somebody runs it, and not longer.
    let kept = Arc::downgrade(compiled(&one, Plain));
    drop(one);
    assert!(kept.upgrade().is_some());
    drop(same);
    assert!(kept.upgrade().is_none());
}

/// The deadline of an invocation whose code is not compiled yet is one.
#[tokio::test]
async fn a_caller_waits_for_a_compilation_no_longer_than_it_wants() {
    let sandbox = Arc::new(Sandbox::new(SandboxLimits { sandboxes_max: 1, ..SandboxLimits::default() }));
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "handle")))"#).unwrap();
    let code = code(&module);
    let waited = sandbox.load(&code, EngineProfile::Plain, Duration::ZERO).await;
    assert!(matches!(waited, Err(LoadError::TimedOut { waited: Duration::ZERO })), "{waited:?}");
    // What began goes on, or begins anew.
    sandbox.load(&code, EngineProfile::Plain, Duration::MAX).await.unwrap();
}
