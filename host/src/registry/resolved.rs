//! [`Resolved`].

use std::sync::Arc;

use super::FunctionVersion;
use crate::{
    error::ResourceConflict,
    function::{FunctionArn, FunctionConfiguration, FunctionState, Qualifier, Version},
};

/// A version found in the registry, for as long as the caller keeps it: changes and deletion of the function do not reach it.
#[derive(Debug)]
pub(crate) struct Resolved<X, C> {
    /// What to run.
    pub(crate) version: Arc<FunctionVersion<X>>,
    /// What was asked for; an alias stays an alias here.
    pub(crate) qualifier: Option<Qualifier>,
    /// Concurrency reserved for the function, over all versions and aliases.
    pub(crate) reserved_concurrency: Option<u32>,
    /// The function's cell.
    pub(crate) cell: Arc<C>,
}

impl<X, C> Resolved<X, C> {
    /// The configuration of the version.
    pub(crate) fn configuration(&self) -> &FunctionConfiguration {
        &self.version.configuration
    }

    /// Refuses unless the version can be invoked.
    pub(crate) fn check_active(&self) -> Result<(), ResourceConflict> {
        match &self.version.configuration.state {
            FunctionState::Active => Ok(()),
            state => Err(ResourceConflict::State { state: state.clone() }),
        }
    }

    /// What runs: `$LATEST` or a number, never an alias.
    pub(crate) fn executed_version(&self) -> Version {
        self.version.configuration.version
    }

    /// The ARN as it was asked for: with the alias if there was one, without suffix if nothing was. Allocates nothing.
    pub(crate) fn invoked_arn(&self) -> FunctionArn {
        self.version.configuration.function_arn.with_qualifier(self.qualifier.clone())
    }

    /// The configuration as `GetFunctionConfiguration` answers it, with the ARN as it was asked for.
    pub(crate) fn described(&self) -> FunctionConfiguration {
        FunctionConfiguration { function_arn: self.invoked_arn(), ..self.configuration().clone() }
    }
}

/// By hand, because a derive would ask for `X: Clone` and `C: Clone`.
impl<X, C> Clone for Resolved<X, C> {
    fn clone(&self) -> Self {
        Self {
            version: Arc::clone(&self.version),
            qualifier: self.qualifier.clone(),
            reserved_concurrency: self.reserved_concurrency,
            cell: Arc::clone(&self.cell),
        }
    }
}
