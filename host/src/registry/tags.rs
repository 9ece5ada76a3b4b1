//! Tags of functions.

use std::sync::Arc;

use super::Registry;
use crate::{
    error::{ArgumentError, InvalidParameterValue, ListTagsError, TagResourceError, UntagResourceError},
    function::{FunctionName, Operation, Qualifier, Tags, validate_tag_keys, validate_tags, with_tags},
};

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `TagResource`: adds tags, in place of those with the same keys. A new revision of `$LATEST`.
    ///
    /// # Errors
    ///
    /// Tags that break their patterns, none at all, too many, no such function.
    pub(crate) fn tag(&self, name: &FunctionName, tags: Tags) -> Result<(), TagResourceError> {
        validate_tags(&tags)?;
        if tags.is_empty() {
            return Err(InvalidParameterValue::NoTags.into());
        }
        let not_found = || self.not_found(Operation::TagResource, name, None);
        self.change(name, not_found, |record| {
            let tags = with_tags(&record.tags, tags)?;
            let mut next = record.with_new_revision(&Qualifier::Latest, &*self.stamps);
            next.tags = Arc::new(tags);
            Ok((Some(next), ()))
        })
    }

    /// `UntagResource`. A tag that does not exist is no error. A new revision of `$LATEST`.
    ///
    /// # Errors
    ///
    /// Keys that no tag can have, no such function.
    pub(crate) fn untag(&self, name: &FunctionName, keys: &[String]) -> Result<(), UntagResourceError> {
        validate_tag_keys(keys)?;
        let not_found = || self.not_found(Operation::UntagResource, name, None);
        self.change(name, not_found, |record| {
            let mut next = record.with_new_revision(&Qualifier::Latest, &*self.stamps);
            let tags = Arc::make_mut(&mut next.tags);
            keys.iter().for_each(|key| drop(tags.remove(key)));
            Ok((Some(next), ()))
        })
    }

    /// `ListTags`.
    ///
    /// # Errors
    ///
    /// No such function.
    pub(crate) fn tags(&self, name: &FunctionName) -> Result<Arc<Tags>, ListTagsError> {
        let record = self.record(name).ok_or_else(|| self.not_found(Operation::ListTags, name, None))?;
        Ok(Arc::clone(&record.tags))
    }
}

/// Checks the tags of a function that is to be created.
///
/// # Errors
///
/// Tags that break their patterns, or too many.
pub(super) fn check_new_tags(tags: Tags) -> Result<Tags, ArgumentError> {
    validate_tags(&tags)?;
    with_tags(&Tags::new(), tags)
}
