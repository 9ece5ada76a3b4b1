//! What all operations of a host have in common: they are values that are awaited, or waited for.

/// Makes a request awaitable. It has to have `async fn send(self) -> Result<$answer, $error>`.
macro_rules! awaitable {
    ($request:ty => $answer:ty, $error:ty) => {
        impl $request {
            /// Does it, on this thread and without a runtime.
            ///
            /// # Errors
            /// As the future; and when called inside a tokio runtime, whose thread it would block.
            pub fn wait(self) -> Result<$answer, $error> {
                crate::blocking::wait(self.send())
            }
        }

        impl IntoFuture for $request {
            type Output = Result<$answer, $error>;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}

pub(super) use awaitable;
