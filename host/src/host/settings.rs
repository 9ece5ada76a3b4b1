//! The setters that `CreateFunction` and `UpdateFunctionConfiguration` share.

/// Adds a setter for each part of a function's configuration to a request with a field `settings`.
macro_rules! settings_setters {
    ($request:ty) => {
        impl $request {
            /// All settings at once, in place of what was given before.
            pub fn settings(mut self, settings: crate::function::ConfigurationUpdate) -> Self {
                self.settings = settings;
                self
            }

            /// What the function is for: at most 256 characters. Default: empty.
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.settings.description = Some(description.into());
                self
            }

            /// The name that guests see as `_HANDLER`: at most 128 characters, no blanks. Default: empty. The host calls the
            /// entry point of the code's contract, whatever this says.
            pub fn handler(mut self, handler: impl Into<String>) -> Self {
                self.settings.handler = Some(handler.into());
                self
            }

            /// The memory limit in MiB: see [`Self::memory_bytes`].
            pub fn memory_mb(self, mebibytes: u32) -> Self {
                self.memory_bytes(u64::from(mebibytes) * 1024 * 1024)
            }

            /// The limit on the sum of all memories and tables of a sandbox, in bytes: 64 KiB to 10 GiB. Default: 128 MiB.
            pub fn memory_bytes(mut self, bytes: u64) -> Self {
                self.settings.memory_bytes = Some(bytes);
                self
            }

            /// The timeout in seconds: see [`Self::timeout`].
            pub fn timeout_secs(self, seconds: u64) -> Self {
                self.timeout(std::time::Duration::from_secs(seconds))
            }

            /// Time from admission to the answer, for everything: 1 ms to 900 s. Default: 3 s.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.settings.timeout = Some(timeout);
                self
            }

            /// A budget of fuel, which bounds work and not time: the same run uses the same fuel on every machine. Counting
            /// it costs CPU-bound code 2 to 45 % (measured). Default: none.
            pub fn fuel(mut self, fuel: impl Into<Option<u64>>) -> Self {
                self.settings.fuel = Some(fuel.into());
                self
            }

            /// Adds an environment variable. All of them, as compact JSON, may have 4,096 bytes; Lambda's own names are
            /// reserved. For an update: the variables given here replace all that there were.
            pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.settings.environment.get_or_insert_default().insert(name.into(), value.into());
                self
            }

            /// The environment variables, in place of all that were given before.
            pub fn environment<K: Into<String>, V: Into<String>>(
                mut self,
                variables: impl IntoIterator<Item = (K, V)>,
            ) -> Self {
                let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
                self.settings.environment = Some(variables.collect());
                self
            }

            /// The role that AWS would run the function as: an ARN. Kept and shown; it has no effect here.
            pub fn role(mut self, arn: impl Into<String>) -> Self {
                self.settings.role = Some(arn.into());
                self
            }

            /// The runtime that AWS would run the function in, such as `provided.al2023`. Kept and shown; it has no effect
            /// here.
            pub fn runtime(mut self, runtime: impl Into<String>) -> Self {
                self.settings.runtime = Some(runtime.into());
                self
            }

            /// The processor that AWS would run the function on. Kept and shown; it has no effect here.
            pub fn architecture(mut self, architecture: crate::function::Architecture) -> Self {
                self.settings.architecture = Some(architecture);
                self
            }

            /// Grants a host function: without this the function can't call it. For an update: the grants given here replace
            /// all that there were.
            pub fn grant(mut self, host_function: impl Into<String>) -> Self {
                self.settings.host_functions.get_or_insert_default().insert(host_function.into());
                self
            }

            /// The granted host functions, in place of all that were given before.
            pub fn grants<N: Into<String>>(mut self, host_functions: impl IntoIterator<Item = N>) -> Self {
                self.settings.host_functions = Some(host_functions.into_iter().map(Into::into).collect());
                self
            }
        }
    };
}

pub(super) use settings_setters;
