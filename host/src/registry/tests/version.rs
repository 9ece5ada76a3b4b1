//! Versions: section 5 of the contract.

use super::*;

fn publish(registry: &TestRegistry) -> Arc<FunctionVersion<Compiled>> {
    registry.publish(&name("f"), PublishVersion::default()).unwrap()
}

#[test]
fn a_version_as_it_is_shown() {
    let registry = registry();
    registry.create(&name("f"), code(7), described("of $LATEST"), CreateFunction::default()).unwrap();
    let before = registry.get(&name("f"), None).unwrap();
    let version = publish(&registry);
    let after = registry.get(&name("f"), None).unwrap();

    let shown = &version.configuration;
    assert_eq!(shown.version, Version::Number(VersionNumber::FIRST));
    assert_eq!(shown.function_arn.to_string(), format!("{ARN}:1"));
    assert_eq!(shown.description, "of $LATEST");
    assert_eq!((shown.code_sha256, shown.code_size, *version.executable), (CodeSha256::new([7; 32]), 100, 7));
    let revisions = [shown.revision_id, before.configuration().revision_id, after.configuration().revision_id];
    assert!(revisions[0] != revisions[1] && revisions[1] != revisions[2] && revisions[0] != revisions[2]);
    assert_eq!(after.configuration().last_modified, before.configuration().last_modified);
}

#[test]
fn publishing_twice_is_publishing_once() {
    let registry = registry_with_versions(0);
    let first = publish(&registry);
    let latest = registry.get(&name("f"), None).unwrap();
    let request = PublishVersion { description: Some("ignored".into()), ..PublishVersion::default() };
    let again = registry.publish(&name("f"), request).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert!(Arc::ptr_eq(&latest.version, &registry.get(&name("f"), None).unwrap().version));

    // An update that changes nothing is a new revision, and still nothing to publish.
    let touched = registry
        .update_configuration(&name("f"), ConfigurationUpdate::default(), &UpdateFunctionConfiguration::default())
        .unwrap();
    assert_ne!(touched.configuration.revision_id, latest.configuration().revision_id);
    assert!(Arc::ptr_eq(&first, &publish(&registry)));

    registry.update_configuration(&name("f"), described("changed"), &UpdateFunctionConfiguration::default()).unwrap();
    assert_eq!(publish(&registry).configuration.version.to_string(), "2");
    // Back to what version 1 was: the last publication counts, not any.
    registry.update_configuration(&name("f"), described(""), &UpdateFunctionConfiguration::default()).unwrap();
    assert_eq!(publish(&registry).configuration.version.to_string(), "3");
}

#[test]
fn a_description_of_its_own_is_no_change_of_latest() {
    let registry = registry_with_versions(0);
    let request = PublishVersion { description: Some("release".into()), ..PublishVersion::default() };
    let first = registry.publish(&name("f"), request).unwrap();
    assert_eq!(first.configuration.description, "release");
    assert_eq!(registry.get(&name("f"), None).unwrap().configuration().description, "");
    assert!(Arc::ptr_eq(&first, &publish(&registry)));
}

#[test]
fn numbers_are_never_reused() {
    let registry = registry_with_versions(2);
    registry.delete(&name("f"), Some(&qualifier("2"))).unwrap();
    // The version of the last publication is gone, so that the same is published anew.
    assert_eq!(publish(&registry).configuration.version.to_string(), "3");
    registry.delete(&name("f"), None).unwrap();
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    assert_eq!(publish(&registry).configuration.version.to_string(), "1");
}

#[test]
fn preconditions() {
    let registry = registry_with_versions(0);
    let revision_id = registry.get(&name("f"), None).unwrap().configuration().revision_id.to_string();
    let other = CodeSha256::new([9; 32]).to_string();
    let current = CodeSha256::new([0; 32]).to_string();

    let request = PublishVersion { code_sha256: Some(other.clone()), ..PublishVersion::default() };
    assert_eq!(
        refusal(registry.publish(&name("f"), request)),
        format!(
            "400 InvalidParameterValueException CodeSHA256 ({other}) is different from current CodeSHA256 in $LATEST \
             ({current}). Please try again with the CodeSHA256 in $LATEST."
        )
    );
    let stale = PublishVersion { revision_id: Some("not even a UUID".into()), ..PublishVersion::default() };
    assert!(
        refusal(registry.publish(&name("f"), stale)).starts_with("412 PreconditionFailedException The Revision Id")
    );
    let request = PublishVersion { code_sha256: Some(current), revision_id: Some(revision_id), description: None };
    registry.publish(&name("f"), request).unwrap();

    let long = PublishVersion { description: Some("x".repeat(257)), ..PublishVersion::default() };
    assert!(refusal(registry.publish(&name("g"), long)).starts_with("400"), "arguments come before existence");
    assert_eq!(
        refusal(registry.publish(&name("g"), PublishVersion::default())),
        "404 ResourceNotFoundException Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"
    );
}

