//! Functions and their concurrency: sections 4 and 8 of the contract.

use super::*;

#[test]
fn a_function_as_it_is_shown() {
    let registry = registry();
    let created =
        registry.create(&name("f"), code(1), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    let shown = &created.configuration;
    assert_eq!((shown.function_name.as_str(), shown.version), ("f", Version::Latest));
    assert_eq!(shown.function_arn.to_string(), ARN);
    assert_eq!((shown.memory_bytes, shown.timeout.as_secs(), shown.fuel), (128 << 20, 3, None));
    assert_eq!(shown.last_modified_text(), "2024-05-15T19:05:05.123+0000");
    assert_eq!(shown.revision_id.to_string(), "00000000-0000-0000-0000-000000000001");

    let arn = |text| registry.get(&name("f"), Some(&qualifier(text))).unwrap().described().function_arn.to_string();
    assert_eq!(arn("$LATEST"), format!("{ARN}:$LATEST"));
    assert_eq!(registry.get(&name("f"), None).unwrap().described(), **shown);
}

#[test]
fn publish_at_creation() {
    let registry = registry();
    let created = registry.create(&name("f"), code(1), ConfigurationUpdate::default(), published()).unwrap();
    assert_eq!(created.configuration.version.to_string(), "1");
    assert_eq!(registry.code_bytes(), 200);
}

#[test]
fn duplicates_and_unknown_functions() {
    let registry = registry_with_versions(0);
    assert!(registry.contains(&name("f")) && !registry.contains(&name("g")));
    assert_eq!(
        refusal(registry.create(&name("f"), code(1), ConfigurationUpdate::default(), CreateFunction::default())),
        "409 ResourceConflictException Function already exist: f"
    );
    let (f, g) = (name("f"), name("g"));
    let missing = "404 ResourceNotFoundException Function not found: arn:aws:lambda:us-east-1:000000000000:function:";
    for (answer, arn) in [
        (refusal(registry.resolve(&g, None, || 0.0)), "g:$LATEST"),
        (refusal(registry.resolve(&g, Some(qualifier("live")), || 0.0)), "g:live"),
        (refusal(registry.resolve(&f, Some(qualifier("live")), || 0.0)), "f:live"),
        (refusal(registry.get(&g, None)), "g"),
        (refusal(registry.get(&f, Some(&qualifier("9")))), "f:9"),
        (refusal(registry.update_code(&g, code(0), &UpdateFunctionCode::default())), "g"),
        (
            refusal(registry.update_configuration(
                &g,
                ConfigurationUpdate::default(),
                &UpdateFunctionConfiguration::default(),
            )),
            "g",
        ),
        (refusal(registry.list_versions(&g, PageRequest::default())), "g"),
        (refusal(registry.list_aliases(&g, None, PageRequest::default())), "g"),
        (refusal(registry.put_concurrency(&g, 1)), "g:$LATEST"),
        (refusal(registry.get_concurrency(&g)), "g"),
        (refusal(registry.delete_concurrency(&g)), "g"),
    ] {
        assert_eq!(answer, format!("{missing}{arn}"));
    }
}

#[test]
fn updates_change_what_is_given_under_a_precondition() {
    let registry = registry_with_versions(0);
    let f = name("f");
    let before = registry.get(&f, None).unwrap();
    let environment = |key: &str| ConfigurationUpdate {
        environment: Some([(key.to_owned(), "x".to_owned())].into()),
        ..ConfigurationUpdate::default()
    };
    registry.update_configuration(&f, environment("FIRST"), &UpdateFunctionConfiguration::default()).unwrap();
    let fuel = ConfigurationUpdate { fuel: Some(Some(9)), ..environment("SECOND") };
    let updated = registry.update_configuration(&f, fuel, &UpdateFunctionConfiguration::default()).unwrap();
    assert_eq!(updated.configuration.environment.keys().collect::<Vec<_>>(), ["SECOND"]);
    assert!(Arc::ptr_eq(&updated.executable, &before.version.executable));
    let no_fuel = ConfigurationUpdate { fuel: Some(None), ..ConfigurationUpdate::default() };
    let updated = registry.update_configuration(&f, no_fuel, &UpdateFunctionConfiguration::default()).unwrap();
    assert_eq!((updated.configuration.fuel, updated.configuration.environment.len()), (None, 1));
    assert!(updated.configuration.last_modified > before.configuration().last_modified);

    let stale = before.configuration().revision_id.to_string();
    let by_stale = UpdateFunctionCode { revision_id: Some(stale.clone()), ..UpdateFunctionCode::default() };
    assert!(refusal(registry.update_code(&f, code(1), &by_stale)).starts_with("412"));
    assert!(refusal(registry.update_configuration(&f, described("x"), &if_revision(Some(&stale)))).starts_with("412"));
    let fresh = updated.configuration.revision_id.to_string();
    let by_fresh = UpdateFunctionCode { revision_id: Some(fresh), ..UpdateFunctionCode::default() };
    let updated = registry.update_code(&f, code(1), &by_fresh).unwrap();
    assert_eq!((*updated.executable, updated.configuration.environment.len()), (1, 1));

    // What was resolved before is as it was.
    assert_eq!((*before.version.executable, before.configuration().environment.len()), (0, 0));
}

/// A host can be started with lower limits than it had. Its counters stay right, whatever is tried.
#[test]
fn a_dry_run_beside_a_lowered_quota_counts_nothing() {
    let storage: Arc<dyn Storage> = Arc::new(crate::storage::testing::MemoryStorage::default());
    let open = |limits| {
        let executable = |sha256: CodeSha256, _| Some(Arc::new(sha256.as_bytes()[0]));
        registry_with(limits).open(Arc::clone(&storage), |_| true, executable).unwrap()
    };
    let registry = open(RegistryLimits::default());
    registry.create(&name("f"), code(1), ConfigurationUpdate::default(), published()).unwrap();
    assert_eq!(registry.code_bytes(), 200);
    let lowered = open(RegistryLimits { code_bytes_max: 150, ..RegistryLimits::default() });
    assert_eq!(lowered.code_bytes(), 200);
    let dry_run = UpdateFunctionCode { dry_run: true, ..UpdateFunctionCode::default() };
    let smaller = Code { size_bytes: 10, ..code(2) };
    lowered.update_code(&name("f"), smaller, &dry_run).unwrap();
    assert_eq!(lowered.code_bytes(), 200);
    let larger = Code { size_bytes: 101, ..code(2) };
    lowered.update_code(&name("f"), larger, &dry_run).unwrap_err();
    assert_eq!(lowered.code_bytes(), 200);
}

#[test]
fn a_dry_run_changes_nothing() {
    let registry = registry_with_versions(0);
    let before = registry.get(&name("f"), None).unwrap();
    let dry_run = UpdateFunctionCode { dry_run: true, publish: true, ..UpdateFunctionCode::default() };
    let answer = registry.update_code(&name("f"), code(1), &dry_run).unwrap();
    assert_eq!((*answer.executable, registry.code_bytes()), (1, 100));
    assert!(Arc::ptr_eq(&before.version, &registry.get(&name("f"), None).unwrap().version));
}

#[test]
fn listings_page_by_name() {
    let registry = registry();
    for number in (0..60).rev() {
        registry
            .create(&name(&format!("f{number:02}")), code(0), ConfigurationUpdate::default(), CreateFunction::default())
            .unwrap();
    }
    let list = |marker: Option<&str>, max_items| {
        let page = registry.list(PageRequest { marker, max_items }).unwrap();
        (page.items.iter().map(|item| item.function_name.to_string()).collect::<Vec<_>>(), page.next_marker)
    };
    let names = |range: std::ops::Range<usize>| range.map(|number| format!("f{number:02}")).collect::<Vec<_>>();
    assert_eq!(list(None, None), (names(0..50), Some("f49".into())));
    assert_eq!(list(None, Some(10_000)), (names(0..50), Some("f49".into())), "at most 50 in a page");
    assert_eq!(list(Some("f49"), None), (names(50..60), None));
    // A marker need not exist any more.
    registry.delete(&name("f49"), None).unwrap();
    assert_eq!(list(Some("f49"), Some(1)), (names(50..51), Some("f50".into())));
    assert_eq!(list(Some("f58"), Some(1)), (names(59..60), None), "no marker to an empty page");

    for (max_items, text) in [(0, "greater than or equal to 1"), (10_001, "less than or equal to 10000")] {
        let refused = refusal(registry.list(PageRequest { marker: None, max_items: Some(max_items) }));
        let value =
            format!("Value '{max_items}' at 'maxItems' failed to satisfy constraint: Member must have value {text}");
        assert_eq!(refused, format!("400 ValidationException 1 validation error detected: {value}"));
    }
    let marker = registry.list(PageRequest { marker: Some("no name"), max_items: None });
    assert_eq!(refusal(marker), "400 InvalidParameterValueException Invalid Marker: no name");
}

#[test]
fn listings_of_all_versions_page_across_functions() {
    let registry = registry_with_versions(2);
    for other in ["d", "e", "g"] {
        registry.create(&name(other), code(0), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    }
    for max_items in 1..=7 {
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            let request = PageRequest { marker: marker.as_deref(), max_items: Some(max_items) };
            let page = registry.list_all_versions(request).unwrap();
            assert!(page.items.len() == max_items || page.next_marker.is_none());
            seen.extend(page.items.iter().map(|item| item.function_arn.to_string()));
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        let base = "arn:aws:lambda:us-east-1:000000000000:function:";
        let expected =
            ["d:$LATEST", "e:$LATEST", "f:$LATEST", "f:1", "f:2", "g:$LATEST"].map(|suffix| format!("{base}{suffix}"));
        assert_eq!(seen, expected, "in pages of {max_items}");
    }
}

#[test]
fn the_host_has_limits() {
    let limits = RegistryLimits { functions_max: 2, code_bytes_max: 350, ..RegistryLimits::default() };
    let registry = registry_with(limits);
    let create = |text, publish| {
        registry.create(
            &name(text),
            code(0),
            ConfigurationUpdate::default(),
            CreateFunction { publish, ..CreateFunction::default() },
        )
    };
    create("f", true).unwrap();
    assert_eq!(refusal(create("g", true)), "400 CodeStorageExceededException Code storage limit exceeded.");
    create("g", false).unwrap();
    assert_eq!(
        refusal(create("h", false)),
        "400 CodeStorageExceededException Code storage limit exceeded: a host may have 2 functions."
    );
    let bigger = Code { size_bytes: 151, ..code(1) };
    let update = |code| registry.update_code(&name("g"), code, &UpdateFunctionCode::default());
    assert_eq!(refusal(update(bigger.clone())), "400 CodeStorageExceededException Code storage limit exceeded.");
    update(Code { size_bytes: 150, ..bigger }).unwrap();
    assert_eq!(registry.code_bytes(), 350);
    assert!(refusal(registry.publish(&name("g"), PublishVersion::default())).contains("Code storage limit"));

    // What is deleted makes room, a failed creation takes none.
    registry.delete(&name("f"), None).unwrap();
    assert_eq!(registry.code_bytes(), 150);
    create("h", true).unwrap();
    assert_eq!(registry.code_bytes(), 350);
}

#[test]
fn reservations_leave_a_minimum() {
    let limits = RegistryLimits {
        concurrent_executions_max: 10,
        unreserved_concurrent_executions_min: 4,
        ..RegistryLimits::default()
    };
    let registry = registry_with(limits);
    let (f, g) = (name("f"), name("g"));
    for function in [&f, &g] {
        registry.create(function, code(0), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    }
    assert_eq!(registry.get_concurrency(&f).unwrap(), None);
    registry.put_concurrency(&f, 6).unwrap();
    let too_much = "400 InvalidParameterValueException Specified ReservedConcurrentExecutions for function decreases \
                    account's UnreservedConcurrentExecution below its minimum value of [4].";
    assert_eq!(refusal(registry.put_concurrency(&g, 1)), too_much);
    assert_eq!(refusal(registry.put_concurrency(&f, u32::MAX)), too_much);
    // 0 is a reservation.
    registry.put_concurrency(&g, 0).unwrap();
    assert_eq!((registry.get_concurrency(&g).unwrap(), registry.unreserved_concurrency()), (Some(0), 4));
    registry.put_concurrency(&f, 5).unwrap();
    registry.put_concurrency(&g, 1).unwrap();
    assert_eq!(registry.resolve(&g, None, || 0.0).unwrap().reserved_concurrency, Some(1));

    registry.delete_concurrency(&g).unwrap();
    registry.delete_concurrency(&g).unwrap();
    assert_eq!((registry.get_concurrency(&g).unwrap(), registry.unreserved_concurrency()), (None, 5));
    registry.delete(&f, None).unwrap();
    assert_eq!(registry.unreserved_concurrency(), 10);
}

#[test]
fn the_cell_lives_as_long_as_the_function() {
    let registry = registry_with_versions(1);
    let cell = |text| registry.resolve(&name("f"), Some(qualifier(text)), || 0.0).unwrap().cell;
    let first = cell("1");
    registry.update_code(&name("f"), code(9), &UpdateFunctionCode::default()).unwrap();
    assert!(Arc::ptr_eq(&first, &cell("$LATEST")));
    registry.delete(&name("f"), None).unwrap();
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    assert!(!Arc::ptr_eq(&first, &cell("$LATEST")));
}

#[test]
fn replaced_code_is_dropped_and_running_code_is_not() {
    let registry = registry_with_versions(0);
    let running = registry.resolve(&name("f"), None, || 0.0).unwrap();
    let code_0 = Arc::downgrade(&running.version.executable);
    registry.update_code(&name("f"), code(1), &UpdateFunctionCode::default()).unwrap();
    registry.delete(&name("f"), None).unwrap();
    assert_eq!(code_0.upgrade().as_deref(), Some(&0));
    drop(running);
    assert!(code_0.upgrade().is_none());
}
