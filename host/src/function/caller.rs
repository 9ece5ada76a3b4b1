//! [`Caller`]: who asks for an invocation, as far as a function's policy wants to know.

use super::IamArn;

/// Who asks for an invocation: an IAM identity or an AWS service, with what a function's policy can make conditions of.
///
/// An invocation with a caller happens only if the caller may, by Lambda's rules:
///
/// * an identity of the host's own account needs a right of its own, or a policy that names it (or everybody);
/// * an identity of another account needs both: a right of its own, and a policy that names it, its account or everybody;
/// * a service needs a policy that names it.
///
/// An invocation without a caller is the embedder's, and may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(super) identity: Identity,
    pub(super) has_own_right: bool,
    pub(super) source_arn: Option<String>,
    pub(super) source_account: Option<String>,
    pub(super) principal_org_id: Option<String>,
    pub(super) event_source_token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Iam(IamArn),
    Service(String),
}

impl Caller {
    /// A user, role or account. It has no right of its own, until [`with_own_right`](Self::with_own_right) says so.
    pub fn iam(arn: IamArn) -> Caller {
        Caller::new(Identity::Iam(arn))
    }

    /// An AWS service, such as `s3.amazonaws.com`.
    pub fn service(name: impl Into<String>) -> Caller {
        Caller::new(Identity::Service(name.into()))
    }

    fn new(identity: Identity) -> Caller {
        Caller {
            identity,
            has_own_right: false,
            source_arn: None,
            source_account: None,
            principal_org_id: None,
            event_source_token: None,
        }
    }

    /// Whether what the identity was given (in AWS: its identity-based policies) allows what it asks for. Default: no. A
    /// service can have no such right.
    pub fn with_own_right(mut self, has_own_right: bool) -> Caller {
        self.has_own_right = has_own_right;
        self
    }

    /// The resource on whose behalf the caller asks, as an ARN: the bucket, the rule. Default: none.
    pub fn source_arn(mut self, arn: impl Into<String>) -> Caller {
        self.source_arn = Some(arn.into());
        self
    }

    /// The account that owns the resource: 12 digits. Default: none.
    pub fn source_account(mut self, account: impl Into<String>) -> Caller {
        self.source_account = Some(account.into());
        self
    }

    /// The organisation that the caller belongs to, such as `o-a1b2c3d4e5`. Default: none.
    pub fn principal_org_id(mut self, id: impl Into<String>) -> Caller {
        self.principal_org_id = Some(id.into());
        self
    }

    /// The token that an event source shows. Default: none.
    pub fn event_source_token(mut self, token: impl Into<String>) -> Caller {
        self.event_source_token = Some(token.into());
        self
    }

    /// Who asks, as text: the identity's ARN, or the service's name.
    pub fn principal(&self) -> &str {
        match &self.identity {
            Identity::Iam(arn) => arn.as_str(),
            Identity::Service(name) => name,
        }
    }
}