#[test]
fn what_delete_refuses() {
    let registry = registry_with_versions(3);
    for (alias, primary, additional) in [("live", 1, &[("2", 0.5)][..]), ("beta", 2, &[])] {
        let request = CreateAlias {
            additional_version_weights: weights(additional),
            ..CreateAlias::new(alias_name(alias), number(primary).into())
        };
        registry.create_alias(&name("f"), request).unwrap();
    }
    let delete = |function: &str, text| registry.delete(&name(function), Some(&qualifier(text)));
    for (text, expected) in [
        (
            "$LATEST",
            "400 InvalidParameterValueException $LATEST version cannot be deleted without deleting the function.",
        ),
        ("live", "400 InvalidParameterValueException Deletion of aliases is not currently supported."),
        (
            "1",
            "409 ResourceConflictException Unable to delete version because the following aliases reference it: [live]",
        ),
        (
            "2",
            "409 ResourceConflictException Unable to delete version because the following aliases reference it: [beta, live]",
        ),
    ] {
        assert_eq!(refusal(delete("f", text)), expected);
    }
    delete("f", "3").unwrap();
    delete("f", "3").unwrap();
    assert_eq!(
        refusal(registry.resolve(&name("f"), Some(qualifier("3")), || 0.0)),
        format!("404 ResourceNotFoundException Function not found: {ARN}:3")
    );
    let unknown = "404 ResourceNotFoundException Function not found: arn:aws:lambda:us-east-1:000000000000:function:g";
    assert_eq!(refusal(delete("g", "3")), unknown);
    assert_eq!(refusal(registry.delete(&name("g"), None)), unknown);
}

#[test]
fn listings_begin_with_latest() {
    let registry = registry_with_versions(11);
    let list = |marker, max_items| {
        let page = registry.list_versions(&name("f"), PageRequest { marker, max_items }).unwrap();
        let arns: Vec<_> = page.items.iter().map(|item| item.function_arn.to_string()).collect();
        (arns, page.next_marker)
    };
    let arns = |versions: &[&str]| versions.iter().map(|version| format!("{ARN}:{version}")).collect::<Vec<_>>();
    assert_eq!(list(None, Some(2)), (arns(&["$LATEST", "1"]), Some("1".into())));
    assert_eq!(list(Some("$LATEST"), Some(1)), (arns(&["1"]), Some("1".into())));
    assert_eq!(list(Some("8"), Some(3)), (arns(&["9", "10", "11"]), None));
    assert_eq!(list(Some("11"), None), (vec![], None));
}

#[test]
fn there_is_a_limit() {
    let registry = registry_with(RegistryLimits { versions_per_function_max: 1, ..RegistryLimits::default() });
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), published()).unwrap();
    let update = UpdateFunctionCode { publish: true, ..UpdateFunctionCode::default() };
    let full = "400 CodeStorageExceededException Code storage limit exceeded: a function may have 1 versions.";
    assert_eq!(refusal(registry.update_code(&name("f"), code(1), &update)), full);
    assert_eq!(*registry.get(&name("f"), None).unwrap().version.executable, 0, "refused as a whole");
    registry.update_code(&name("f"), code(1), &UpdateFunctionCode::default()).unwrap();
    assert_eq!(refusal(registry.publish(&name("f"), PublishVersion::default())), full);
    registry.delete(&name("f"), Some(&qualifier("1"))).unwrap();
    assert_eq!(publish(&registry).configuration.version.to_string(), "2");
}

#[test]
fn every_setting_counts_as_a_change() {
    let registry = registry_with_versions(0);
    publish(&registry);
    let unset = ConfigurationUpdate::default;
    let changes = [
        ConfigurationUpdate { description: Some("d".into()), ..unset() },
        ConfigurationUpdate { handler: Some("h".into()), ..unset() },
        ConfigurationUpdate { memory_bytes: Some(1 << 20), ..unset() },
        ConfigurationUpdate { timeout: Some(std::time::Duration::from_millis(1)), ..unset() },
        ConfigurationUpdate { fuel: Some(Some(1)), ..unset() },
        ConfigurationUpdate { environment: Some([("KEY".into(), "x".into())].into()), ..unset() },
        ConfigurationUpdate { host_functions: Some(["log".into()].into()), ..unset() },
        ConfigurationUpdate { role: Some("arn:aws:iam::000000000000:role/r".into()), ..unset() },
        ConfigurationUpdate { runtime: Some("provided.al2023".into()), ..unset() },
        ConfigurationUpdate { architecture: Some(crate::function::Architecture::Arm64), ..unset() },
    ];
    for (published, change) in (2..).zip(changes) {
        registry.update_configuration(&name("f"), change.clone(), &UpdateFunctionConfiguration::default()).unwrap();
        let version = publish(&registry);
        assert_eq!(version.configuration.version, Version::Number(number(published)), "{change:?}");
        assert_eq!(version.configuration.function_arn.to_string(), format!("{ARN}:{published}"));
    }
}
