//! Random operations on the registry and on a naive model beside it: the answers and everything that can be seen agree
//! after every step, and whatever was once seen of a published version stays as it was.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::function::{EventInvokeUpdate, LastUpdateStatus, Permission, StateReason, StateReasonCode};

const NAMES: [&str; 2] = ["f", "g"];
const ALIASES: [&str; 2] = ["blue", "green"];
const VERSIONS_MAX: usize = 4;
const RESERVABLE: u32 = 5;

#[derive(Clone, Debug)]
enum Step {
    Create {
        code: u8,
        publish: bool,
    },
    Delete,
    DeleteVersion(u64),
    UpdateCode {
        code: u8,
        publish: bool,
    },
    Describe {
        text: u8,
        by_stale_revision: bool,
    },
    Publish {
        described: Option<u8>,
    },
    CreateAlias {
        alias: usize,
        version: u64,
        second: Option<u64>,
    },
    /// The outer `None` keeps the second version, the inner takes it away.
    UpdateAlias {
        alias: usize,
        version: Option<u64>,
        second: Option<Option<u64>>,
    },
    DeleteAlias(usize),
    Reserve(u32),
    Unreserve,
    /// An update that is made ready later.
    Begin {
        code: u8,
        publish: bool,
    },
    /// Ends the last one that was begun.
    End {
        success: bool,
    },
    /// 0 stands for the function, 1 to 5 for a version, the others for aliases.
    Permit {
        target: u64,
        id: u8,
    },
    Forbid {
        target: u64,
        id: u8,
    },
    Configure {
        target: u64,
        attempts: Option<u32>,
    },
    Tag(u8),
    Untag(u8),
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let version = 0..6_u64;
    let alias = 0..ALIASES.len();
    let step = prop_oneof![
        3 => (0..3_u8, any::<bool>()).prop_map(|(code, publish)| Step::Create { code, publish }),
        1 => Just(Step::Delete),
        2 => (1..6_u64).prop_map(Step::DeleteVersion),
        4 => (0..3_u8, any::<bool>()).prop_map(|(code, publish)| Step::UpdateCode { code, publish }),
        2 => (0..2_u8, any::<bool>()).prop_map(|(text, by_stale_revision)| Step::Describe { text, by_stale_revision }),
        4 => prop::option::of(0..2_u8).prop_map(|described| Step::Publish { described }),
        3 => (alias.clone(), version.clone(), prop::option::of(version.clone()))
            .prop_map(|(alias, version, second)| Step::CreateAlias { alias, version, second }),
        3 => (alias.clone(), prop::option::of(version.clone()), prop::option::of(prop::option::of(version)))
            .prop_map(|(alias, version, second)| Step::UpdateAlias { alias, version, second }),
        1 => alias.prop_map(Step::DeleteAlias),
        2 => (0..7_u32).prop_map(Step::Reserve),
        1 => Just(Step::Unreserve),
        3 => (0..3_u8, any::<bool>()).prop_map(|(code, publish)| Step::Begin { code, publish }),
        3 => any::<bool>().prop_map(|success| Step::End { success }),
        2 => (0..8_u64, 0..2_u8).prop_map(|(target, id)| Step::Permit { target, id }),
        1 => (0..8_u64, 0..2_u8).prop_map(|(target, id)| Step::Forbid { target, id }),
        2 => (0..8_u64, prop::option::of(0..3_u32))
            .prop_map(|(target, attempts)| Step::Configure { target, attempts }),
        1 => (0..2_u8).prop_map(Step::Tag),
        1 => (0..2_u8).prop_map(Step::Untag),
    ];
    prop::collection::vec((0..NAMES.len(), step), 1..40)
}

/// What a version runs: code and description.
type Content = (u8, String);

/// One function, as plainly as can be.
#[derive(Clone, Debug, Default)]
struct Model {
    latest: Content,
    versions: BTreeMap<u64, Content>,
    published: u64,
    /// `$LATEST` when `published` was published.
    latest_at_publication: Option<Content>,
    /// 0 stands for `$LATEST`.
    aliases: BTreeMap<usize, (u64, Option<u64>)>,
    reserved: Option<u32>,
    /// What `latest` becomes, and the version that was published of it.
    becoming: Option<(Content, Option<u64>)>,
    /// Versions that could not be made ready.
    not_active: BTreeSet<u64>,
    /// By what they are for, as in [`Step::Permit`].
    permissions: BTreeMap<u64, Vec<u8>>,
    retries: BTreeMap<u64, u32>,
    tags: BTreeSet<u8>,
}

