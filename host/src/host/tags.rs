//! The operations on tags.

use super::Host;
use super::operation::awaitable;
use crate::error::{
    Constraint, InvalidParameterValue, ListTagsError, ReferenceError, TagResourceError, UntagResourceError,
    ValidationError, Violation,
};
use crate::function::{FunctionName, Operation, Tags, is_taggable};
use std::collections::BTreeMap;

/// `TagResource`, begun by [`Host::tag_resource`]. Await it, or [`wait`](TagResource::wait).
#[derive(Debug)]
#[must_use = "nothing is tagged until this is awaited"]
pub struct TagResource {
    pub(super) host: Host,
    pub(super) resource: String,
    pub(super) tags: Tags,
}

awaitable!(TagResource => (), TagResourceError);

impl TagResource {
    /// Adds a tag: a key of 1 to 128 characters, and a value of at most 256.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    async fn send(self) -> Result<(), TagResourceError> {
        let name = self.host.tagged(&self.resource, Operation::TagResource)?;
        let tags = self.tags;
        self.host.change(move |registry| registry.tag(&name, tags)).await
    }
}

/// `UntagResource`, begun by [`Host::untag_resource`]. Await it, or [`wait`](UntagResource::wait).
#[derive(Debug)]
#[must_use = "no tag is removed until this is awaited"]
pub struct UntagResource {
    pub(super) host: Host,
    pub(super) resource: String,
    pub(super) keys: Vec<String>,
}

awaitable!(UntagResource => (), UntagResourceError);

impl UntagResource {
    async fn send(self) -> Result<(), UntagResourceError> {
        let name = self.host.tagged(&self.resource, Operation::UntagResource)?;
        let keys = self.keys;
        self.host.change(move |registry| registry.untag(&name, &keys)).await
    }
}

/// `ListTags`, begun by [`Host::list_tags`]. Await it, or [`wait`](ListTags::wait).
#[derive(Debug)]
#[must_use = "nothing is listed until this is awaited"]
pub struct ListTags {
    pub(super) host: Host,
    pub(super) resource: String,
}

awaitable!(ListTags => BTreeMap<String, String>, ListTagsError);

impl ListTags {
    async fn send(self) -> Result<Tags, ListTagsError> {
        let name = self.host.tagged(&self.resource, Operation::ListTags)?;
        Ok((*self.host.inner.invoker.registry.tags(&name)?).clone())
    }
}

impl Host {
    /// `TagResource`: adds tags to the function with this ARN.
    pub fn tag_resource<K: Into<String>, V: Into<String>>(
        &self,
        function_arn: impl Into<String>,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> TagResource {
        let tags = tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        TagResource { host: self.clone(), resource: function_arn.into(), tags }
    }

    /// `UntagResource`: removes the tags with these keys from the function with this ARN.
    pub fn untag_resource<K: Into<String>>(
        &self,
        function_arn: impl Into<String>,
        keys: impl IntoIterator<Item = K>,
    ) -> UntagResource {
        let keys = keys.into_iter().map(Into::into).collect();
        UntagResource { host: self.clone(), resource: function_arn.into(), keys }
    }

    /// `ListTags`: the tags of the function with this ARN.
    pub fn list_tags(&self, function_arn: impl Into<String>) -> ListTags {
        ListTags { host: self.clone(), resource: function_arn.into() }
    }

    /// The function that an ARN names, for an operation that takes nothing else.
    fn tagged(&self, resource: &str, operation: Operation) -> Result<FunctionName, ReferenceError> {
        const PATTERN: &str = r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})";
        if !is_taggable(resource) {
            let violation = Violation::new("resource", resource, Constraint::Pattern(PATTERN));
            return Err(ValidationError::new(violation).into());
        }
        let target = self.target(resource, None, operation)?;
        match target.qualifier {
            None => Ok(target.name),
            Some(_) => Err(InvalidParameterValue::TagsOnQualifier.into()),
        }
    }
}
