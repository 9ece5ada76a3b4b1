//! Data that the embedder attaches to an invocation for its own host functions: a tenant, say.

use std::any::{Any, TypeId};
use std::sync::Arc;

/// Values by their type: at most one of each. Cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct Attachments {
    /// A handful at most, so a list is faster than a map.
    values: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
}

impl Attachments {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a value, in place of one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let id = TypeId::of::<T>();
        self.values.retain(|(other, _)| *other != id);
        self.values.push((id, Arc::new(value)));
    }

    /// The value of type `T`, if one was attached.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let (_, value) = self.values.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_ref()
    }
}