impl Model {
    fn shown(&self) -> &Content {
        self.becoming.as_ref().map_or(&self.latest, |(content, _)| content)
    }

    fn has(&self, target: u64) -> bool {
        match target {
            0 => true,
            1..=5 => self.versions.contains_key(&target),
            _ => self.aliases.contains_key(&alias_index(target)),
        }
    }

    fn detach(&mut self, target: u64) {
        self.permissions.remove(&target);
        self.retries.remove(&target);
    }

    fn publish(&mut self, description: Option<String>) -> Result<u64, ()> {
        let shown = self.shown().clone();
        let unchanged = self.latest_at_publication.as_ref() == Some(&shown);
        if unchanged && self.versions.contains_key(&self.published) {
            return Ok(self.published);
        }
        if self.versions.len() == VERSIONS_MAX {
            return Err(());
        }
        self.published += 1;
        let description = description.unwrap_or_else(|| shown.1.clone());
        self.versions.insert(self.published, (shown.0, description));
        self.latest_at_publication = Some(shown);
        Ok(self.published)
    }

    fn can_route(&self, version: u64, second: Option<u64>) -> bool {
        let exists = |version| version == 0 || self.versions.contains_key(&version);
        exists(version)
            && second.is_none_or(|second| version != 0 && second != version && second != 0 && exists(second))
    }
}

type Models = BTreeMap<usize, Model>;

/// Does `step` to the model. `Err` if it has to be refused, and then nothing has changed.
fn apply(models: &mut Models, function: usize, step: &Step) -> Result<(), ()> {
    let reserved: u32 = models.values().filter_map(|model| model.reserved).sum();
    if let Step::Create { code, publish } = step {
        if models.contains_key(&function) {
            return Err(());
        }
        let mut model = Model { latest: (*code, String::new()), ..Model::default() };
        if *publish {
            model.publish(None)?;
        }
        models.insert(function, model);
        return Ok(());
    }
    let mut model = models.get(&function).cloned().ok_or(())?;
    let updates =
        matches!(step, Step::UpdateCode { .. } | Step::Describe { .. } | Step::Publish { .. } | Step::Begin { .. });
    if updates && model.becoming.is_some() {
        return Err(());
    }
    if let Step::Permit { target, .. } | Step::Forbid { target, .. } | Step::Configure { target, .. } = step
        && !model.has(*target)
    {
        return Err(());
    }
    match step {
        Step::Create { .. } => {}
        Step::Delete => {
            models.remove(&function);
            return Ok(());
        }
        Step::DeleteVersion(number) => {
            let referenced =
                model.aliases.values().any(|(version, second)| version == number || *second == Some(*number));
            if referenced && model.versions.contains_key(number) {
                return Err(());
            }
            model.versions.remove(number);
            model.not_active.remove(number);
            model.detach(*number);
        }
        Step::UpdateCode { code, publish } => {
            model.latest.0 = *code;
            if *publish {
                model.publish(None)?;
            }
        }
        Step::Describe { by_stale_revision: true, .. } => return Err(()),
        Step::Describe { text, .. } => model.latest.1 = text.to_string(),
        Step::Publish { described } => drop(model.publish(described.map(|text| text.to_string()))?),
        Step::CreateAlias { alias, version, second } => {
            if model.aliases.contains_key(alias) || !model.can_route(*version, *second) {
                return Err(());
            }
            model.aliases.insert(*alias, (*version, *second));
        }
        Step::UpdateAlias { alias, version, second } => {
            let (old_version, old_second) = *model.aliases.get(alias).ok_or(())?;
            let (version, second) = (version.unwrap_or(old_version), second.unwrap_or(old_second));
            if !model.can_route(version, second) {
                return Err(());
            }
            model.aliases.insert(*alias, (version, second));
        }
        Step::DeleteAlias(alias) => {
            model.aliases.remove(alias);
            model.detach(alias_target(*alias));
        }
        Step::Reserve(executions) => {
            let old = model.reserved.unwrap_or(0);
            if *executions > old && reserved - old + executions > RESERVABLE {
                return Err(());
            }
            model.reserved = Some(*executions);
        }
        Step::Unreserve => model.reserved = None,
        Step::Begin { code, publish } => {
            let becoming = (*code, model.latest.1.clone());
            model.becoming = Some((becoming, None));
            if *publish {
                let published = model.published;
                let version = model.publish(None)?;
                if version > published {
                    model.not_active.insert(version);
                    model.becoming = model.becoming.take().map(|(content, _)| (content, Some(version)));
                }
            }
        }
        Step::End { success } => {
            if let Some((content, version)) = model.becoming.take()
                && *success
            {
                model.latest = content;
                version.map(|version| model.not_active.remove(&version));
            }
        }
        Step::Permit { target, id } => {
            let permissions = model.permissions.entry(*target).or_default();
            if permissions.contains(id) {
                return Err(());
            }
            permissions.push(*id);
        }
        Step::Forbid { target, id } => {
            let permissions = model.permissions.get_mut(target).ok_or(())?;
            let at = permissions.iter().position(|other| other == id).ok_or(())?;
            permissions.remove(at);
            if permissions.is_empty() {
                model.permissions.remove(target);
            }
        }
        Step::Configure { target, attempts: Some(attempts) } => drop(model.retries.insert(*target, *attempts)),
        Step::Configure { target, attempts: None } => drop(model.retries.remove(target).ok_or(())?),
        Step::Tag(id) => drop(model.tags.insert(*id)),
        Step::Untag(id) => drop(model.tags.remove(id)),
    }
    models.insert(function, model);
    Ok(())
}

