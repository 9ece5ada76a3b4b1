//! The project's targets, and what this run says of them.

use crate::report::{Report, Verdict};

pub fn verdicts(report: &Report) -> Vec<Verdict> {
    let latency = |case: &str| report.find("latency", case);
    let to_floor = |case: &str| latency(case).and_then(|figure| figure.to_floor);
    let to_native = |case: &str| latency(case).and_then(|figure| figure.to_native);
    let us = |case: &str| latency(case).map(|figure| figure.value);
    let quotient = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let value = |section: &str, case: &str| report.find(section, case).map(|figure| figure.value);
    let floor_line = quotient(
        us("fnhost core wait() 100B 100 lines").zip(us("fnhost core wait() 100B")).map(|(many, none)| many - none),
        Some(100.0),
    );
    let scaling = |case: &str| {
        quotient(value("throughput", &format!("{case}, 2 callers")), value("throughput", &format!("{case}, 1 callers")))
    };
    let least_of_many_tasks = [2, 8, 64]
        .map(|tasks| value("throughput", &format!("fnhost core .await, {tasks} callers")))
        .into_iter()
        .collect::<Option<Vec<f64>>>()
        .and_then(|rates| rates.into_iter().reduce(f64::min));
    let price_of_many = |case: &str| {
        quotient(value("many functions", &format!("{case}, 1000")), value("many functions", &format!("{case}, 1")))
    };
    let neighbours = |what: &str| {
        let worst = ["two workers", "one worker", "current thread"]
            .map(|runtime| value("neighbours", &format!("{runtime}, 2 endless: {what}")));
        worst.into_iter().collect::<Option<Vec<f64>>>().map(|values| values.into_iter().fold(0.0, f64::max))
    };
    let late = |tail: &str| {
        let of = |figure: &&crate::report::Figure| {
            figure.section == "deadline lateness" && figure.case.ends_with("p99") != tail.is_empty()
        };
        report.figures.iter().filter(of).map(|figure| figure.value).reduce(f64::max)
    };
    let all = [
        ("blocking, core, 100 B, to the floor", 1.15, to_floor("fnhost core wait() 100B")),
        ("async, core, 100 B, to the floor", 1.25, to_floor("fnhost core .await 100B")),
        (
            "blocking, core, 100 B, to Extism warm (1/1.5)",
            1.0 / 1.5,
            quotient(us("fnhost core wait() 100B"), us("Extism warm 100B")),
        ),
        (
            "blocking, core, 100 B, to Extism fresh (1/15)",
            1.0 / 15.0,
            quotient(us("fnhost core wait() 100B"), us("Extism fresh 100B")),
        ),
        (
            "two callers, Extism warm's rate to ours (1/2)",
            0.5,
            quotient(
                value("throughput", "Extism warm, 2 callers"),
                value("throughput", "fnhost core wait(), 2 callers"),
            ),
        ),
        ("100 KB to the native handler", 1.4, to_native("fnhost core wait() 100KB")),
        ("1 MB to the native handler", 1.5, to_native("fnhost core wait() 1MB")),
        // At most 1 and 0: what goes beyond that by so little is the thread's own, not the calls'.
        ("system calls per call, blocking", 1.02, value("kernel", "fnhost core wait() 100B: system calls")),
        ("page faults per call, blocking", 0.01, value("kernel", "fnhost core wait() 100B: page faults")),
        ("a log line, us", 0.5, floor_line),
        ("component to a raw component", 1.2, to_floor("fnhost component wait() 100B")),
        (
            "component to our core module",
            1.6,
            quotient(us("fnhost component wait() 100B"), us("fnhost core wait() 100B")),
        ),
        (
            "native scaling over ours, 2 threads (1/0.7)",
            1.0 / 0.7,
            quotient(scaling("native handler"), scaling("fnhost core wait()")),
        ),
        (
            "one caller's rate to two callers'",
            1.0,
            quotient(
                value("throughput", "fnhost core wait(), 1 callers"),
                value("throughput", "fnhost core wait(), 2 callers"),
            ),
        ),
        (
            "one task's rate to the least of 2, 8 and 64 tasks'",
            1.0,
            quotient(value("throughput", "fnhost core .await, 1 callers"), least_of_many_tasks),
        ),
        (
            "100 functions in turn, to one",
            2.0,
            quotient(
                value("many functions", "fnhost core wait(), 100"),
                value("many functions", "fnhost core wait(), 1"),
            ),
        ),
        (
            "1,000 functions in turn, price beside raw's",
            1.0,
            quotient(price_of_many("fnhost core wait()"), price_of_many("raw core fresh")),
        ),
        (
            "cold start, 125 KB, to raw",
            2.0,
            report.find("cold start", "fnhost first call, 125 KB").and_then(|figure| figure.to_floor),
        ),
        ("cold start, 10 MB, ms", 2.0, value("cold start", "fnhost first call, 10 MB")),
        ("deadline lateness, worst median, ms", 1.0, late("")),
        ("deadline lateness, worst p99, ms", 5.0, late("p99")),
        ("fast function beside two endless, p99, us", 500.0, neighbours("fast call p99")),
        ("1 ms timer beside two endless, p99 late, ms", 3.0, neighbours("1 ms timer late p99")),
        ("1,000 functions deployed, MB resident", 150.0, value("resident memory", "1000 functions after a restart")),
    ];
    all.into_iter()
        .map(|(target, at_most, measured)| Verdict {
            target: target.to_owned(),
            at_most,
            measured,
            met: measured.map(|measured| measured <= at_most),
        })
        .collect()
}
