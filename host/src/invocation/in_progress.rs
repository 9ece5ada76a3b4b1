//! [`Invocation`]: an invocation from its request to its answer.

use super::execution::Execution;
use super::request::Invoke;
use super::response::Response;
use super::{AcceptWork, Checked, Invoker};
use crate::blocking::OnCallersThread;
use crate::error::InvokeError;
use crate::request_id::RequestId;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An invocation in progress: what awaiting an [`Invoke`] polls. It begins when it is first polled. Dropping it cancels the
/// invocation.
///
/// One that was polled and is neither polled again nor dropped may keep its sandbox and its permit, past its deadline too.
#[must_use = "nothing is invoked until this is awaited"]
pub struct Invocation {
    stage: Stage,
    on_callers_thread: OnCallersThread,
}

#[expect(clippy::large_enum_variant, reason = "in a box a call would allocate once more")]
enum Stage {
    Asked(Invoke),
    Accepting { accept: AcceptWork, request_id: RequestId },
    Running(Execution),
    Answered,
}

impl Invocation {
    pub(super) fn new(request: Invoke, on_callers_thread: OnCallersThread) -> Invocation {
        Invocation { stage: Stage::Asked(request), on_callers_thread }
    }

    /// Goes on to the next stage, or answers.
    fn begin(&mut self, request: Invoke) -> Result<Option<Response>, InvokeError> {
        let (invoker, checked) = Invoker::check(request)?;
        self.stage = match checked {
            Checked::DryRun(request_id) => return Ok(Some(Response::without_payload(204, request_id))),
            Checked::Event(event) => {
                let request_id = event.request_id;
                Stage::Accepting { accept: invoker.accept(event), request_id }
            }
            Checked::Run(run) => {
                let mut execution = Execution::start(invoker, run, self.on_callers_thread)?;
                // Most of those that could end on this thread have, and need not be moved to be polled.
                if let Some(answer) = execution.answer() {
                    return answer.map(Some);
                }
                Stage::Running(execution)
            }
        };
        Ok(None)
    }
}

impl Future for Invocation {
    type Output = Result<Response, InvokeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Asked(_) => {
                    let Stage::Asked(request) = std::mem::replace(&mut this.stage, Stage::Answered) else {
                        return Poll::Pending;
                    };
                    if let Some(answer) = this.begin(request).transpose() {
                        return Poll::Ready(answer);
                    }
                }
                Stage::Accepting { accept, request_id } => {
                    let accepted = ready!(accept.as_mut().poll(cx));
                    let answer = accepted.map(|()| Response::without_payload(202, *request_id));
                    this.stage = Stage::Answered;
                    return Poll::Ready(answer);
                }
                Stage::Running(execution) => {
                    let polled = Pin::new(execution).poll(cx);
                    if polled.is_ready() {
                        this.stage = Stage::Answered;
                    }
                    return polled;
                }
                Stage::Answered => return Poll::Pending,
            }
        }
    }
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation").finish_non_exhaustive()
    }
}