fn alias_index(target: u64) -> usize {
    usize::from(target == 7)
}

fn alias_target(index: usize) -> u64 {
    if index == 0 { 6 } else { 7 }
}

/// What a permission or a configuration is for.
fn target(number: u64) -> Option<Qualifier> {
    match number {
        0 => None,
        1..=5 => Some(super::number(number).into()),
        _ => Some(qualifier(ALIASES[alias_index(number)])),
    }
}

fn version(number: u64) -> Version {
    VersionNumber::new(number).map_or(Version::Latest, Version::Number)
}

fn as_weights(second: Option<u64>) -> BTreeMap<String, f64> {
    second.map(|number| (number.to_string(), 0.5)).into_iter().collect()
}

/// Does `step` to the registry.
fn run(
    registry: &TestRegistry,
    begun: &mut HashMap<FunctionName, PreparationId>,
    function: &FunctionName,
    step: &Step,
) -> Result<(), Error> {
    match step {
        Step::Create { code: id, publish } => {
            registry
                .create(
                    function,
                    code(*id),
                    ConfigurationUpdate::default(),
                    CreateFunction { publish: *publish, ..CreateFunction::default() },
                )
                .map(drop)?;
        }
        Step::Delete => registry.delete(function, None)?,
        Step::DeleteVersion(id) => registry.delete(function, Some(&number(*id).into()))?,
        Step::UpdateCode { code: id, publish } => {
            let request = UpdateFunctionCode { publish: *publish, ..UpdateFunctionCode::default() };
            registry.update_code(function, code(*id), &request).map(drop)?;
        }
        Step::Describe { text, by_stale_revision } => {
            let revision = by_stale_revision.then_some("00000000-0000-0000-0000-000000000000");
            registry.update_configuration(function, described(&text.to_string()), &if_revision(revision)).map(drop)?;
        }
        Step::Publish { described } => {
            let description = described.map(|text| text.to_string());
            let request = PublishVersion { description, ..PublishVersion::default() };
            registry.publish(function, request).map(drop)?;
        }
        Step::CreateAlias { alias, version: primary, second } => {
            let request = CreateAlias {
                additional_version_weights: as_weights(*second),
                ..CreateAlias::new(alias_name(ALIASES[*alias]), version(*primary))
            };
            registry.create_alias(function, request).map(drop)?;
        }
        Step::UpdateAlias { alias, version: primary, second } => {
            let request = UpdateAlias {
                function_version: primary.map(version),
                additional_version_weights: second.map(as_weights),
                ..UpdateAlias::default()
            };
            registry.update_alias(function, &alias_name(ALIASES[*alias]), request).map(drop)?;
        }
        Step::DeleteAlias(alias) => registry.delete_alias(function, &alias_name(ALIASES[*alias]))?,
        Step::Reserve(executions) => registry.put_concurrency(function, *executions)?,
        Step::Unreserve => registry.delete_concurrency(function)?,
        Step::Begin { code: id, publish } => {
            let preparation = PreparationId::random();
            let preparing = UpdateFunctionCode {
                publish: *publish,
                preparation: Some(preparation),
                ..UpdateFunctionCode::default()
            };
            registry.update_code(function, code(*id), &preparing).map(drop)?;
            begun.insert(function.clone(), preparation);
        }
        Step::End { success } => {
            let outcome = success.then_some(()).ok_or_else(|| StateReason::new(StateReasonCode::FunctionError, "no"));
            if !registry.contains(function) {
                registry.prepared(function, PreparationId::random(), outcome)?;
                return Err(ResourceNotFound::Policy.into());
            }
            let id = begun.get(function).copied().unwrap_or_else(PreparationId::random);
            registry.prepared(function, id, outcome)?;
        }
        Step::Permit { target: number, id } => {
            let permission = Permission {
                statement_id: id.to_string(),
                action: "lambda:InvokeFunction".to_owned(),
                principal: "s3.amazonaws.com".to_owned(),
                ..Permission::default()
            };
            registry.add_permission(function, target(*number).as_ref(), permission, None).map(drop)?;
        }
        Step::Forbid { target: number, id } => {
            registry.remove_permission(function, target(*number).as_ref(), &id.to_string(), None)?;
        }
        Step::Configure { target: number, attempts: None } => {
            registry.delete_event_invoke_config(function, target(*number).as_ref())?;
        }
        Step::Configure { target: number, attempts } => {
            let update = EventInvokeUpdate { maximum_retry_attempts: *attempts, ..EventInvokeUpdate::default() };
            registry.put_event_invoke_config(function, target(*number).as_ref(), update).map(drop)?;
        }
        Step::Tag(id) => registry.tag(function, [(id.to_string(), String::new())].into())?,
        Step::Untag(id) => registry.untag(function, &[id.to_string()])?,
    }
    Ok(())
}

