//! Resident memory of a process that has functions deployed and does nothing.

use crate::figure::Figure;
use crate::{guests, many_functions, ours};
use fnhost::Host;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where a child's functions are kept; without it they are in memory.
const DATA_DIR: &str = "FNHOST_BENCH_DATA_DIR";

pub fn measure(functions: usize) -> anyhow::Result<Vec<Figure>> {
    let directory = tempfile::tempdir()?;
    let data_dir = directory.path().join("data");
    let [before, compiled, _] = in_child(functions, None)?;
    // One process deploys, the next one finds.
    in_child(functions, Some(&data_dir))?;
    let [_, restarted, called] = in_child(functions, Some(&data_dir))?;
    let figure = |case: &str, what: &str, megabytes| {
        let what =
            format!("{what}; a process of its own, {before:.1} MB before, heap trimmed; distinct code of 125 KB each");
        Figure::single("resident memory", format!("{functions} functions {case}"), what, megabytes, "MB")
    };
    Ok(vec![
        figure("deployed", "in memory, as compiled", compiled),
        figure("after a restart", "idle with a data directory, nothing called", restarted),
        figure("called after a restart", "each once, the 256 used last are mapped; mapped pages count", called),
    ])
}

fn in_child(functions: usize, data_dir: Option<&Path>) -> anyhow::Result<[f64; 3]> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", "resident", "--calls", &functions.to_string()]).stderr(Stdio::inherit());
    command.envs(data_dir.map(|path| (DATA_DIR, path)));
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "the child process for resident memory failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// In the child: megabytes before, with functions that are there, and after each was called once.
pub fn child(functions: u32) -> anyhow::Result<[f64; 3]> {
    let before = megabytes()?;
    let data_dir = std::env::var_os(DATA_DIR);
    let builder = || match &data_dir {
        Some(path) => Host::builder().data_dir(path),
        None => Host::builder(),
    };
    let is_there = data_dir.as_ref().is_some_and(|path| Path::new(path).exists());
    let host = if is_there { builder().build()? } else { many_functions::deploy(builder(), functions as usize)?.0 };
    let idle = trimmed()?;
    let event = guests::event(100, 0);
    for number in 0..functions {
        drop(ours::wait(&host, &format!("function-{number}:live"), &event));
    }
    Ok([before, idle, trimmed()?])
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
