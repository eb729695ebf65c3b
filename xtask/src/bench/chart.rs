//! A chart of CPU and wall time: one row of bars for each work and tool.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::figures::Spread;
use super::report::Report;

const WIDTH: u32 = 900;
const ROW: u32 = 26;
const HEAD: u32 = 60;
/// Where the bars begin; the labels stand left of it.
const LEFT: i32 = 260;
/// Where the longest bar ends; its number stands right of it.
const RIGHT: i32 = 800;

const CPU: RGBColor = RGBColor(31, 119, 180);
const WALL: RGBColor = RGBColor(255, 127, 14);

/// One row.
struct Row {
    label: String,
    cpu: f64,
    wall: f64,
}

/// Draws the works that move a large stream; the small ones would not be seen beside them.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<()> {
    let rows = rows(report);
    let most = rows
        .iter()
        .map(|row| row.cpu.max(row.wall))
        .fold(0.0, f64::max);
    let height = HEAD + ROW * rows.len() as u32 + 10;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    draw_rows(&area, &rows, most)
        .and_then(|()| area.present().map_err(|error| anyhow!("{error}")))
        .with_context(|| format!("cannot draw {}", file.display()))
}

fn rows(report: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    for played in &report.played {
        if !matches!(played.work, "backup_data" | "restore_data" | "crowd") {
            continue;
        }
        for runs in &played.tools {
            let median = |figure: fn(&super::figures::Figures) -> f64| {
                Spread::of(runs.runs.iter().map(figure)).map_or(0.0, |spread| spread.median)
            };
            rows.push(Row {
                label: format!("{} {}, {}", played.scheme.name(), played.work, runs.tool),
                cpu: median(|run| run.cpu),
                wall: median(|run| run.wall),
            });
        }
    }
    rows
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_rows(area: &Area<'_>, rows: &[Row], most: f64) -> Result<()> {
    let failed = |error: DrawingAreaErrorKind<std::io::Error>| anyhow!("{error}");
    area.fill(&WHITE).map_err(failed)?;
    let text = ("sans-serif", 14).into_font().color(&BLACK);
    let legend = [
        (CPU, "CPU seconds", LEFT),
        (WALL, "wall seconds", LEFT + 160),
    ];
    for (colour, label, x) in legend {
        area.draw(&Rectangle::new([(x, 20), (x + 14, 34)], colour.filled()))
            .map_err(failed)?;
        area.draw(&Text::new(label, (x + 20, 20), text.clone()))
            .map_err(failed)?;
    }
    for (row, top) in rows.iter().zip((HEAD as i32..).step_by(ROW as usize)) {
        area.draw(&Text::new(row.label.clone(), (10, top + 3), text.clone()))
            .map_err(failed)?;
        for (value, colour, y) in [(row.cpu, CPU, top), (row.wall, WALL, top + 11)] {
            let end = LEFT + (value / most * f64::from(RIGHT - LEFT)) as i32;
            let bar = Rectangle::new([(LEFT, y), (end, y + 9)], colour.filled());
            area.draw(&bar).map_err(failed)?;
            let small = ("sans-serif", 10).into_font().color(&BLACK);
            area.draw(&Text::new(format!("{value:.2}"), (end + 5, y), small))
                .map_err(failed)?;
        }
    }
    Ok(())
}