fn content(version: &FunctionVersion<Compiled>) -> Content {
    (*version.executable, version.configuration.description.clone())
}

/// Compares everything that can be seen of a registry with the model.
fn compare(registry: &TestRegistry, models: &Models) {
    let listed = registry.list(PageRequest::default()).unwrap().items;
    let names: Vec<_> = listed.iter().map(|item| item.function_name.as_str()).collect();
    assert_eq!(names, models.keys().map(|function| NAMES[*function]).collect::<Vec<_>>());

    for (function, model) in models {
        let function = name(NAMES[*function]);
        let resolve = |qualifier: Option<Qualifier>, pick| {
            let resolved = registry.resolve(&function, qualifier, || pick).ok()?;
            Some((resolved.executed_version(), content(&resolved.version)))
        };
        assert_eq!(resolve(None, 0.0), Some((Version::Latest, model.latest.clone())));
        for id in 1..=model.published + 1 {
            let expected = model.versions.get(&id).map(|content| (version(id), content.clone()));
            assert_eq!(resolve(Some(number(id).into()), 0.0), expected);
        }
        for (index, alias) in ALIASES.into_iter().enumerate() {
            let target = |id: u64| {
                let content = if id == 0 { model.latest.clone() } else { model.versions[&id].clone() };
                (version(id), content)
            };
            let routes = model.aliases.get(&index).copied();
            assert_eq!(resolve(Some(qualifier(alias)), 0.6), routes.map(|(primary, _)| target(primary)));
            let second = routes.map(|(primary, second)| target(second.unwrap_or(primary)));
            assert_eq!(resolve(Some(qualifier(alias)), 0.4), second);
        }
        assert_eq!(registry.get_concurrency(&function).unwrap(), model.reserved);
        let shown = registry.get(&function, None).unwrap();
        assert_eq!(content(&shown.version), *model.shown());
        let in_progress = shown.configuration().last_update == Some(LastUpdateStatus::InProgress);
        assert_eq!(in_progress, model.becoming.is_some());
        for id in model.versions.keys() {
            let active = registry.resolve(&function, Some(number(*id).into()), || 0.0).unwrap().check_active();
            assert_eq!(active.is_err(), model.not_active.contains(id), "{id}");
        }
        for number in 0..8 {
            let policy = registry.get_policy(&function, target(number).as_ref()).ok();
            let ids: Vec<_> = policy.iter().flat_map(|policy| &policy.statements).collect();
            let ids: Vec<_> = ids.iter().map(|statement| statement.statement_id.clone()).collect();
            let expected: Vec<_> = model.permissions.get(&number).into_iter().flatten().map(u8::to_string).collect();
            assert_eq!(ids, expected, "{number}");
            let config = registry.event_invoke_config(&function, target(number).as_ref());
            let retries = config.and_then(|config| config.maximum_retry_attempts);
            assert_eq!(retries, model.retries.get(&number).copied(), "{number}");
        }
        let tags: Vec<_> = registry.tags(&function).unwrap().keys().cloned().collect();
        assert_eq!(tags, model.tags.iter().map(u8::to_string).collect::<Vec<_>>());
    }
    let versions: usize = models.values().map(|model| model.versions.len() + 1).sum();
    assert_eq!(registry.code_bytes(), 100 * u64::try_from(versions).unwrap());
    let reserved: u32 = models.values().filter_map(|model| model.reserved).sum();
    assert_eq!(registry.unreserved_concurrency(), 10 - reserved);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_does_what_the_model_does(steps in steps()) {
        let registry = registry_with(RegistryLimits {
            versions_per_function_max: VERSIONS_MAX,
            concurrent_executions_max: 10,
            unreserved_concurrent_executions_min: 10 - RESERVABLE,
            ..RegistryLimits::default()
        });
        let mut models = Models::new();
        let mut kept = Vec::new();
        let mut begun = HashMap::new();
        let mut revisions = HashMap::new();
        for (function, step) in steps {
            let mut next = models.clone();
            let expected = apply(&mut next, function, &step);
            let latest = |registry: &TestRegistry| registry.get(&name(NAMES[function]), None).ok();
            let before = latest(&registry);
            let done = run(&registry, &mut begun, &name(NAMES[function]), &step);
            prop_assert_eq!(done.is_ok(), expected.is_ok(), "{:?} in {:?}: {:?}", step, models.get(&function), done);
            if expected.is_ok() {
                models = next;
            } else if let (Some(before), Some(after)) = (&before, latest(&registry)) {
                prop_assert!(Arc::ptr_eq(&before.version, &after.version), "refused, and changed {:?}", step);
            }
            compare(&registry, &models);

            // A revision id stands for one configuration, ever.
            for item in registry.list_all_versions(PageRequest::default()).unwrap().items {
                let known = revisions.entry(item.revision_id).or_insert_with(|| Arc::clone(&item));
                prop_assert_eq!(&*item, &**known);
            }
            // Whatever was resolved once stays.
            kept.extend(latest(&registry).map(|resolved| (content(&resolved.version), resolved)));
            for (content_then, resolved) in &kept {
                prop_assert_eq!(&content(&resolved.version), content_then);
            }
        }
    }
}

