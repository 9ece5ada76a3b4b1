//! Resident memory of a process that has functions deployed and does nothing.

use crate::many_functions;
use crate::report::Figure;
use std::process::{Command, Stdio};

pub fn measure(functions: usize) -> anyhow::Result<Vec<Figure>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--child", "resident", "--calls", &functions.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "the child process for resident memory failed");
    let [before, after]: [f64; 2] = serde_json::from_slice(&output.stdout)?;
    let what = format!(
        "a process of its own; {before:.1} MB before; distinct code of 125 KB each; from compilation, not from a cache on disk"
    );
    Ok(vec![Figure::new("resident memory", format!("{functions} functions deployed"), what, after, "MB")])
}

/// In the child: megabytes before and after.
pub fn child(functions: u32) -> anyhow::Result<[f64; 2]> {
    let before = megabytes()?;
    let _host = many_functions::deploy(fnhost::Host::builder(), functions as usize)?;
    // SAFETY: gives unused heap back to the system: what a compilation used is not what functions hold.
    unsafe { libc::malloc_trim(0) };
    Ok([before, megabytes()?])
}

fn megabytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<f64>().ok());
    kilobytes.map(|kilobytes| kilobytes / 1024.0).ok_or_else(|| anyhow::anyhow!("no VmRSS in /proc/self/status"))
}
