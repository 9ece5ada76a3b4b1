//! One picture: latency of 100-byte calls, ours against the floor and the peers.

use crate::figure::Figure;
use crate::report::Report;
use plotters::prelude::*;
use std::path::Path;

const ROW: u32 = 26;
const LABELS: i32 = 290;
const WIDTH: u32 = 1000;
const TOP: i32 = 44;

/// The event of the cases that have a bar.
pub const SHOWN: &str = "100B";

/// Whether a case of the section `latency` has a bar.
pub fn shows(case: &str) -> bool {
    case.ends_with(&format!(" {SHOWN}"))
}

/// Writes bars, on a logarithmic scale.
pub fn write(report: &Report, file: &Path) -> anyhow::Result<()> {
    let mut rows: Vec<&Figure> = report.figures.iter().filter(|f| f.section == "latency" && shows(&f.case)).collect();
    rows.sort_by(|a, b| a.value.total_cmp(&b.value));
    let height = ROW * rows.len() as u32 + 70;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let failed = |error: DrawingAreaErrorKind<_>| anyhow::anyhow!("drawing {}: {error}", file.display());
    area.fill(&WHITE).map_err(failed)?;
    let title = ("sans-serif", 18).into_font();
    area.draw(&Text::new(
        "One call, 100-byte event: median microseconds (log scale), x = ratio to its floor",
        (12, 12),
        title,
    ))
    .map_err(failed)?;
    let most = rows.iter().map(|row| row.value).fold(1.0, f64::max);
    let (low, high) = (0.5_f64.ln(), (most * 1.1).ln());
    let room = f64::from(WIDTH as i32 - LABELS - 140);
    let label = ("sans-serif", 14).into_font();
    for (at, row) in rows.iter().enumerate() {
        let top = TOP + at as i32 * ROW as i32;
        let length = ((row.value.ln() - low) / (high - low) * room).max(2.0) as i32;
        let colour = match &row.case {
            case if case.starts_with("FLOOR") => RGBColor(90, 90, 90),
            case if case.starts_with("fnhost") => RGBColor(31, 119, 180),
            case if case.starts_with("Extism") => RGBColor(214, 90, 40),
            _ => RGBColor(180, 180, 180),
        };
        let corner = (LABELS + length, top + ROW as i32 - 8);
        area.draw(&Rectangle::new([(LABELS, top), corner], colour.filled())).map_err(failed)?;
        area.draw(&Text::new(row.case.trim_end_matches(" 100B").to_owned(), (12, top + 2), label.clone()))
            .map_err(failed)?;
        let ratio = row.to_floor.map(|ratio| format!("   x{ratio:.2}")).unwrap_or_default();
        let number = format!("{:.2}{ratio}", row.value);
        area.draw(&Text::new(number, (LABELS + length + 8, top + 2), label.clone())).map_err(failed)?;
    }
    area.present().map_err(failed)?;
    Ok(())
}
