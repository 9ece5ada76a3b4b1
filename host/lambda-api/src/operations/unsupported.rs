//! Operations of AWS's service model (2026) that this host does not have: each answers that, by its name.

use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use axum::http::Method;

pub(super) fn routes(routes: &mut impl Routes) {
    for (name, method, path) in OPERATIONS {
        let refuse = async move |_| Err(ApiError::UnsupportedOperation(name));
        routes.route(Operation::new(name), method.clone(), path, refuse);
    }
}

/// Name, method and path. (Two operations that differ only in their query have the name of the first.)
const OPERATIONS: &[(&str, Method, &str)] = &[
    ("AddLayerVersionPermission", Method::POST, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy"),
    ("CheckpointDurableExecution", Method::POST, "/2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint"),
    ("CreateCapacityProvider", Method::POST, "/2025-11-30/capacity-providers"),
    ("CreateCodeSigningConfig", Method::POST, "/2020-04-22/code-signing-configs"),
    ("CreateEventSourceMapping", Method::POST, "/2015-03-31/event-source-mappings"),
    ("CreateFunctionUrlConfig", Method::POST, "/2021-10-31/functions/{FunctionName}/url"),
    ("DeleteCapacityProvider", Method::DELETE, "/2025-11-30/capacity-providers/{CapacityProviderName}"),
    ("DeleteCodeSigningConfig", Method::DELETE, "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
    ("DeleteEventSourceMapping", Method::DELETE, "/2015-03-31/event-source-mappings/{UUID}"),
    ("DeleteFunctionCodeSigningConfig", Method::DELETE, "/2020-06-30/functions/{FunctionName}/code-signing-config"),
    ("DeleteFunctionUrlConfig", Method::DELETE, "/2021-10-31/functions/{FunctionName}/url"),
    ("DeleteLayerVersion", Method::DELETE, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}"),
    (
        "DeleteProvisionedConcurrencyConfig",
        Method::DELETE,
        "/2019-09-30/functions/{FunctionName}/provisioned-concurrency",
    ),
    ("GetCapacityProvider", Method::GET, "/2025-11-30/capacity-providers/{CapacityProviderName}"),
    ("GetCodeSigningConfig", Method::GET, "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
    ("GetDurableExecution", Method::GET, "/2025-12-01/durable-executions/{DurableExecutionArn}"),
    ("GetDurableExecutionHistory", Method::GET, "/2025-12-01/durable-executions/{DurableExecutionArn}/history"),
    ("GetDurableExecutionState", Method::GET, "/2025-12-01/durable-executions/{DurableExecutionArn}/state"),
    ("GetEventSourceMapping", Method::GET, "/2015-03-31/event-source-mappings/{UUID}"),
    ("GetFunctionCodeSigningConfig", Method::GET, "/2020-06-30/functions/{FunctionName}/code-signing-config"),
    ("GetFunctionRecursionConfig", Method::GET, "/2024-08-31/functions/{FunctionName}/recursion-config"),
    ("GetFunctionScalingConfig", Method::GET, "/2025-11-30/functions/{FunctionName}/function-scaling-config"),
    ("GetFunctionUrlConfig", Method::GET, "/2021-10-31/functions/{FunctionName}/url"),
    ("GetLayerVersion", Method::GET, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}"),
    ("GetLayerVersionPolicy", Method::GET, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy"),
    ("GetProvisionedConcurrencyConfig", Method::GET, "/2019-09-30/functions/{FunctionName}/provisioned-concurrency"),
    ("GetRuntimeManagementConfig", Method::GET, "/2021-07-20/functions/{FunctionName}/runtime-management-config"),
    ("InvokeWithResponseStream", Method::POST, "/2021-11-15/functions/{FunctionName}/response-streaming-invocations"),
    ("ListCapacityProviders", Method::GET, "/2025-11-30/capacity-providers"),
    ("ListCodeSigningConfigs", Method::GET, "/2020-04-22/code-signing-configs"),
    ("ListDurableExecutionsByFunction", Method::GET, "/2025-12-01/functions/{FunctionName}/durable-executions"),
    ("ListEventSourceMappings", Method::GET, "/2015-03-31/event-source-mappings"),
    ("ListFunctionUrlConfigs", Method::GET, "/2021-10-31/functions/{FunctionName}/urls"),
    (
        "ListFunctionVersionsByCapacityProvider",
        Method::GET,
        "/2025-11-30/capacity-providers/{CapacityProviderName}/function-versions",
    ),
    (
        "ListFunctionsByCodeSigningConfig",
        Method::GET,
        "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions",
    ),
    ("ListLayerVersions", Method::GET, "/2018-10-31/layers/{LayerName}/versions"),
    ("ListLayers", Method::GET, "/2018-10-31/layers"),
    ("PublishLayerVersion", Method::POST, "/2018-10-31/layers/{LayerName}/versions"),
    ("PutFunctionCodeSigningConfig", Method::PUT, "/2020-06-30/functions/{FunctionName}/code-signing-config"),
    ("PutFunctionRecursionConfig", Method::PUT, "/2024-08-31/functions/{FunctionName}/recursion-config"),
    ("PutFunctionScalingConfig", Method::PUT, "/2025-11-30/functions/{FunctionName}/function-scaling-config"),
    ("PutProvisionedConcurrencyConfig", Method::PUT, "/2019-09-30/functions/{FunctionName}/provisioned-concurrency"),
    ("PutRuntimeManagementConfig", Method::PUT, "/2021-07-20/functions/{FunctionName}/runtime-management-config"),
    (
        "RemoveLayerVersionPermission",
        Method::DELETE,
        "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}",
    ),
    ("SendDurableExecutionCallbackFailure", Method::POST, "/2025-12-01/durable-execution-callbacks/{CallbackId}/fail"),
    (
        "SendDurableExecutionCallbackHeartbeat",
        Method::POST,
        "/2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat",
    ),
    (
        "SendDurableExecutionCallbackSuccess",
        Method::POST,
        "/2025-12-01/durable-execution-callbacks/{CallbackId}/succeed",
    ),
    ("StopDurableExecution", Method::POST, "/2025-12-01/durable-executions/{DurableExecutionArn}/stop"),
    ("UpdateCapacityProvider", Method::PUT, "/2025-11-30/capacity-providers/{CapacityProviderName}"),
    ("UpdateCodeSigningConfig", Method::PUT, "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}"),
    ("UpdateEventSourceMapping", Method::PUT, "/2015-03-31/event-source-mappings/{UUID}"),
    ("UpdateFunctionUrlConfig", Method::PUT, "/2021-10-31/functions/{FunctionName}/url"),
];
