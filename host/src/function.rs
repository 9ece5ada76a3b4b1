//! Functions as data: names, ARNs, versions, aliases, configuration, and the rules they keep.
//!
//! Everything here is parsed once, and after that no code checks it again. Names are short texts in place, or shared ones
//! (`SmolStr`), so that neither parsing nor cloning one allocates on the way of an invocation.

mod alias;
mod arn;
mod caller;
mod config;
mod environment;
mod error;
mod event_invoke_config;
mod frame;
mod iam_arn;
mod labels;
mod name;
mod operation;
mod policy;
mod qualifier;
mod reference;
mod revision;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod version;

pub use alias::{AliasConfiguration, AliasName, AliasRouting};
pub(crate) use arn::is_taggable;
pub use arn::{ArnBase, FunctionArn};
pub use caller::Caller;
pub use config::{ConfigurationUpdate, FunctionConfiguration};
pub(crate) use config::{is_host_function_name, validate_description};
pub use error::{BadResponse, FunctionError, FunctionErrorKind, PanicPlace, Phase, ReportedError, Trap};
pub use event_invoke_config::EventInvokeConfig;
pub(crate) use event_invoke_config::{CheckedEventInvokeUpdate, EventInvokeUpdate};
pub use frame::Frame;
pub use iam_arn::IamArn;
pub use labels::Architecture;
pub use name::FunctionName;
pub use operation::Operation;
pub use policy::{FunctionPolicy, FunctionUrlAuthType, Permission, PolicyConditions, PolicyStatement, Principal};
pub(crate) use policy::{Policy, decide};
pub use qualifier::Qualifier;
pub use reference::{FunctionReference, FunctionTarget};
pub use revision::{CodeSha256, RevisionId};
pub use state::{FunctionState, LastUpdateStatus, StateReason, StateReasonCode};
pub(crate) use tags::{Tags, validate_tag_keys, validate_tags, with_tags};
pub use version::{Version, VersionNumber};

/// Whether a byte is one of `[a-zA-Z0-9-_]`, the alphabet of function and alias names.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Serialises a type as its `Display` text and deserialises it through `FromStr`, so that its rules hold there too.
macro_rules! serde_as_text {
    ($($type:ty),+) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

serde_as_text!(AliasName, CodeSha256, FunctionArn, FunctionName, IamArn, Qualifier, RevisionId, Version, VersionNumber);
