//! What a destination hears of an event's end.

use super::event::EndedEvent;
use crate::function::FunctionErrorKind;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::SystemTime;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    version: &'a str,
    timestamp: String,
    request_context: RequestContext<'a>,
    request_payload: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<Cow<'a, RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: String,
    function_arn: String,
    condition: &'a str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'a str>,
}

impl EndedEvent {
    /// The record that Lambda sends to a destination, as JSON. `None` for the one fate that it sends none for.
    pub(crate) fn record(&self) -> Option<Bytes> {
        let condition = self.fate.condition()?;
        let event = &self.event;
        let record = Record {
            version: "1.0",
            timestamp: timestamp(self.ended_at),
            request_context: RequestContext {
                request_id: event.request_id.to_string(),
                function_arn: event.qualified_function_arn(),
                condition,
                approximate_invoke_count: event.invoke_count,
            },
            request_payload: json(&event.payload),
            response_context: self.response.as_ref().map(|response| ResponseContext {
                status_code: 200,
                executed_version: &response.executed_version,
                function_error: response.function_error.map(FunctionErrorKind::as_str),
            }),
            response_payload: self.response.as_ref().map(|response| json(&response.payload)),
        };
        serde_json::to_vec(&record).ok().map(Bytes::from)
    }
}

/// What was checked to be JSON when it came. A queue that was filled elsewhere may hold something else: then, `null`.
fn json(bytes: &[u8]) -> Cow<'_, RawValue> {
    serde_json::from_slice::<&RawValue>(bytes).map_or_else(|_| Cow::Owned(RawValue::NULL.to_owned()), Cow::Borrowed)
}

fn timestamp(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::event::{AttemptResponse, Fate, QueuedEvent};
    use super::*;
    use crate::request_id::RequestId;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn ended(fate: Fate, response: Option<AttemptResponse>) -> (EndedEvent, RequestId) {
        let (request_id, time) = (RequestId::random(), SystemTime::UNIX_EPOCH + Duration::from_millis(1_500));
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        let mut event = QueuedEvent::new(request_id, arn, Bytes::from_static(b"{\"a\": 1.50}"), time);
        event.invoke_count = u32::from(response.is_some());
        (EndedEvent { event, fate, response, ended_at: time }, request_id)
    }

    #[test]
    fn as_lambda_sends_it() {
        let response = |function_error| AttemptResponse {
            executed_version: "$LATEST".to_owned(),
            function_error,
            payload: Bytes::from_static(b"\"done\""),
        };
        let (success, id) = ended(Fate::Success, Some(response(None)));
        let expected = format!(
            r#"{{"version":"1.0","timestamp":"1970-01-01T00:00:01.500Z","requestContext":{{"requestId":"{id}","functionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST","condition":"Success","approximateInvokeCount":1}},"requestPayload":{{"a": 1.50}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST"}},"responsePayload":"done"}}"#
        );
        assert_eq!(success.record().unwrap(), expected);
        let (failure, _) = ended(Fate::RetriesExhausted, Some(response(Some(FunctionErrorKind::Unhandled))));
        let record: Value = serde_json::from_slice(&failure.record().unwrap()).unwrap();
        assert_eq!(record["responseContext"]["functionError"], json!("Unhandled"));
        assert_eq!(record["requestContext"]["condition"], json!("RetriesExhausted"));
    }

    #[test]
    fn without_a_run_without_a_response() {
        let (never, _) = ended(Fate::ZeroReservedConcurrency, None);
        let record: Value = serde_json::from_slice(&never.record().unwrap()).unwrap();
        assert_eq!(record["requestContext"]["approximateInvokeCount"], json!(0));
        assert!(record.get("responseContext").is_none() && record.get("responsePayload").is_none());
        assert_eq!(ended(Fate::FunctionDeleted, None).0.record(), None);
    }
}
