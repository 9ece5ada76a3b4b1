//! What was answered is on disk: the disk fails at its first operation, at its second, … and each time what is found after
//! it is what was answered, or that and the change that was being made.

use std::{collections::HashMap, path::PathBuf};

use sha2::{Digest, Sha256};

use super::*;
use crate::function::{EventInvokeUpdate, Permission};
use crate::storage::{
    CodeFile, RedbStorage,
    testing::{CodeFiles, Disk, Fault, Leaves, SimulatedDisk},
};

type Kept = Arc<CodeFile>;
type KeptRegistry = Registry<Kept, AtomicU64>;
type Snapshot = BTreeMap<String, String>;

const RECORDS: &str = "data/records.redb";
const CODE: &str = "data/code";

/// A host's start, as far as this is about: code, then records, then what nothing names goes.
fn start(disk: &SimulatedDisk) -> Result<(KeptRegistry, Arc<CodeFiles>), String> {
    let code = Arc::new(CodeFiles::for_test(Arc::new(disk.clone()), PathBuf::from(CODE)));
    let storage = RedbStorage::open_at(disk, RECORDS.as_ref()).map_err(|error| format!("{error:?}"))?;
    let files = code.open().map_err(|error| format!("{error:?}"))?;
    let registry = Registry::new(
        ArnBase::new("us-east-1", "000000000000").unwrap(),
        RegistryLimits::default(),
        Counting::default(),
    );
    let registry = registry.open(Arc::new(storage), |_| true, |sha256, _| files.get(sha256.as_bytes()).cloned());
    let registry = registry.map_err(|error| {
        code.close();
        format!("{error:?}")
    })?;
    Ok((registry, code))
}

/// Code number `id`, brought to the disk.
fn upload(code: &Arc<CodeFiles>, id: u8) -> Result<Code<Kept>, String> {
    let upload = vec![id; 1000];
    let sha256: [u8; 32] = Sha256::digest(&upload).into();
    let executable = code.keep(sha256, &upload).map_err(|error| error.to_string())?;
    Ok(Code { executable, sha256: CodeSha256::new(sha256), size_bytes: 1000 })
}

const STEPS: usize = 12;

fn step(number: usize, registry: &KeptRegistry, code: &Arc<CodeFiles>) -> Result<(), String> {
    let text = |error: Error| format!("{error:?}");
    let publish = UpdateFunctionCode { publish: true, ..UpdateFunctionCode::default() };
    match number {
        0 => registry
            .create(
                &name("f"),
                upload(code, 1)?,
                ConfigurationUpdate::default(),
                CreateFunction { publish: true, ..CreateFunction::default() },
            )
            .map(drop)
            .map_err(|e| text(e.into())),
        1 => registry
            .create(&name("g"), upload(code, 1)?, described("second"), CreateFunction::default())
            .map(drop)
            .map_err(|e| text(e.into())),
        2 => registry.update_code(&name("f"), upload(code, 2)?, &publish).map(drop).map_err(|e| text(e.into())),
        3 => {
            let alias = CreateAlias {
                additional_version_weights: weights(&[("2", 0.5)]),
                ..CreateAlias::new(alias_name("live"), Version::Number(number_1()))
            };
            registry.create_alias(&name("f"), alias).map(drop).map_err(|e| text(e.into()))
        }
        4 => registry.put_concurrency(&name("g"), 7).map_err(|e| text(e.into())),
        5 => registry
            .update_code(&name("f"), upload(code, 3)?, &UpdateFunctionCode::default())
            .map(drop)
            .map_err(|e| text(e.into())),
        6 => registry.delete(&name("g"), None).map_err(|e| text(e.into())),
        7 => registry.delete_alias(&name("f"), &alias_name("live")).map_err(|e| text(e.into())),
        8 => {
            let permission = Permission {
                statement_id: "s".to_owned(),
                action: "lambda:InvokeFunction".to_owned(),
                principal: "s3.amazonaws.com".to_owned(),
                ..Permission::default()
            };
            let version = qualifier("1");
            registry.add_permission(&name("f"), Some(&version), permission, None).map(drop).map_err(|e| text(e.into()))
        }
        9 => registry.tag(&name("f"), [("key".to_owned(), "value".to_owned())].into()).map_err(|e| text(e.into())),
        10 => {
            let update = EventInvokeUpdate { maximum_retry_attempts: Some(1), ..EventInvokeUpdate::default() };
            registry.put_event_invoke_config(&name("f"), None, update).map(drop).map_err(|e| text(e.into()))
        }
        _ => registry.delete(&name("f"), Some(&qualifier("2"))).map_err(|e| text(e.into())),
    }
}

