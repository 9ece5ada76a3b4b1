//! The registry's listings.

use std::sync::Arc;

use super::{Page, PageRequest, Registry, record::FunctionRecord};
use crate::{
    error::{ListAliasesError, ListFunctionsError, ListVersionsError},
    function::{AliasConfiguration, AliasName, FunctionConfiguration, FunctionName, Operation, Qualifier, Version},
    limits::{LIST_MAX_ITEMS, LIST_PAGE_ITEMS_MAX},
};

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `ListFunctions`: `$LATEST` of every function, by name; at most 50 in a page.
    ///
    /// # Errors
    ///
    /// `max_items` out of range, a marker that is none.
    pub(crate) fn list(&self, page: PageRequest<'_>) -> Result<Page<Arc<FunctionConfiguration>>, ListFunctionsError> {
        let count = page.items(LIST_PAGE_ITEMS_MAX)?;
        let after = page.after(|marker| marker.parse::<FunctionName>().ok())?;
        let records = self.sorted_records(count, |name| after.as_ref().is_none_or(|after| name > after));
        let items = records.into_iter().map(|record| Arc::clone(&record.shown().configuration));
        Ok(Page::new(items, count, |last| last.function_name.to_string()))
    }

    /// `ListFunctions` with `FunctionVersion=ALL`: `$LATEST` and the published versions of every function, by name and
    /// number, with suffixed ARNs; at most 50 in a page.
    ///
    /// # Errors
    ///
    /// `max_items` out of range, a marker that is none.
    pub(crate) fn list_all_versions(
        &self,
        page: PageRequest<'_>,
    ) -> Result<Page<Arc<FunctionConfiguration>>, ListFunctionsError> {
        let count = page.items(LIST_PAGE_ITEMS_MAX)?;
        let after = page.after(|marker| {
            let (name, version) = marker.split_once(':')?;
            Some((name.parse::<FunctionName>().ok()?, version.parse::<Version>().ok()?))
        })?;
        let records = self.sorted_records(count, |name| after.as_ref().is_none_or(|(after, _)| name >= after));
        let is_after = |item: &Arc<FunctionConfiguration>| {
            after.as_ref().is_none_or(|(name, version)| (&item.function_name, &item.version) > (name, version))
        };
        let items = records.iter().flat_map(|record| suffixed_versions(record)).filter(is_after);
        Ok(Page::new(items, count, |last| format!("{}:{}", last.function_name, last.version)))
    }

    /// `ListVersionsByFunction`: `$LATEST`, then ascending, with suffixed ARNs; at most 50 in a page.
    ///
    /// # Errors
    ///
    /// `max_items` out of range, a marker that is none, no such function.
    pub(crate) fn list_versions(
        &self,
        name: &FunctionName,
        page: PageRequest<'_>,
    ) -> Result<Page<Arc<FunctionConfiguration>>, ListVersionsError> {
        let count = page.items(LIST_PAGE_ITEMS_MAX)?;
        let after = page.after(|marker| marker.parse::<Version>().ok())?;
        let record = self.record(name).ok_or_else(|| self.not_found(Operation::ListVersionsByFunction, name, None))?;
        let items = suffixed_versions(&record).filter(|item| after.is_none_or(|after| item.version > after));
        Ok(Page::new(items, count, |last| last.version.to_string()))
    }

    /// `ListAliases`: by name; with `function_version`, only those whose calls can go there.
    ///
    /// # Errors
    ///
    /// `max_items` out of range, a marker that is none, no such function.
    pub(crate) fn list_aliases(
        &self,
        name: &FunctionName,
        function_version: Option<Version>,
        page: PageRequest<'_>,
    ) -> Result<Page<Arc<AliasConfiguration>>, ListAliasesError> {
        let count = page.items(LIST_MAX_ITEMS.max)?;
        let after = page.after(|marker| marker.parse::<AliasName>().ok())?;
        let record = self.record(name).ok_or_else(|| self.not_found(Operation::ListAliases, name, None))?;
        let aliases = record.aliases.values();
        let items = aliases
            .filter(|alias| after.as_ref().is_none_or(|after| alias.name > *after))
            .filter(|alias| function_version.is_none_or(|version| alias.points_at(version)))
            .cloned();
        Ok(Page::new(items, count, |last| last.name.to_string()))
    }

    /// The first records whose names are wanted, by name: enough for a page of `count` items and to see that there are more.
    fn sorted_records(&self, count: usize, wanted: impl Fn(&FunctionName) -> bool) -> Vec<Arc<FunctionRecord<X>>> {
        let wanted = self.functions.iter().filter(|function| wanted(function.key()));
        let mut records: Vec<_> = wanted.map(|function| Arc::clone(&function.record)).collect();
        records.sort_unstable_by(|one, other| one.arn().name().cmp(other.arn().name()));
        // A page may begin after the last version of its first function, which then adds nothing to it.
        records.truncate(count.saturating_add(2));
        records
    }
}

/// `$LATEST` and the published versions, each with its version in the ARN.
fn suffixed_versions<X: Clone>(record: &FunctionRecord<X>) -> impl Iterator<Item = Arc<FunctionConfiguration>> {
    record.all_versions().map(|version| {
        let configuration = &version.configuration;
        match configuration.version {
            Version::Number(_) => Arc::clone(configuration),
            Version::Latest => Arc::new(FunctionConfiguration {
                function_arn: configuration.function_arn.with_qualifier(Some(Qualifier::Latest)),
                ..FunctionConfiguration::clone(configuration)
            }),
        }
    })
}
