//! Reserved concurrency.

use super::Registry;
use crate::{
    error::{DeleteFunctionConcurrencyError, GetFunctionConcurrencyError, PutFunctionConcurrencyError},
    function::{FunctionName, Operation},
};

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `PutFunctionConcurrency`: reserves `executions` at a time for the function; 0 stops it.
    ///
    /// # Errors
    ///
    /// No such function; too little left for the others. A qualified name is refused by
    /// [`FunctionTarget::unqualified`](crate::function::FunctionTarget::unqualified).
    pub(crate) fn put_concurrency(
        &self,
        name: &FunctionName,
        executions: u32,
    ) -> Result<(), PutFunctionConcurrencyError> {
        let not_found = || self.not_found(Operation::PutFunctionConcurrency, name, None);
        self.change(name, not_found, |record| {
            self.quota.reserve(record.reserved_concurrency, Some(executions))?;
            Ok((Some(record.with_reserved_concurrency(Some(executions))), ()))
        })
    }

    /// `GetFunctionConcurrency`: `None` without a reservation.
    ///
    /// # Errors
    ///
    /// No such function.
    pub(crate) fn get_concurrency(&self, name: &FunctionName) -> Result<Option<u32>, GetFunctionConcurrencyError> {
        let record = self.record(name).ok_or_else(|| self.not_found(Operation::GetFunctionConcurrency, name, None))?;
        Ok(record.reserved_concurrency)
    }

    /// `DeleteFunctionConcurrency`. No reservation is no error.
    ///
    /// # Errors
    ///
    /// No such function.
    pub(crate) fn delete_concurrency(&self, name: &FunctionName) -> Result<(), DeleteFunctionConcurrencyError> {
        let not_found = || self.not_found(Operation::DeleteFunctionConcurrency, name, None);
        self.change(name, not_found, |record| {
            self.quota.reserve(record.reserved_concurrency, None)?;
            Ok((Some(record.with_reserved_concurrency(None)), ()))
        })
    }
}
