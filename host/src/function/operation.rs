//! [`Operation`].

use crate::limits::{FUNCTION_REFERENCE_READ_CHARS_MAX, FUNCTION_REFERENCE_WRITE_CHARS_MAX};

/// The operations of Lambda's API that name a function: they differ in the names they take and in how they say that
/// something was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the operation of that name")]
pub enum Operation {
    CreateFunction,
    GetFunction,
    UpdateFunctionCode,
    UpdateFunctionConfiguration,
    DeleteFunction,
    PublishVersion,
    ListVersionsByFunction,
    CreateAlias,
    GetAlias,
    UpdateAlias,
    DeleteAlias,
    ListAliases,
    PutFunctionConcurrency,
    GetFunctionConcurrency,
    DeleteFunctionConcurrency,
    AddPermission,
    RemovePermission,
    GetPolicy,
    PutFunctionEventInvokeConfig,
    UpdateFunctionEventInvokeConfig,
    GetFunctionEventInvokeConfig,
    DeleteFunctionEventInvokeConfig,
    ListFunctionEventInvokeConfigs,
    TagResource,
    UntagResource,
    ListTags,
    InvokeFunction,
}

impl Operation {
    /// The action in AWS's policies and refusals, without `lambda:`; such as `InvokeFunction`.
    pub fn action(self) -> &'static str {
        match self {
            Self::CreateFunction => "CreateFunction",
            Self::GetFunction => "GetFunction",
            Self::UpdateFunctionCode => "UpdateFunctionCode",
            Self::UpdateFunctionConfiguration => "UpdateFunctionConfiguration",
            Self::DeleteFunction => "DeleteFunction",
            Self::PublishVersion => "PublishVersion",
            Self::ListVersionsByFunction => "ListVersionsByFunction",
            Self::CreateAlias => "CreateAlias",
            Self::GetAlias => "GetAlias",
            Self::UpdateAlias => "UpdateAlias",
            Self::DeleteAlias => "DeleteAlias",
            Self::ListAliases => "ListAliases",
            Self::PutFunctionConcurrency => "PutFunctionConcurrency",
            Self::GetFunctionConcurrency => "GetFunctionConcurrency",
            Self::DeleteFunctionConcurrency => "DeleteFunctionConcurrency",
            Self::AddPermission => "AddPermission",
            Self::RemovePermission => "RemovePermission",
            Self::GetPolicy => "GetPolicy",
            Self::PutFunctionEventInvokeConfig => "PutFunctionEventInvokeConfig",
            Self::UpdateFunctionEventInvokeConfig => "UpdateFunctionEventInvokeConfig",
            Self::GetFunctionEventInvokeConfig => "GetFunctionEventInvokeConfig",
            Self::DeleteFunctionEventInvokeConfig => "DeleteFunctionEventInvokeConfig",
            Self::ListFunctionEventInvokeConfigs => "ListFunctionEventInvokeConfigs",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::ListTags => "ListTags",
            Self::InvokeFunction => "InvokeFunction",
        }
    }

    /// The rule for the operation's `FunctionName` argument.
    pub(super) fn reference_rule(self) -> ReferenceRule {
        match self {
            Self::InvokeFunction
            | Self::GetFunction
            | Self::DeleteFunction
            | Self::ListVersionsByFunction
            | Self::AddPermission
            | Self::RemovePermission
            | Self::GetPolicy
            | Self::PutFunctionEventInvokeConfig
            | Self::UpdateFunctionEventInvokeConfig
            | Self::GetFunctionEventInvokeConfig
            | Self::DeleteFunctionEventInvokeConfig
            | Self::ListFunctionEventInvokeConfigs => ReferenceRule::Read,
            _ => ReferenceRule::Write,
        }
    }
}

/// AWS's two classes of `FunctionName` arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReferenceRule {
    /// Invoke, Get, Delete, policies, asynchronous invocation: names may have dots, and be so long that no function is called so.
    Read,
    /// Everything that creates or changes.
    Write,
}

impl ReferenceRule {
    /// The pattern as AWS's refusals quote it.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Read => {
                r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
            }
            Self::Write => {
                r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
            }
        }
    }

    pub(super) fn chars_max(self) -> usize {
        match self {
            Self::Read => FUNCTION_REFERENCE_READ_CHARS_MAX,
            Self::Write => FUNCTION_REFERENCE_WRITE_CHARS_MAX,
        }
    }
}
