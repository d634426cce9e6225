//! The lines of the report: targets with what was measured, and figures beside them.

/// What was measured over all runs.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    targets: Vec<Target>,
    /// Section → name → values of the runs, in the order first seen.
    figures: Vec<(String, Vec<(String, Vec<f64>)>)>,
    peaks: Vec<f64>,
}

/// One line with a target.
#[derive(Debug)]
struct Target {
    name: String,
    bound: &'static str,
    /// In each run: what was measured, and what it may be.
    runs: Vec<(f64, f64)>,
}

impl Lines {
    /// A line that must not be above `most`.
    pub(crate) fn at_most(&mut self, name: &str, measured: f64, most: f64) {
        self.target(name, "at most", measured, most);
    }

    /// A line that must not be below `least`.
    pub(crate) fn at_least(&mut self, name: &str, measured: f64, least: f64) {
        self.target(name, "at least", measured, least);
    }

    fn target(&mut self, name: &str, bound: &'static str, measured: f64, target: f64) {
        match self.targets.iter_mut().find(|known| known.name == name) {
            Some(known) => known.runs.push((measured, target)),
            None => self.targets.push(Target {
                name: name.to_owned(),
                bound,
                runs: vec![(measured, target)],
            }),
        }
    }

    /// A number beside the targets.
    pub(crate) fn figure(&mut self, section: &str, name: &str, measured: f64) {
        let at = match self.figures.iter().position(|(known, _)| known == section) {
            Some(at) => at,
            None => {
                self.figures.push((section.to_owned(), Vec::new()));
                self.figures.len() - 1
            }
        };
        let figures = &mut self.figures[at].1;
        match figures.iter_mut().find(|(known, _)| known == name) {
            Some((_, runs)) => runs.push(measured),
            None => figures.push((name.to_owned(), vec![measured])),
        }
    }

    /// The peak resident memory of a server process, in MB.
    pub(crate) fn add_peak(&mut self, peak_mb: f64) {
        self.peaks.push(peak_mb);
    }

    /// The greatest peak of all processes is one line: no median.
    pub(crate) fn judge_memory(&mut self) {
        if let Some(peak) = self.peaks.iter().copied().reduce(f64::max) {
            self.at_most("peak resident memory over the whole bench, MB", peak, 1000.0);
        }
    }

    /// Whether every target is met.
    pub(crate) fn all_met(&self) -> bool {
        self.targets.iter().all(Target::is_met)
    }

    /// Two parts of a page: the lines with a target, and the figures beside them.
    pub(crate) fn text(&self) -> String {
        let missed = self.targets.iter().filter(|target| !target.is_met()).count();
        let mut text = format!(
            "## Targets: {} met, {missed} missed\n\n\
             CPU milliseconds unless said; the median of the runs.\n\n\
             | line | target | measured | |\n|---|---:|---:|---|\n",
            self.targets.len() - missed
        );
        for target in &self.targets {
            let (measured, bound) = target.medians();
            let verdict = if target.is_met() { "met" } else { "**MISSED**" };
            let (name, bound, measured) = (&target.name, shown(bound), shown(measured));
            text.push_str(&format!(
                "| {name} | {} {bound} | {measured} | {verdict} |\n",
                target.bound
            ));
        }
        for (section, figures) in &self.figures {
            text.push_str(&format!("\n## {section}\n\n| | measured |\n|---|---:|\n"));
            for (name, runs) in figures {
                text.push_str(&format!("| {name} | {} |\n", shown(median(runs.clone()))));
            }
        }
        text
    }
}

impl Target {
    /// The run whose measurement is in the middle, relative to its own target.
    fn medians(&self) -> (f64, f64) {
        let measured = median(self.runs.iter().map(|(measured, _)| *measured).collect());
        let bound = median(self.runs.iter().map(|(_, bound)| *bound).collect());
        (measured, bound)
    }

    fn is_met(&self) -> bool {
        let (measured, bound) = self.medians();
        match self.bound {
            "at least" => measured >= bound,
            _ => measured <= bound,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}

fn shown(number: f64) -> String {
    if number.abs() >= 100.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_runs_counts() {
        let mut lines = Lines::default();
        for (measured, most) in [(9.0, 5.0), (4.0, 5.0), (4.5, 5.0)] {
            lines.at_most("a", measured, most);
        }
        assert!(lines.all_met());
        lines.at_least("b", 2.9, 3.0);
        assert!(!lines.all_met());
        let text = lines.text();
        assert!(text.contains("1 met, 1 missed"), "{text}");
        assert!(text.contains("| a | at most 5.000 | 4.500 | met |"), "{text}");
        assert!(text.contains("| b | at least 3.000 | 2.900 | **MISSED** |"), "{text}");
    }
}
