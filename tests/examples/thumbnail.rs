//! The main job: deploys the function `thumbnail`, publishes it, points the alias `live` at it, invokes `thumbnail:live`
//! with a photograph in the event, and leaves the thumbnail as a file.
#![allow(clippy::print_stdout, reason = "an example shows what it got")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let photograph = repository.join("fixtures/photo/chelsea.png");

    let host = Host::new()?;
    host.create_function("thumbnail", Code::file(fixture_artifacts::THUMBNAIL_CORE)).memory_mb(256).await?;
    let v1 = host.publish_version("thumbnail").await?;
    host.create_alias("thumbnail", "live", v1).await?;

    let event = json!({"image": STANDARD.encode(std::fs::read(&photograph)?), "width": 128});
    let response = host.invoke("thumbnail:live").json(&event)?.tail_logs().await?;

    let version = response.executed_version.map(|version| version.to_string()).unwrap_or_default();
    println!("status            {}", response.status);
    println!("executed version  {version}");
    println!("\n{}", String::from_utf8_lossy(response.log_tail().unwrap_or_default()));
    if let Some(receipt) = &response.receipt {
        println!(
            "duration          {:?} after {:?} of init",
            receipt.duration,
            receipt.init_duration.unwrap_or_default()
        );
        println!("peak memory       {} of {} bytes", receipt.memory_peak_bytes, receipt.memory_limit_bytes);
        println!("payload, response {} and {} bytes", receipt.payload_bytes, receipt.response_bytes);
    }
    if response.function_error.is_some() {
        return Err(String::from_utf8_lossy(&response.payload).into());
    }
    let thumbnail: Value = response.json()?;
    let file = thumbnail_path(&repository)?;
    std::fs::write(&file, STANDARD.decode(thumbnail["image"].as_str().unwrap_or_default())?)?;
    println!("\n{} of {} is in {}", thumbnail["width"], photograph.display(), file.display());
    Ok(())
}

/// Beside the build's other results, or where the first argument says.
fn thumbnail_path(repository: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(path) = std::env::args_os().nth(1) {
        return Ok(PathBuf::from(path));
    }
    let target = repository.join("target");
    std::fs::create_dir_all(&target)?;
    Ok(target.join("thumbnail.png"))
}
