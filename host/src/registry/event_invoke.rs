//! How the asynchronous invocations of functions, versions and aliases are configured: each on its own.

use std::sync::Arc;

use super::{Page, PageRequest, Registry, record::FunctionRecord};
use crate::{
    error::{
        ArgumentError, DeleteFunctionEventInvokeConfigError, GetFunctionEventInvokeConfigError, InvalidParameterValue,
        ListFunctionEventInvokeConfigsError, PutFunctionEventInvokeConfigError, UpdateFunctionEventInvokeConfigError,
    },
    function::{CheckedEventInvokeUpdate, EventInvokeConfig, EventInvokeUpdate, FunctionName, Operation, Qualifier},
    limits::LIST_PAGE_ITEMS_MAX,
};

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `PutFunctionEventInvokeConfig`: only what is given holds from now on.
    ///
    /// # Errors
    ///
    /// Arguments out of range, a destination that is no other function of this host, no such function, version or alias.
    pub(crate) fn put_event_invoke_config(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
        update: EventInvokeUpdate,
    ) -> Result<Arc<EventInvokeConfig>, PutFunctionEventInvokeConfigError> {
        let update = self.check_event_invoke_update(name, update)?;
        let not_found = || self.not_found(Operation::PutFunctionEventInvokeConfig, name, qualifier);
        self.change(name, not_found, |record| {
            let target = qualifier.unwrap_or(&Qualifier::Latest);
            if !record.has(target) {
                return Err(not_found().into());
            }
            let config = update.put(self.base.function(name, Some(target)), self.stamps.now());
            let config = Arc::new(config);
            Ok((Some(record.with_event_invoke_config(target, Some(&config))), config))
        })
    }

    /// `UpdateFunctionEventInvokeConfig`: replaces the given members.
    ///
    /// # Errors
    ///
    /// As [`Self::put_event_invoke_config`]; nothing configured so far.
    pub(crate) fn update_event_invoke_config(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
        update: EventInvokeUpdate,
    ) -> Result<Arc<EventInvokeConfig>, UpdateFunctionEventInvokeConfigError> {
        let update = self.check_event_invoke_update(name, update)?;
        let not_found = |operation| self.not_found(operation, name, qualifier);
        self.change(
            name,
            || not_found(Operation::UpdateFunctionEventInvokeConfig),
            |record| {
                let target = qualifier.unwrap_or(&Qualifier::Latest);
                if !record.has(target) {
                    return Err(not_found(Operation::UpdateFunctionEventInvokeConfig).into());
                }
                let old = record.event_invoke_configs.get(target);
                let old = old.ok_or_else(|| not_found(Operation::GetFunctionEventInvokeConfig))?;
                let config = Arc::new(update.update(old, self.stamps.now()));
                Ok((Some(record.with_event_invoke_config(target, Some(&config))), config))
            },
        )
    }

    /// `GetFunctionEventInvokeConfig`.
    ///
    /// # Errors
    ///
    /// Nothing configured, or nothing that could be.
    pub(crate) fn get_event_invoke_config(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
    ) -> Result<Arc<EventInvokeConfig>, GetFunctionEventInvokeConfigError> {
        self.event_invoke_config(name, qualifier)
            .ok_or_else(|| self.not_found(Operation::GetFunctionEventInvokeConfig, name, qualifier).into())
    }

    /// `DeleteFunctionEventInvokeConfig`.
    ///
    /// # Errors
    ///
    /// Nothing configured, or nothing that could be.
    pub(crate) fn delete_event_invoke_config(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
    ) -> Result<(), DeleteFunctionEventInvokeConfigError> {
        let not_found = || self.not_found(Operation::DeleteFunctionEventInvokeConfig, name, qualifier);
        self.change(name, not_found, |record| {
            let target = qualifier.unwrap_or(&Qualifier::Latest);
            if !record.event_invoke_configs.contains_key(target) {
                return Err(not_found().into());
            }
            Ok((Some(record.with_event_invoke_config(target, None)), ()))
        })
    }

    /// `ListFunctionEventInvokeConfigs`: the function's, its versions', its aliases'; at most 50 in a page.
    ///
    /// # Errors
    ///
    /// `max_items` out of range, a marker that is none, no such function.
    pub(crate) fn list_event_invoke_configs(
        &self,
        name: &FunctionName,
        page: PageRequest<'_>,
    ) -> Result<Page<Arc<EventInvokeConfig>>, ListFunctionEventInvokeConfigsError> {
        let count = page.items_within(LIST_PAGE_ITEMS_MAX)?;
        let after = page.after(|marker| marker.parse::<Qualifier>().ok())?;
        let record =
            self.record(name).ok_or_else(|| self.not_found(Operation::ListFunctionEventInvokeConfigs, name, None))?;
        let configs = record.event_invoke_configs.iter();
        let items = configs.filter(|(target, _)| after.as_ref().is_none_or(|after| *target > after));
        let page = Page::new(items, count, |(target, _)| target.to_string());
        Ok(page.map(|(_, config)| Arc::clone(config)))
    }

    /// What holds for the events of `name` with `qualifier`.
    pub(crate) fn event_invoke_config(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
    ) -> Option<Arc<EventInvokeConfig>> {
        self.record(name)?.event_invoke_configs.get(qualifier.unwrap_or(&Qualifier::Latest)).cloned()
    }

    /// Before the function's entry is locked: a destination is another function's name.
    fn check_event_invoke_update(
        &self,
        name: &FunctionName,
        update: EventInvokeUpdate,
    ) -> Result<CheckedEventInvokeUpdate, ArgumentError> {
        let update = update.check(&self.base)?;
        for destination in update.destinations() {
            let refusal = if destination.name() == name {
                InvalidParameterValue::DestinationItself
            } else if self.get(destination.name(), destination.qualifier()).is_err() {
                InvalidParameterValue::Destination { arn: destination.to_string() }
            } else {
                continue;
            };
            return Err(refusal.into());
        }
        Ok(update)
    }
}

impl<X: Clone> FunctionRecord<X> {
    /// Whether `target` exists.
    fn has(&self, target: &Qualifier) -> bool {
        match target {
            Qualifier::Latest => true,
            Qualifier::Version(number) => self.versions.contains_key(number),
            Qualifier::Alias(name) => self.aliases.contains_key(name),
        }
    }

    fn with_event_invoke_config(&self, target: &Qualifier, config: Option<&Arc<EventInvokeConfig>>) -> Self {
        let mut next = self.clone();
        let configs = Arc::make_mut(&mut next.event_invoke_configs);
        match config {
            Some(config) => drop(configs.insert(target.clone(), Arc::clone(config))),
            None => drop(configs.remove(target)),
        }
        next
    }
}