fn number_1() -> VersionNumber {
    number(1)
}

fn snapshot(registry: &KeptRegistry) -> Snapshot {
    let functions = registry.functions.iter();
    functions.map(|f| (f.key().to_string(), String::from_utf8(f.record.to_stored().unwrap()).unwrap())).collect()
}

/// The state after each number of steps, on a disk that does not fail.
fn states() -> Vec<Snapshot> {
    let (registry, code) = start(&SimulatedDisk::default()).unwrap();
    let mut states = vec![snapshot(&registry)];
    for number in 0..STEPS {
        step(number, &registry, &code).unwrap();
        states.push(snapshot(&registry));
    }
    code.close();
    states
}

/// Runs until something is refused. How many steps were answered.
fn run(disk: &SimulatedDisk) -> usize {
    let Ok((registry, code)) = start(disk) else { return 0 };
    let answered = (0..STEPS).take_while(|number| step(*number, &registry, &code).is_ok()).count();
    // What a change that was refused would have been is not seen.
    code.close();
    answered
}

#[test]
fn every_change_is_synced_before_its_answer() {
    let disk = SimulatedDisk::default();
    let (registry, code) = start(&disk).unwrap();
    for number in 0..STEPS {
        let before = disk.syncs();
        step(number, &registry, &code).unwrap();
        assert!(disk.syncs() > before, "step {number}");
        // Whatever was not synced is lost, and the step is there.
        let (reopened, reopened_code) = start(&disk.crashed(Leaves::Nothing)).unwrap();
        assert_eq!(snapshot(&reopened), snapshot(&registry), "step {number}");
        reopened_code.close();
    }
    code.close();
}

#[test]
fn a_disk_that_fails_at_any_operation_leaves_what_was_answered() {
    let states = states();
    let mut failed = 0;
    for (operation, done) in (1..).flat_map(|operation| [(operation, false), (operation, true)]) {
        let disk = SimulatedDisk::default();
        disk.set_fault(Fault { operation, done });
        let answered = run(&disk);
        if !disk.is_dead() {
            assert_eq!(answered, STEPS);
            break;
        }
        failed += 1;
        let seeds = (0..4).map(|seed| Leaves::Some(seed + 10 * operation as u64));
        for leaves in [Leaves::Nothing, Leaves::Everything].into_iter().chain(seeds) {
            let what = format!("operation {operation}, done: {done}, {leaves:?}, {answered} steps answered");
            let disk = disk.crashed(leaves);
            let (registry, code) = start(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = snapshot(&registry);
            let expected = &states[answered..states.len().min(answered + 2)];
            assert!(expected.contains(&found), "{what}: {found:#?}");
            // Every code that is named is there, and no other.
            let named: HashMap<_, _> = registry
                .functions
                .iter()
                .flat_map(|f| {
                    f.record
                        .all_versions()
                        .map(|v| (v.configuration.code_sha256, Arc::clone(&v.executable)))
                        .collect::<Vec<_>>()
                })
                .collect();
            for file in named.values() {
                file.read().unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            assert_eq!(disk.list(CODE.as_ref()).unwrap().len(), named.len(), "{what}");
            // And it goes on.
            registry
                .create(
                    &name("more"),
                    upload(&code, 9).unwrap(),
                    ConfigurationUpdate::default(),
                    CreateFunction::default(),
                )
                .unwrap();
            code.close();
        }
    }
    assert!(failed > 100, "{failed} faults");
}
