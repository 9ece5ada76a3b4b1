//! Verbs on functions.

use super::show::Shape;
use super::{Client, Common, Function, Request, Work};
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

    /// Time for everything, in seconds, 1 to 900
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u32>,

    /// An environment variable; can be repeated. For an update: those given replace all that there were
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

    /// Answers at once, while the code is compiled
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    common: Common,
}

impl Work for CreateFunction {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

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

    #[command(flatten)]
    common: Common,
}

impl Work for GetFunction {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.path(""))).await
    }
}

/// Lists all functions
#[derive(Args)]
pub(crate) struct ListFunctions {
    /// With all versions
    #[arg(long)]
    all_versions: bool,

    #[command(flatten)]
    common: Common,
}

impl Work for ListFunctions {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        const COLUMNS: &[(&str, &str)] = &[
            ("NAME", "FunctionName"),
            ("VERSION", "Version"),
            ("MEMORY MB", "MemorySize"),
            ("TIMEOUT S", "Timeout"),
            ("CODE BYTES", "CodeSize"),
            ("LAST MODIFIED", "LastModified"),
            ("DESCRIPTION", "Description"),
        ];
        Shape::Table { member: "Functions", columns: COLUMNS }
    }

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

    /// Answers at once, while the code is compiled
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    common: Common,
}

impl Work for UpdateFunctionCode {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

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

    /// Updates only if this is the function's revision
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,

    #[command(flatten)]
    common: Common,
}

impl Work for UpdateFunctionConfiguration {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let members = self.settings.members().into_iter().chain([("RevisionId", self.revision_id.clone().into())]);
        client.ask(Request::new("PUT", self.function.path("/configuration")).json(members)).await?;
        self.function.settled(client).await
    }
}

/// Deletes a function with its versions and aliases, or one version
#[derive(Args)]
pub(crate) struct DeleteFunction {
    #[command(flatten)]
    function: Function,

    #[command(flatten)]
    common: Common,
}

impl Work for DeleteFunction {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.path(""))).await
    }
}
