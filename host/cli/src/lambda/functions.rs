//! Verbs on functions.

use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// What this host does not need to know, and AWS's API wants to be told.
const ROLE: &str = "arn:aws:iam::000000000000:role/fnhost";
const RUNTIME: &str = "provided.al2023";
const HANDLER: &str = "bootstrap";

/// What `create-function` and `update-function-configuration` set.
#[derive(Args)]
struct Settings {
    /// What the function is for: at most 256 characters
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Memory limit in MiB, 128 to 10240
    #[arg(short, long, value_name = "MIB", visible_alias = "memory-size")]
    memory_mb: Option<u32>,

    /// Time for everything, 1s to 15m; a number alone is seconds
    #[arg(short, long, value_name = "DURATION", value_parser = seconds)]
    timeout: Option<u64>,

    /// An environment variable; can be repeated. An update replaces all that there were by those given
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = crate::invoke::variable)]
    environment: Vec<(String, String)>,

    /// The name that the function sees as _HANDLER
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,

    /// The runtime that AWS would use; it has no effect here
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,

    /// The role that AWS would use; it has no effect here
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
}

impl Settings {
    fn members(&self) -> [(&'static str, Value); 7] {
        let variables: Map<_, _> =
            self.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let environment = (!variables.is_empty()).then(|| json!({ "Variables": variables }));
        [
            ("Description", self.description.clone().into()),
            ("MemorySize", self.memory_mb.into()),
            ("Timeout", self.timeout.into()),
            ("Environment", environment.into()),
            ("Handler", self.handler.clone().into()),
            ("Runtime", self.runtime.clone().into()),
            ("Role", self.role.clone().into()),
        ]
    }
}

/// Whole seconds: `90`, `90s`, `1m30s`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let duration = crate::invoke::duration(text).ok().filter(|duration| duration.subsec_nanos() == 0);
    duration.map(|duration| duration.as_secs()).ok_or_else(|| "wanted whole seconds, such as 3, 3s, 1m30s".to_owned())
}

/// A file's bytes as the API wants them. A `.wasm` is as good as a zip.
fn code(file: &Path) -> Result<Value, Failure> {
    let bytes = std::fs::read(file).map_err(|source| Failure::Code { file: file.to_owned(), source })?;
    Ok(STANDARD.encode(bytes).into())
}

/// Creates a function from a WebAssembly file, or a zip that holds one
///
/// Answers when the code is compiled. No role, runtime or handler is needed.
#[derive(Args)]
pub(crate) struct CreateFunction {
    #[command(flatten)]
    function: Function,

    /// The code: a WebAssembly file, or a zip that holds one
    file: PathBuf,

    #[command(flatten)]
    settings: Settings,

    /// A tag; can be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = crate::invoke::variable)]
    tags: Vec<(String, String)>,

    /// Publishes version 1 too
    #[arg(long)]
    publish: bool,

    /// Answers at once, while the server compiles the code
    #[arg(long, conflicts_with = "data")]
    no_wait: bool,
}

impl Work for CreateFunction {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost create-function thumbnail thumbnail.wasm
  fnhost create-function thumbnail thumbnail.wasm --memory-mb 256 --timeout 10s --env LEVEL=debug
  fnhost create-function thumbnail thumbnail.wasm --data ./functions";
    const MAKES_DIRECTORY: bool = true;
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let defaults = [("Role", ROLE), ("Runtime", RUNTIME), ("Handler", HANDLER)];
        let members = self.settings.members().map(|(name, value)| {
            let default = defaults.iter().find(|(other, _)| *other == name).filter(|_| value.is_null());
            (name, default.map_or(value, |(_, default)| (*default).into()))
        });
        let tags: Map<_, _> = self.tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let request = Request::new("POST", "/2015-03-31/functions").json(members.into_iter().chain([
            ("FunctionName", self.function.name.as_str().into()),
            ("Code", json!({ "ZipFile": code(&self.file)? })),
            ("Publish", self.publish.into()),
            ("Tags", if tags.is_empty() { Value::Null } else { tags.into() }),
        ]));
        let created = client.ask(request).await?;
        if self.no_wait { Ok(created) } else { self.function.settled(client).await }
    }
}

/// Shows a function, a version or what an alias points at
#[derive(Args)]
pub(crate) struct GetFunction {
    #[command(flatten)]
    function: Function,
}

