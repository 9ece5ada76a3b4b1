//! What was answered is on disk: the disk fails at its first operation, at its second, … and each time what is found after
//! it is what was answered, or that and the change that was being made.

use std::{collections::HashMap, path::Path};

use sha2::{Digest, Sha256};

use super::*;
use crate::function::{EventInvokeUpdate, Permission};
use crate::storage::{
    CodeFile, DataDir,
    testing::{CodeFiles, Disk, Fault, Leaves, SimulatedDisk},
};

type Kept = Arc<CodeFile>;
type KeptRegistry = Registry<Kept, AtomicU64>;
type Snapshot = BTreeMap<String, String>;

const DIRECTORY: &str = "/data";
const CODE: &str = "/data/code";

/// A host's start, as far as this is about: the directory, then records, then what nothing names goes.
fn start(disk: &SimulatedDisk) -> Result<(KeptRegistry, DataDir), String> {
    let base = ArnBase::new("us-east-1", "000000000000").unwrap();
    let opened = DataDir::open(Arc::new(disk.clone()), Path::new(DIRECTORY), &base.to_string(), None);
    let opened = opened.map_err(|error| format!("{error:?}"))?;
    let registry = Registry::new(base, RegistryLimits::default(), Counting::default());
    let executable = |sha256: CodeSha256, _| opened.found.code.get(sha256.as_bytes()).cloned();
    let registry =
        registry.open(Arc::new(opened.storage), |_| true, executable).map_err(|error| format!("{error:?}"))?;
    opened.data_dir.tidy(opened.found).map_err(|error| format!("{error:?}"))?;
    Ok((registry, opened.data_dir))
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
    let (registry, data_dir) = start(&SimulatedDisk::default()).unwrap();
    let mut states = vec![snapshot(&registry)];
    for number in 0..STEPS {
        step(number, &registry, &data_dir.code).unwrap();
        states.push(snapshot(&registry));
    }
    data_dir.code.close();
    states
}

/// Runs until something is refused. How many steps were answered.
fn run(disk: &SimulatedDisk) -> usize {
    let Ok((registry, data_dir)) = start(disk) else { return 0 };
    let answered = (0..STEPS).take_while(|number| step(*number, &registry, &data_dir.code).is_ok()).count();
    // What a change that was refused would have been is not seen.
    data_dir.code.close();
    answered
}

/// Every code that is named is there, and no other.
fn check_code(registry: &KeptRegistry, disk: &SimulatedDisk, what: &str) {
    let mut named = HashMap::new();
    for function in &registry.functions {
        for version in function.record.all_versions() {
            named.insert(version.configuration.code_sha256, Arc::clone(&version.executable));
        }
    }
    for file in named.values() {
        file.read().unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert_eq!(disk.list(CODE.as_ref()).unwrap().len(), named.len(), "{what}");
}

#[test]
fn every_change_is_synced_before_its_answer() {
    let disk = SimulatedDisk::default();
    let (registry, data_dir) = start(&disk).unwrap();
    for number in 0..STEPS {
        let before = disk.syncs();
        step(number, &registry, &data_dir.code).unwrap();
        assert!(disk.syncs() > before, "step {number}");
        // Whatever was not synced is lost, and the step is there.
        let (reopened, reopened_dir) = start(&disk.crashed(Leaves::Nothing)).unwrap();
        assert_eq!(snapshot(&reopened), snapshot(&registry), "step {number}");
        reopened_dir.code.close();
    }
    data_dir.code.close();
}

#[test]
fn a_disk_that_fails_at_any_operation_leaves_what_was_answered() {
    let states = states();
    let mut failed = 0;
    for (operation, done) in (1..).flat_map(|operation| [(operation, false), (operation, true)]) {
        let disk = SimulatedDisk::default();
        disk.set_fault(Fault { operation, done, passes: false });
        let answered = run(&disk);
        if !disk.has_failed() {
            assert_eq!(answered, STEPS);
            break;
        }
        failed += 1;
        let seeds = (0..4).map(|seed| Leaves::Some(seed + 10 * operation as u64));
        for leaves in [Leaves::Nothing, Leaves::Everything].into_iter().chain(seeds) {
            let what = format!("operation {operation}, done: {done}, {leaves:?}, {answered} steps answered");
            let disk = disk.crashed(leaves);
            let (registry, data_dir) = start(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = snapshot(&registry);
            let expected = &states[answered..states.len().min(answered + 2)];
            assert!(expected.contains(&found), "{what}: {found:#?}");
            check_code(&registry, &disk, &what);
            // And it goes on.
            registry
                .create(
                    &name("more"),
                    upload(&data_dir.code, 9).unwrap(),
                    ConfigurationUpdate::default(),
                    CreateFunction::default(),
                )
                .unwrap();
            data_dir.code.close();
        }
    }
    assert!(failed > 100, "{failed} faults");
}

/// A disk that fails once and works again. What was refused because of it may have happened or not, and what is answered
/// after it holds like everything else. Only a sync that fails ends it: nobody knows then what is on the disk, and nothing is
/// answered before the next start.
#[test]
fn a_disk_that_fails_once_leaves_what_was_answered() {
    let (mut recovered, mut ended) = (0, 0);
    for (operation, done) in (1..).flat_map(|operation| [(operation, false), (operation, true)]) {
        let disk = SimulatedDisk::default();
        let Ok((registry, data_dir)) = start(&disk) else { panic!("nothing fails yet") };
        disk.set_fault(Fault { operation, done, passes: true });
        let refused: Vec<_> = (0..STEPS)
            .filter_map(|number| step(number, &registry, &data_dir.code).err().map(|error| (number, error)))
            .collect();
        if !disk.has_failed() {
            assert!(refused.is_empty(), "{refused:?}");
            data_dir.code.close();
            break;
        }
        let what = format!("operation {operation}, done: {done}, refused: {refused:?}");
        // Of one change nobody can tell, and then of none after it: of all others the host is right.
        let is_unknown = refused.iter().any(|(_, error)| error.contains("not known"));
        if is_unknown {
            ended += 1
        } else {
            recovered += 1
        }
        let live = snapshot(&registry);
        data_dir.code.close();
        drop(registry);
        for leaves in [Leaves::Nothing, Leaves::Everything, Leaves::Some(operation as u64)] {
            let disk = disk.crashed(leaves);
            let (found, found_dir) = start(&disk).unwrap_or_else(|error| panic!("{what}, {leaves:?}: {error}"));
            check_code(&found, &disk, &what);
            let found_state = snapshot(&found);
            let is_right = found_state == live || is_unknown && differs_in_one(&found_state, &live);
            assert!(is_right, "{what}, {leaves:?}: {found_state:#?} and not {live:#?}");
            found_dir.code.close();
        }
    }
    assert!(recovered > 20 && ended > 20, "{recovered} went on, {ended} ended");
}

/// Whether two states differ by no more than one function.
fn differs_in_one(one: &Snapshot, other: &Snapshot) -> bool {
    let names: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).count() == 1
}