/// Writers replace code and alias together with their description while readers look: every reader sees a pair that some
/// writer wrote, and numbers are given once.
#[test]
fn changes_are_atomic_for_concurrent_readers() {
    const ROUNDS: u8 = 200;
    let registry = registry_with_versions(2);
    let primary =
        CreateAlias { description: Some("1".into()), ..CreateAlias::new(alias_name("live"), number(1).into()) };
    registry.create_alias(&name("f"), primary).unwrap();

    let publish_all = |offset: u8| {
        (0..ROUNDS)
            .map(|round| {
                let request = UpdateFunctionCode { publish: true, ..UpdateFunctionCode::default() };
                // Codes of the two writers differ, so that no publication finds nothing changed.
                let published = registry.update_code(&name("f"), code(round / 2 * 2 + offset), &request);
                let version = published.unwrap();
                (version.configuration.version, *version.executable, version.configuration.code_sha256)
            })
            .collect::<Vec<_>>()
    };
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| publish_all(0));
        let other = scope.spawn(|| publish_all(1));
        let flipper = scope.spawn(|| {
            for round in 0..ROUNDS {
                let target = u64::from(round % 2) + 1;
                let request = UpdateAlias {
                    function_version: Some(version(target)),
                    description: Some(target.to_string()),
                    ..UpdateAlias::default()
                };
                registry.update_alias(&name("f"), &alias_name("live"), request).unwrap();
            }
        });
        while !(one.is_finished() && other.is_finished() && flipper.is_finished()) {
            let latest = registry.resolve(&name("f"), None, || 0.0).unwrap();
            assert_eq!(latest.configuration().code_sha256, CodeSha256::new([*latest.version.executable; 32]));
            let alias = registry.get_alias(&name("f"), &alias_name("live")).unwrap();
            assert_eq!(alias.function_version.to_string(), alias.description);
        }
        (one.join().unwrap(), other.join().unwrap())
    });
    for (version, executable, sha256) in one.iter().chain(&other) {
        assert_eq!(*sha256, CodeSha256::new([*executable; 32]), "{version}");
    }
    // Each writer's numbers ascend. A repeated code is published only if the other writer was in between.
    for published in [&one, &other] {
        assert!(published.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }
    let numbers = |published: &[(Version, u8, CodeSha256)]| published.iter().map(|one| one.0).collect::<BTreeSet<_>>();
    assert!(numbers(&one).is_disjoint(&numbers(&other)), "a number was given twice");
}
