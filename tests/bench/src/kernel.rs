//! What a call asks of the kernel: system calls, page faults, context switches. Exact where times are noisy.
//!
//! Each case runs alone in a child process, on its main thread. `strace` counts that thread's system calls for two
//! numbers of calls; the difference is theirs. Without `strace` they are left out, and the report says so.

use crate::figure::Figure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

const CASES: [&str; 6] = [
    "FLOOR raw core fresh 100B",
    "fnhost core wait() 100B",
    "fnhost core .await current 100B",
    "FLOOR raw component fresh 100B",
    "fnhost component wait() 100B",
    "Extism warm 100B",
];

/// What a child process reports of the calls that it made.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    pub page_faults: i64,
    pub voluntary_switches: i64,
    pub involuntary_switches: i64,
}

impl Usage {
    /// Of this thread, since it began.
    pub fn of_thread() -> Usage {
        // SAFETY: an all-zero rusage is one, and getrusage fills it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
            usage
        };
        Usage {
            page_faults: usage.ru_minflt + usage.ru_majflt,
            voluntary_switches: usage.ru_nvcsw,
            involuntary_switches: usage.ru_nivcsw,
        }
    }

    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            page_faults: self.page_faults - earlier.page_faults,
            voluntary_switches: self.voluntary_switches - earlier.voluntary_switches,
            involuntary_switches: self.involuntary_switches - earlier.involuntary_switches,
        }
    }
}

/// Measures each of [`CASES`].
pub fn measure() -> anyhow::Result<Vec<Figure>> {
    const CALLS: u32 = 5_000;
    let mut figures = Vec::new();
    for case in CASES {
        let output = child(case, CALLS)?.stderr(Stdio::inherit()).output()?;
        anyhow::ensure!(output.status.success(), "the child process for '{case}' failed");
        let usage: Usage = serde_json::from_slice(&output.stdout)?;
        let per_call = |count: i64| count as f64 / f64::from(CALLS);
        figures.push(Figure::single(
            "kernel",
            format!("{case}: page faults"),
            "per call, of the calling thread, steady state",
            per_call(usage.page_faults),
            "/call",
        ));
        figures.push(Figure::single(
            "kernel",
            format!("{case}: voluntary switches"),
            "per call: the thread waited",
            per_call(usage.voluntary_switches),
            "/call",
        ));
        match system_calls_per_call(case)? {
            Some((count, which)) => {
                let what = format!("per call, of the calling thread, counted by strace: {which}");
                figures.push(Figure::single("kernel", format!("{case}: system calls"), what, count, "/call"));
            }
            None => eprintln!("strace is not there: system calls are not counted"),
        }
    }
    Ok(figures)
}

fn child(case: &str, calls: u32) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", case, "--calls", &calls.to_string()]);
    Ok(command)
}

fn system_calls_per_call(case: &str) -> anyhow::Result<Option<(f64, String)>> {
    const FEW: u32 = 500;
    const MANY: u32 = 2_500;
    let (Some(few), Some(many)) = (traced(case, FEW)?, traced(case, MANY)?) else { return Ok(None) };
    let more = f64::from(MANY - FEW);
    let per_call: BTreeMap<&String, f64> =
        many.iter().map(|(name, &count)| (name, (count - few.get(name).unwrap_or(&0.0)).max(0.0) / more)).collect();
    // A count that does not grow with the calls is the start-up's.
    let which: Vec<String> = per_call
        .iter()
        .filter(|(_, count)| **count >= 0.005)
        .map(|(name, count)| format!("{count:.2} {name}"))
        .collect();
    Ok(Some((per_call.values().sum(), if which.is_empty() { "none".to_owned() } else { which.join(", ") })))
}

/// System calls of the main thread by name, or `None` where there is no `strace`.
fn traced(case: &str, calls: u32) -> anyhow::Result<Option<BTreeMap<String, f64>>> {
    let file = std::env::temp_dir().join(format!("fnhost-bench-{}.strace", std::process::id()));
    let untraced = child(case, calls)?;
    let mut strace = Command::new("strace");
    strace.args(["-c", "-U", "name,calls", "-o"]).arg(&file).arg(untraced.get_program()).args(untraced.get_args());
    let Ok(status) = strace.stdout(Stdio::null()).stderr(Stdio::null()).status() else { return Ok(None) };
    if !status.success() {
        return Ok(None);
    }
    let table = std::fs::read_to_string(&file)?;
    std::fs::remove_file(&file)?;
    let rows = table.lines().filter_map(|line| {
        let (name, count) = line.trim().rsplit_once(char::is_whitespace)?;
        Some((name.trim().to_owned(), count.parse().ok()?))
    });
    Ok(Some(rows.filter(|(name, _)| name != "total").collect()))
}
