//! Aliases: section 6 of the contract.

use super::*;

fn create(
    registry: &TestRegistry,
    alias: &str,
    version: Version,
    additional: &[(&str, f64)],
) -> Result<Arc<AliasConfiguration>, CreateAliasError> {
    let request =
        CreateAlias { additional_version_weights: weights(additional), ..CreateAlias::new(alias_name(alias), version) };
    registry.create_alias(&name("f"), request)
}

fn v(number: u64) -> Version {
    Version::Number(super::number(number))
}

#[test]
fn an_alias_as_it_is_shown() {
    let registry = registry_with_versions(2);
    let created = create(&registry, "live", v(1), &[("2", 0.25)]).unwrap();
    assert_eq!(created.alias_arn.to_string(), format!("{ARN}:live"));
    assert_eq!((created.name.as_str(), created.function_version, created.description.as_str()), ("live", v(1), ""));
    assert_eq!(created.routing.map(|routing| (routing.version, routing.weight)), Some((number(2), 0.25)));
    assert_eq!(registry.get_alias(&name("f"), &alias_name("live")).unwrap(), created);
}

#[test]
fn every_refusal_of_create() {
    let registry = registry_with_versions(2);
    create(&registry, "live", v(1), &[]).unwrap();
    let map = "'routingConfig.additionalVersionWeights' failed to satisfy constraint";
    let value = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have \
                 value greater than or equal to 0.0, Member must not be null]";
    let key = "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have \
               length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]";

    for (alias, version, additional, expected) in [
        ("live", v(1), &[][..], format!("409 ResourceConflictException Alias already exists: {ARN}:live")),
        ("new", v(10), &[], format!("404 ResourceNotFoundException Function not found: {ARN}:10")),
        ("new", v(1), &[("10", 0.5)], format!("404 ResourceNotFoundException Function not found: {ARN}:10")),
        ("new", v(1), &[("007", 0.5)], format!("404 ResourceNotFoundException Function not found: {ARN}:007")),
        (
            "new",
            v(1),
            &[("1", 0.5), ("2", 0.5)],
            "400 InvalidParameterValueException Number of items in AdditionalVersionWeights cannot be greater than 1"
                .into(),
        ),
        (
            "new",
            v(1),
            &[("1", 0.5)],
            "400 InvalidParameterValueException Invalid function version 1. Function version 1 is already included in \
             routing configuration."
                .into(),
        ),
        (
            "new",
            Version::Latest,
            &[("1", 0.5)],
            "400 InvalidParameterValueException $LATEST is not supported for an alias pointing to more than 1 version"
                .into(),
        ),
        (
            "new",
            v(1),
            &[("2", 2.0)],
            format!("400 ValidationException 1 validation error detected: Value '{{2=2.0}}' at {map}: {value}"),
        ),
        (
            "new",
            v(1),
            &[("2", f64::NAN)],
            format!("400 ValidationException 1 validation error detected: Value '{{2=NaN}}' at {map}: {value}"),
        ),
        (
            "new",
            v(1),
            &[("$LATEST", -0.5)],
            format!(
                "400 ValidationException 2 validation errors detected: Value '{{$LATEST=-0.5}}' at {map}: {key}; Value \
                 '{{$LATEST=-0.5}}' at {map}: {value}"
            ),
        ),
    ] {
        assert_eq!(refusal(create(&registry, alias, version, additional)), expected);
    }
    let unknown = registry.create_alias(&name("g"), CreateAlias::new(alias_name("a"), v(1)));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:g:1";
    assert_eq!(refusal(unknown), format!("404 ResourceNotFoundException Function not found: {arn}"));
    let long = CreateAlias { description: Some("x".repeat(257)), ..CreateAlias::new(alias_name("a"), v(1)) };
    assert!(refusal(registry.create_alias(&name("f"), long)).contains("'description' failed to satisfy constraint"));

    // Nothing of all that was kept.
    assert_eq!(registry.list_aliases(&name("f"), None, PageRequest::default()).unwrap().items.len(), 1);
}

