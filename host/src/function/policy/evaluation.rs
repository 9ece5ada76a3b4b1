//! Whether a caller may, by its own right and by the function's policy.

use super::{Policy, PolicyCondition, PolicyStatement, Principal};
use crate::error::DenialReason;
use crate::function::caller::{Caller, Identity};

/// Whether `caller` may do `action` (such as `lambda:InvokeFunction`) with a function of `account` whose policy is `policy`.
///
/// # Errors
///
/// Which policy would have had to allow it.
pub(crate) fn decide(
    caller: &Caller,
    action: &str,
    account: &str,
    policy: Option<&Policy>,
) -> Result<(), DenialReason> {
    let mut statements = policy.iter().flat_map(|policy| &policy.statements);
    let mut allowed = |names: &dyn Fn(&Principal) -> bool| {
        statements.any(|statement| statement.is_about(action) && names(&statement.principal) && statement.holds(caller))
    };
    let everybody = |principal: &Principal| *principal == Principal::Everybody;
    match &caller.identity {
        Identity::Service(service) => {
            let named = |principal: &Principal| matches!(principal, Principal::Service(name) if name == service);
            if allowed(&|principal| everybody(principal) || named(principal)) {
                return Ok(());
            }
            Err(DenialReason::NoResourceBasedPolicy)
        }
        Identity::Iam(arn) if arn.account() == account => {
            // An account's root among the principals stands for those who have a right of their own: they need no other.
            let named = |principal: &Principal| matches!(principal, Principal::Aws(named) if named.names(arn));
            if caller.has_own_right || allowed(&|principal| everybody(principal) || named(principal)) {
                return Ok(());
            }
            Err(DenialReason::NoIdentityBasedPolicy)
        }
        Identity::Iam(arn) => {
            let named = |principal: &Principal| {
                let Principal::Aws(named) = principal else { return false };
                named.names(arn) || (named.is_root() && named.account() == arn.account())
            };
            if !allowed(&|principal| everybody(principal) || named(principal)) {
                return Err(DenialReason::NoResourceBasedPolicy);
            }
            if caller.has_own_right { Ok(()) } else { Err(DenialReason::NoIdentityBasedPolicy) }
        }
    }
}

impl PolicyStatement {
    fn is_about(&self, action: &str) -> bool {
        self.action == "*" || self.action == "lambda:*" || self.action.eq_ignore_ascii_case(action)
    }

    /// Whether all conditions hold.
    fn holds(&self, caller: &Caller) -> bool {
        let is = |given: &Option<String>, wanted: &str| given.as_deref() == Some(wanted);
        self.conditions.each().all(|condition| match condition {
            PolicyCondition::SourceArn(pattern) => {
                caller.source_arn.as_ref().is_some_and(|arn| is_arn_like(pattern, arn))
            }
            PolicyCondition::SourceAccount(account) => is(&caller.source_account, account),
            PolicyCondition::PrincipalOrgId(id) => is(&caller.principal_org_id, id),
            PolicyCondition::EventSourceToken(token) => is(&caller.event_source_token, token),
            // This host has no function URLs.
            PolicyCondition::FunctionUrlAuthType(_) => false,
            PolicyCondition::InvokedViaFunctionUrl(via_url) => !via_url,
        })
    }
}

/// AWS's `ArnLike`: the six parts of an ARN are compared one by one, with `*` and `?` as wildcards.
fn is_arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == 6
        && parts.len() == 6
        && patterns.iter().zip(parts).all(|(pattern, part)| is_like(pattern.as_bytes(), part.as_bytes()))
}

/// Wildcard match in time of at most the product of the lengths: after a mismatch only the last `*` takes one byte more.
pub(super) fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}
