//! Permissions: `AddPermission`, `RemovePermission`, `GetPolicy`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::{Reader, Text};
use axum::http::{Method, StatusCode};
use fnhost::function::{Operation as FunctionOperation, Permission};
use serde_json::json;

pub(super) fn routes(routes: &mut impl Routes) {
    let policy = "/2015-03-31/functions/{FunctionName}/policy";
    let statement = "/2015-03-31/functions/{FunctionName}/policy/{StatementId}";
    routes.route(Operation::new("AddPermission"), Method::POST, policy, add);
    routes.route(Operation::new("GetPolicy"), Method::GET, policy, get);
    routes.route(Operation::new("RemovePermission"), Method::DELETE, statement, remove);
}

async fn add(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::AddPermission);
    let (permission, revision_id) = reader.body(|body| {
        // The library has the rules; what is missing it can't tell from what is empty.
        let mut required = |name| body.required(name, |body| body.text(name, &Text::ANY));
        let (statement_id, action, principal) = (required("StatementId"), required("Action"), required("Principal"));
        let all_there = statement_id.is_some() && action.is_some() && principal.is_some();
        let permission = Permission {
            statement_id: statement_id.unwrap_or_default(),
            action: action.unwrap_or_default(),
            principal: principal.unwrap_or_default(),
            source_arn: body.text("SourceArn", &Text::ANY),
            source_account: body.text("SourceAccount", &Text::ANY),
            principal_org_id: body.text("PrincipalOrgID", &Text::ANY),
            event_source_token: body.text("EventSourceToken", &Text::ANY),
            function_url_auth_type: body.text("FunctionUrlAuthType", &Text::ANY),
            invoked_via_function_url: body.flag("InvokedViaFunctionUrl"),
        };
        if all_there {
            body.absorb(permission.check());
        }
        (permission, body.text("RevisionId", &Text::ANY))
    });
    reader.finish()?;
    let Permission { statement_id, action, principal, .. } = &permission;
    let mut add = call.host().add_permission(function, statement_id, action, principal).permission(permission);
    if let Some(qualifier) = qualifier {
        add = add.qualifier(qualifier);
    }
    if let Some(revision_id) = revision_id {
        add = add.revision_id(revision_id);
    }
    Ok(Answer::json(StatusCode::CREATED, &json!({"Statement": add.await?.to_json()})))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::GetPolicy);
    reader.finish()?;
    let mut get = call.host().get_policy(function);
    if let Some(qualifier) = qualifier {
        get = get.qualifier(qualifier);
    }
    let policy = get.await?;
    let answer = json!({"Policy": policy.to_json(), "RevisionId": policy.revision_id.to_string()});
    Ok(Answer::json(StatusCode::OK, &answer))
}

async fn remove(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::RemovePermission);
    let statement_id = reader.label("StatementId", Permission::check_statement_id);
    let revision_id = reader.query_text("RevisionId", &Text::ANY);
    reader.finish()?;
    let mut remove = call.host().remove_permission(function, statement_id);
    if let Some(qualifier) = qualifier {
        remove = remove.qualifier(qualifier);
    }
    if let Some(revision_id) = revision_id {
        remove = remove.revision_id(revision_id);
    }
    remove.await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
