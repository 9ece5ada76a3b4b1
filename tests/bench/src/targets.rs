//! The project's targets, and what this run says of them.

use crate::figure::Figure;
use crate::report::Report;
use serde::Serialize;

/// One target of the project, and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub target: &'static str,
    pub at_most: f64,
    /// `None` if this run has not measured it.
    pub measured: Option<f64>,
    pub met: Option<bool>,
    /// The same number of wasmtime alone, in the same run. Where it is beyond `at_most` nothing built on wasmtime can meet the
    /// target by doing less. `None` where the target is a comparison with it, or it has no such thing.
    pub raw_wasmtime: Option<f64>,
}

const CORE: &str = "fnhost core wait()";
const FLOOR: &str = crate::cases::FLOOR;
const EXTISM: &str = "Extism warm";

/// In the order of the project's table.
pub fn verdicts(report: &Report) -> Vec<Verdict> {
    let run = Run(report);
    let verdict = |target, at_most, measured: Option<f64>, raw_wasmtime| {
        let met = measured.map(|measured| measured <= at_most);
        Verdict { target, at_most, measured, met, raw_wasmtime }
    };
    // A target beside the same of the handler on wasmtime alone.
    let beside = |target, at_most, of: &dyn Fn(&str) -> Option<f64>| verdict(target, at_most, of(CORE), of(FLOOR));
    let alone = |target, at_most, measured| verdict(target, at_most, measured, None);
    let to_floor = |case: &str| run.to_floor("latency", case);
    let (on_a_fiber, component) = ("raw core fresh on a fiber, 2 threads", "fnhost component wait()");
    let raw_component = crate::cases::COMPONENT_FLOOR;
    vec![
        alone("blocking, core, 100 B, to the floor", 1.15, to_floor("fnhost core wait() 100B")),
        verdict(
            "async, core, 100 B, to the floor",
            1.25,
            to_floor("fnhost core .await 100B"),
            to_floor(&format!("{on_a_fiber} 100B")),
        ),
        beside("blocking, core, 100 B, to Extism warm (1/1.5)", 1.0 / 1.5, &|case| run.latency(case, EXTISM)),
        beside("blocking, core, 100 B, to Extism fresh (1/15)", 1.0 / 15.0, &|case| run.latency(case, "Extism fresh")),
        beside("two callers, Extism warm's rate to ours (1/2)", 0.5, &|case| run.rate((EXTISM, 2), (case, 2))),
        beside("100 KB to the native handler", 1.4, &|case| run.to_native(&format!("{case} 100KB"))),
        beside("1 MB to the native handler", 1.5, &|case| run.to_native(&format!("{case} 1MB"))),
        // At most 1 and 0: what goes beyond that by so little is the thread's own, not the calls'.
        beside("system calls per call, blocking", 1.02, &|case| {
            run.value("kernel", &format!("{case} 100B: system calls"))
        }),
        beside("page faults per call, blocking", 0.01, &|case| {
            run.value("kernel", &format!("{case} 100B: page faults"))
        }),
        beside("a log line, us", 0.5, &|case| run.line(case)),
        alone("component to a raw component", 1.2, to_floor("fnhost component wait() 100B")),
        verdict("component to our core module", 1.6, run.latency(component, CORE), run.latency(raw_component, FLOOR)),
        beside("native scaling over ours, 2 threads (1/0.7)", 1.0 / 0.7, &|case| {
            Some(run.scaling("native handler")? / run.scaling(case)?)
        }),
        beside("one caller's rate to two callers'", 1.0, &|case| run.rate((case, 1), (case, 2))),
        verdict(
            "one task's rate to the least of 2, 8 and 64 tasks'",
            1.0,
            run.most_of_many_tasks("fnhost core .await"),
            run.most_of_many_tasks(crate::throughput::FIBERS),
        ),
        verdict(
            "100 functions in turn, to one",
            2.0,
            run.price_of_many(CORE, 100),
            run.price_of_many(crate::many_functions::RAW, 100),
        ),
        alone(
            "1,000 functions in turn, price beside raw's",
            1.0,
            run.price_of_many(CORE, 1000)
                .zip(run.price_of_many(crate::many_functions::RAW, 1000))
                .map(|(ours, raw)| ours / raw),
        ),
        alone("cold start, 125 KB, to raw", 2.0, run.to_floor("cold start", "fnhost first call, 125 KB")),
        verdict(
            "cold start, 10 MB, ms",
            2.0,
            run.value("cold start", "fnhost first call, 10 MB"),
            run.value("cold start", "raw first call, 10 MB"),
        ),
        alone("deadline lateness, worst median, ms", 1.0, run.late(false)),
        alone("deadline lateness, worst p99, ms", 5.0, run.late(true)),
        alone("fast function beside two endless, p99, us", 500.0, run.beside_endless("fast call p99")),
        alone("1 ms timer beside two endless, p99 late, ms", 3.0, run.beside_endless("1 ms timer late p99")),
        alone(
            "1,000 functions deployed, MB resident",
            150.0,
            run.value("resident memory", "1000 functions after a restart"),
        ),
    ]
}

