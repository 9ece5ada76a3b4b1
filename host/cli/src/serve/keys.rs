//! The file with the access keys.

use crate::exit::Failure;
use fnhost_lambda_api::{AccessKey, ActionPattern};
use serde::Deserialize;
use std::path::Path;

/// A key as it stands in the file. A member that is not known is refused: it may be a right that was misspelt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    user: Option<String>,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    #[serde(default)]
    actions: Vec<String>,
}

/// Reads the keys. A file without one is refused: it would open the server to everybody.
pub(super) fn read(path: &Path) -> Result<Vec<AccessKey>, Failure> {
    let failed = |source: Box<dyn std::error::Error>| Failure::Start { what: "the keys can't be read", source };
    let text = std::fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display()).into()))?;
    let keys: Vec<Key> =
        serde_json::from_slice(&text).map_err(|error| failed(format!("{}: {error}", path.display()).into()))?;
    if keys.is_empty() {
        return Err(failed(format!("{}: there is no key in it", path.display()).into()));
    }
    keys.into_iter().map(|key| key.parse().map_err(|error| failed(Box::new(error)))).collect()
}

impl Key {
    fn parse(self) -> Result<AccessKey, fnhost_lambda_api::InvalidAccessKey> {
        let mut key = AccessKey::new(self.access_key_id, self.secret_access_key)?;
        if let Some(user) = self.user {
            key = key.user(user)?;
        }
        if let Some(token) = self.session_token {
            key = key.session_token(token);
        }
        for action in self.actions {
            key = key.allow(action.parse::<ActionPattern>()?);
        }
        Ok(key)
    }
}
