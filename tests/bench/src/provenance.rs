//! Where numbers come from: what was built, of what, and where and when it ran.

use serde::Serialize;

/// What a file of figures needs to be compared with another one.
#[derive(Debug, Serialize)]
pub struct Provenance {
    pub machine: String,
    /// When the run began.
    pub date_utc: String,
    /// Ends with `-dirty` if files differed from it when this was built; `unknown` outside of git.
    pub commit: &'static str,
    pub versions: Versions,
}

/// Versions of what is compared, and of the compiler.
#[derive(Debug, Serialize)]
pub struct Versions {
    pub rustc: &'static str,
    /// Of the floors and of fnhost.
    pub wasmtime: &'static str,
    pub extism: &'static str,
    /// Extism's own.
    pub extism_wasmtime: &'static str,
}

impl Provenance {
    /// Of this process.
    pub fn of_now() -> Provenance {
        Provenance {
            machine: machine(),
            date_utc: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            commit: env!("FNHOST_BENCH_COMMIT"),
            versions: Versions {
                rustc: env!("FNHOST_BENCH_RUSTC"),
                wasmtime: env!("FNHOST_BENCH_WASMTIME"),
                extism: env!("FNHOST_BENCH_EXTISM"),
                extism_wasmtime: env!("FNHOST_BENCH_EXTISM_WASMTIME"),
            },
        }
    }

    pub fn print(&self) {
        let Versions { rustc, wasmtime, extism, extism_wasmtime } = &self.versions;
        println!("{}, {}", self.machine, self.date_utc);
        println!(
            "commit {}; {rustc}; wasmtime {wasmtime}; Extism {extism} with wasmtime {extism_wasmtime}",
            self.commit
        );
    }
}

fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    format!("{processors} x {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