/// What is asked of a run: `None` where it has not measured something.
struct Run<'a>(&'a Report);

impl Run<'_> {
    fn value(&self, section: &str, case: &str) -> Option<f64> {
        self.0.find(section, case).map(|figure| figure.value)
    }

    fn to_floor(&self, section: &str, case: &str) -> Option<f64> {
        self.0.find(section, case)?.to_floor
    }

    fn to_native(&self, case: &str) -> Option<f64> {
        self.0.find("latency", case)?.to_native
    }

    /// One case's time in that of another, with 100 bytes.
    fn latency(&self, case: &str, to: &str) -> Option<f64> {
        self.0.ratio("latency", &format!("{case} 100B"), &format!("{to} 100B"))
    }

    /// Microseconds of each of 100 lines.
    fn line(&self, case: &str) -> Option<f64> {
        let lines = self.0.find("latency", &format!("{case} 100B 100 lines"))?;
        lines.combined(self.0.find("latency", &format!("{case} 100B"))?, |many, none| (many - none) / 100.0)
    }

    /// One rate in another, each of a case and a number of callers.
    fn rate(&self, (case, callers): (&str, usize), (to, to_callers): (&str, usize)) -> Option<f64> {
        self.0.ratio("throughput", &format!("{case}, {callers} callers"), &format!("{to}, {to_callers} callers"))
    }

    /// Two callers' rate in that of one.
    fn scaling(&self, case: &str) -> Option<f64> {
        self.rate((case, 2), (case, 1))
    }

    fn most_of_many_tasks(&self, case: &str) -> Option<f64> {
        most([2, 8, 64].map(|tasks| self.rate((case, 1), (case, tasks))))
    }

    fn price_of_many(&self, case: &str, count: usize) -> Option<f64> {
        self.0.ratio("many functions", &format!("{case}, {count}"), &format!("{case}, 1"))
    }

    /// The worst of all cases' medians, or of their 99th percentiles.
    fn late(&self, is_p99: bool) -> Option<f64> {
        let of = |figure: &&Figure| figure.section == "deadline lateness" && figure.case.ends_with("p99") == is_p99;
        self.0.figures.iter().filter(of).map(|figure| figure.value).reduce(f64::max)
    }

    /// The worst of all runtimes.
    fn beside_endless(&self, what: &str) -> Option<f64> {
        let of = |runtime: &str| self.value("neighbours", &format!("{runtime}, 2 endless: {what}"));
        most(["two workers", "one worker", "current thread"].map(of))
    }
}

/// The largest, if all were measured.
fn most<const N: usize>(values: [Option<f64>; N]) -> Option<f64> {
    values.into_iter().collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}