impl Work for GetFunction {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-function thumbnail
  fnhost get-function thumbnail:live | jq -r .Configuration.CodeSha256";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.path(""))).await
    }
}

/// Shows the configuration of a function, a version or what an alias points at
#[derive(Args)]
pub(crate) struct GetFunctionConfiguration {
    #[command(flatten)]
    function: Function,
}

impl Work for GetFunctionConfiguration {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-function-configuration thumbnail
  fnhost get-function-configuration thumbnail:live | jq -r .State";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.path("/configuration"))).await
    }
}

/// Lists all functions
#[derive(Args)]
pub(crate) struct ListFunctions {
    /// With all versions
    #[arg(long)]
    all_versions: bool,
}

impl Work for ListFunctions {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost list-functions
  fnhost list-functions --all-versions --data ./functions
  fnhost list-functions | jq -r '.Functions[].FunctionName'";
    const SHAPE: Shape = Shape::Table {
        member: "Functions",
        columns: &[
            ("NAME", "FunctionName"),
            ("VERSION", "Version"),
            ("MEMORY MB", "MemorySize"),
            ("TIMEOUT S", "Timeout"),
            ("CODE BYTES", "CodeSize"),
            ("LAST MODIFIED", "LastModified"),
            ("DESCRIPTION", "Description"),
        ],
    };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let all = self.all_versions.then_some("ALL");
        let page = || Request::new("GET", "/2015-03-31/functions").query("FunctionVersion", all);
        client.ask_all(page, "Functions").await
    }
}

/// Replaces a function's code
///
/// Answers when the code is compiled. Until then, and if it can't be, the function runs what it ran before.
#[derive(Args)]
pub(crate) struct UpdateFunctionCode {
    #[command(flatten)]
    function: Function,

    /// The code: a WebAssembly file, or a zip that holds one
    file: PathBuf,

    /// Publishes a version of it too
    #[arg(long)]
    publish: bool,

    /// Checks everything and changes nothing
    #[arg(long)]
    dry_run: bool,

    /// Updates only if this is the function's revision
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,

    /// Answers at once, while the server compiles the code
    #[arg(long, conflicts_with = "data")]
    no_wait: bool,
}

impl Work for UpdateFunctionCode {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost update-function-code thumbnail thumbnail.wasm --publish
  fnhost update-function-code thumbnail thumbnail.wasm --dry-run";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let request = Request::new("PUT", self.function.path("/code")).json([
            ("ZipFile", code(&self.file)?),
            ("Publish", self.publish.into()),
            ("DryRun", self.dry_run.into()),
            ("RevisionId", self.revision_id.clone().into()),
        ]);
        let updated = client.ask(request).await?;
        if self.no_wait || self.dry_run {
            return Ok(updated);
        }
        let settled = self.function.settled(client).await?;
        // With a version, that is the answer.
        Ok(if self.publish { updated } else { settled })
    }
}

/// Changes a function's settings; what is not given stays
#[derive(Args)]
pub(crate) struct UpdateFunctionConfiguration {
    #[command(flatten)]
    function: Function,

    #[command(flatten)]
    settings: Settings,

    /// Takes all environment variables away
    #[arg(long, conflicts_with = "environment")]
    no_env: bool,

    /// Updates only if this is the function's revision
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,
}

impl Work for UpdateFunctionConfiguration {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost update-function-configuration thumbnail --memory-mb 512 --timeout 30s
  fnhost update-function-configuration thumbnail --no-env";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let no_env = self.no_env.then(|| ("Environment", json!({ "Variables": {} })));
        let members = self.settings.members().into_iter().chain(no_env);
        let members = members.chain([("RevisionId", self.revision_id.clone().into())]);
        client.ask(Request::new("PUT", self.function.path("/configuration")).json(members)).await?;
        self.function.settled(client).await
    }
}

/// Deletes a function with its versions and aliases, or one version
#[derive(Args)]
pub(crate) struct DeleteFunction {
    #[command(flatten)]
    function: Function,
}

impl Work for DeleteFunction {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost delete-function thumbnail
  fnhost delete-function thumbnail:2              # version 2 alone";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.path(""))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_whole_seconds() {
        assert_eq!((seconds("9"), seconds("9s"), seconds("1m30s")), (Ok(9), Ok(9), Ok(90)));
        for wrong in ["", "-1", "1.5", "1500ms", "9 parsecs"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