#[test]
fn update_changes_what_is_given() {
    let registry = registry_with_versions(3);
    let f = name("f");
    let live = alias_name("live");
    let created = create(&registry, "live", v(1), &[("2", 1.0)]).unwrap();

    let update = UpdateAlias { description: Some("d".into()), ..UpdateAlias::default() };
    let described = registry.update_alias(&f, &live, update).unwrap();
    assert_eq!((described.function_version, described.routing), (created.function_version, created.routing));
    assert_ne!(described.revision_id, created.revision_id);

    // The second version stays, so it may not become the primary one; nor may $LATEST.
    let to = |version| UpdateAlias { function_version: Some(version), ..UpdateAlias::default() };
    assert!(refusal(registry.update_alias(&f, &live, to(v(2)))).contains("Invalid function version 2."));
    assert!(refusal(registry.update_alias(&f, &live, to(Version::Latest))).contains("$LATEST is not supported"));
    assert!(refusal(registry.update_alias(&f, &live, to(v(9)))).ends_with(&format!("Function not found: {ARN}:9")));

    let stale = UpdateAlias { revision_id: Some(created.revision_id.to_string()), ..to(v(3)) };
    assert_eq!(
        refusal(registry.update_alias(&f, &live, stale)),
        "412 PreconditionFailedException The Revision Id provided does not match the latest Revision Id. Call the \
         GetFunction/GetAlias API to retrieve the latest Revision Id"
    );
    let fresh = UpdateAlias {
        revision_id: Some(described.revision_id.to_string()),
        additional_version_weights: Some(BTreeMap::new()),
        ..to(Version::Latest)
    };
    let updated = registry.update_alias(&f, &live, fresh).unwrap();
    assert_eq!((updated.function_version, updated.routing), (Version::Latest, None));
    assert_eq!(updated.description, "d");
}

#[test]
fn absent_aliases() {
    let registry = registry_with_versions(1);
    let gone = alias_name("gone");
    assert_eq!(
        refusal(registry.get_alias(&name("f"), &gone)),
        format!("404 ResourceNotFoundException Cannot find alias arn: {ARN}:gone")
    );
    assert_eq!(
        refusal(registry.update_alias(&name("f"), &gone, UpdateAlias::default())),
        format!("404 ResourceNotFoundException Alias not found: {ARN}:gone")
    );
    registry.delete_alias(&name("f"), &gone).unwrap();
    create(&registry, "gone", v(1), &[]).unwrap();
    registry.delete_alias(&name("f"), &gone).unwrap();
    registry.get_alias(&name("f"), &gone).unwrap_err();
    assert!(refusal(registry.delete_alias(&name("g"), &gone)).starts_with("404"));
}

#[test]
fn weights_route() {
    let registry = registry_with_versions(2);
    create(&registry, "live", v(1), &[("2", 0.25)]).unwrap();
    let executed = |pick: f64| {
        let resolved = registry.resolve(&name("f"), Some(qualifier("live")), || pick).unwrap();
        assert_eq!(resolved.invoked_arn().to_string(), format!("{ARN}:live"));
        resolved.executed_version()
    };
    assert_eq!((executed(0.0), executed(0.249), executed(0.25), executed(0.999)), (v(2), v(2), v(1), v(1)));
    // `get` shows the primary version.
    assert_eq!(registry.get(&name("f"), Some(&qualifier("live"))).unwrap().executed_version(), v(1));

    let set = |weight| {
        let additional_version_weights = Some(weights(&[("2", weight)]));
        let update = UpdateAlias { additional_version_weights, ..UpdateAlias::default() };
        registry.update_alias(&name("f"), &alias_name("live"), update).unwrap();
    };
    set(0.0);
    assert_eq!(executed(0.0), v(1));
    set(1.0);
    assert_eq!(executed(0.999_999), v(2));
    assert_eq!(registry.get(&name("f"), Some(&qualifier("live"))).unwrap().executed_version(), v(1));
}

#[test]
fn a_lone_version_is_not_picked() {
    let registry = registry_with_versions(1);
    create(&registry, "live", v(1), &[]).unwrap();
    registry.resolve(&name("f"), Some(qualifier("live")), || panic!("nothing to pick")).unwrap();
}

#[test]
fn listings_are_by_name_and_filtered_by_version() {
    let registry = registry_with_versions(2);
    for (alias, version, additional) in [("c", v(1), &[("2", 0.1)][..]), ("a", v(1), &[]), ("b", v(2), &[])] {
        create(&registry, alias, version, additional).unwrap();
    }
    let list = |version, marker, max_items| {
        let page = registry.list_aliases(&name("f"), version, PageRequest { marker, max_items }).unwrap();
        (page.items.iter().map(|alias| alias.name.to_string()).collect::<String>(), page.next_marker)
    };
    assert_eq!(list(None, None, None), ("abc".into(), None));
    assert_eq!(list(Some(v(2)), None, None), ("bc".into(), None));
    assert_eq!(list(None, None, Some(2)), ("ab".into(), Some("b".into())));
    assert_eq!(list(None, Some("b"), Some(2)), ("c".into(), None));
}

#[test]
fn there_is_a_limit() {
    let registry = registry_with(RegistryLimits { aliases_per_function_max: 1, ..RegistryLimits::default() });
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), published()).unwrap();
    create(&registry, "a", v(1), &[]).unwrap();
    assert_eq!(
        refusal(create(&registry, "b", v(1), &[])),
        "400 InvalidParameterValueException A function may have 1 aliases."
    );
}
