//! Resident memory of a process that has functions deployed and does nothing.

use crate::report::Figure;
use crate::{guests, many_functions, ours};
use std::process::{Command, Stdio};

pub fn measure(functions: usize) -> anyhow::Result<Vec<Figure>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--child", "resident", "--calls", &functions.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "the child process for resident memory failed");
    let [before, compiled, restarted, called]: [f64; 4] = serde_json::from_slice(&output.stdout)?;
    let figure = |case: &str, what: &str, megabytes| {
        let what =
            format!("{what}; a process of its own, {before:.1} MB before, heap trimmed; distinct code of 125 KB each");
        Figure::new("resident memory", format!("{functions} functions {case}"), what, megabytes, "MB")
    };
    Ok(vec![
        figure("deployed", "in memory, as compiled", compiled),
        figure("after a restart", "idle with a data directory, nothing called", restarted),
        figure("called after a restart", "each once, the 256 used last are mapped; mapped pages count", called),
    ])
}

/// In the child: megabytes before, and with functions deployed in three ways.
pub fn child(functions: u32) -> anyhow::Result<[f64; 4]> {
    let before = megabytes()?;
    let host = many_functions::deploy(fnhost::Host::builder(), functions as usize)?;
    let compiled = trimmed()?;
    drop(host);
    let directory = tempfile::tempdir()?;
    let data_dir = directory.path().join("data");
    drop(many_functions::deploy(fnhost::Host::builder().data_dir(&data_dir), functions as usize)?);
    let idle = trimmed()?;
    let host = fnhost::Host::builder().data_dir(&data_dir).build()?;
    // What the process had before it is not the host's: freed heap that can't be given back.
    let restarted = trimmed()? - idle + before;
    let event = guests::event(100, 0);
    for number in 0..functions {
        drop(ours::wait(&host, &format!("function-{number}:live"), &event));
    }
    Ok([before, compiled, restarted, trimmed()? - idle + before])
}

/// After unused heap went back to the system: what a compilation used is not what functions hold.
fn trimmed() -> anyhow::Result<f64> {
    // SAFETY: it has no preconditions.
    unsafe { libc::malloc_trim(0) };
    megabytes()
}

fn megabytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<f64>().ok());
    kilobytes.map(|kilobytes| kilobytes / 1024.0).ok_or_else(|| anyhow::anyhow!("no VmRSS in /proc/self/status"))
}
