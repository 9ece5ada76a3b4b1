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

/// Adds the setters of a listing to a request with a field `page`.
macro_rules! page_setters {
    ($request:ty) => {
        page_setters!($request, "1 to 10,000");
    };
    ($request:ty, $range:literal) => {
        impl $request {
            /// Goes on after a page: its `next_marker`.
            pub fn marker(mut self, marker: impl Into<String>) -> Self {
                self.page.marker = Some(marker.into());
                self
            }

            #[doc = concat!("Items in the page, ", $range, "; as in AWS there are never more than 50. Default: 50.")]
            pub fn max_items(mut self, max_items: usize) -> Self {
                self.page.max_items = Some(max_items);
                self
            }
        }
    };
}

/// Adds the setter of `Qualifier` to a request with a field `qualifier`.
macro_rules! qualifier_setter {
    ($request:ty) => {
        impl $request {
            /// The version or alias. Default: what the name says, or else the function.
            pub fn qualifier(mut self, qualifier: impl Into<String>) -> Self {
                self.qualifier = Some(qualifier.into());
                self
            }
        }
    };
}

pub(super) use {awaitable, page_setters, qualifier_setter};

/// Which page of a listing is asked for.
#[derive(Debug, Default)]
pub(super) struct PageQuery {
    pub(super) marker: Option<String>,
    pub(super) max_items: Option<usize>,
}

impl PageQuery {
    pub(super) fn request(&self) -> crate::registry::PageRequest<'_> {
        crate::registry::PageRequest { marker: self.marker.as_deref(), max_items: self.max_items }
    }
}
