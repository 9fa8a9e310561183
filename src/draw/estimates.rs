//! Estimates by label and group, each with its interval: what bars and forests place.

use anyhow::Result;

use super::channels::{Channels, Column, place_of};
use super::figure::{AxisScale, Figure};
use super::frame::{Entry, Legend, Swatch};
use super::lettering::Lettering;
use super::rows::{Panel, Row, Texts, described, panel_named, row_of};
use super::template::grouped;
use super::theme::{self, Colour};
use super::values::{Interval, Values};

/// One estimate. Its interval is there only if the value and both ends are.
pub struct Estimate {
    pub value: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub n: String,
    pub text: String,
}

/// What has one label: an estimate of each group, `None` where the table has none.
pub struct Labelled {
    label: String,
    pub estimates: Vec<Option<Estimate>>,
}

impl Row for Labelled {
    fn label(&self) -> &str {
        &self.label
    }
}

pub struct Estimates<'a> {
    pub groups: Vec<String>,
    pub panels: Vec<Panel<Labelled>>,
    pub interval: Option<Interval<'a>>,
    pub value: Column<'a>,
    has_n: bool,
}

impl<'a> Estimates<'a> {
    /// Reads the table; `value` is the channel of the estimates.
    pub fn read(channels: &Channels<'a>, value: &str) -> Result<Self> {
        let (label, value) = (channels.required("label")?, channels.required(value)?);
        let interval = Interval::named(channels, "low", "high")?;
        let (group, panel) = (channels.optional("group")?, channels.optional("panel")?);
        let n = channels.optional("n")?;
        let text = channels.optional("text")?;
        let (mut groups, mut panels) = (Vec::new(), Vec::new());
        for row in 0..channels.len() {
            let label_of = |column: Option<Column<'_>>| match column {
                Some(column) => column.label(row),
                None => Ok(String::new()),
            };
            let rows = panel_named(&mut panels, label_of(panel)?);
            let label = label.label(row)?;
            let same = |known: &Labelled| known.label == label;
            let labelled = row_of(rows, same, || Labelled {
                label: label.clone(),
                estimates: Vec::new(),
            });
            let group = place_of(&mut groups, &label_of(group)?);
            if labelled.estimates.len() <= group {
                labelled.estimates.resize_with(group + 1, || None);
            }
            let place = &mut labelled.estimates[group];
            if place.is_some() {
                return Err(channels.again(row, &name_of(&label, &groups[group])));
            }
            let n = match n {
                Some(column) => column.number(row)?,
                None => None,
            };
            let value = value.number(row)?;
            let ends = match &interval {
                Some(interval) => interval.ends(row)?,
                None => None,
            };
            *place = Some(Estimate {
                value,
                interval: ends.filter(|_| value.is_some()),
                n: n.map_or(String::new(), |n| grouped(&format!("{n:.0}"))),
                text: label_of(text)?,
            });
        }
        let count = groups.len();
        for labelled in panels.iter_mut().flat_map(|panel| &mut panel.rows) {
            labelled.estimates.resize_with(count, || None);
        }
        Ok(Self {
            groups,
            panels,
            interval,
            value,
            has_n: n.is_some(),
        })
    }

    pub fn all(&self) -> impl Iterator<Item = &Estimate> {
        let rows = self.panels.iter().flat_map(|panel| &panel.rows);
        rows.flat_map(|row| row.estimates.iter().flatten())
    }

    /// Number of labels.
    pub fn count(&self) -> usize {
        self.panels.iter().map(|panel| panel.rows.len()).sum()
    }

    /// Every value and every end of an interval.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        self.all().flat_map(|estimate| {
            let ends = estimate.interval.map(|(low, high)| [low, high]);
            estimate.value.into_iter().chain(ends.into_iter().flatten())
        })
    }

    /// The column of the ns, if the figure names one.
    pub fn ns(&self, lettering: Lettering) -> Option<Texts> {
        let texts = self.all().map(|estimate| estimate.n.as_str());
        self.has_n.then(|| Texts::new("n", texts, lettering))
    }

    /// The groups' colours; none where there is but one group without a name.
    pub fn legend(&self) -> Legend {
        let entries = self.groups.iter().enumerate();
        let entries = entries.map(|(index, group)| Entry {
            swatch: Swatch::Patch {
                fill: colour(index),
                edge: theme::colour_repeats(index).then(|| theme::group_colour(index)),
            },
            label: group.clone(),
            cells: Vec::new(),
        });
        match self.groups.as_slice() {
            [only] if only.is_empty() => Legend::default(),
            _ => Legend {
                heads: Vec::new(),
                entries: entries.collect(),
            },
        }
    }

    /// Says what the whiskers are.
    pub fn marks(&self) -> String {
        let whiskers = self.interval.as_ref();
        let whiskers = whiskers.map(|interval| format!("Whiskers: {}.", interval.name()));
        whiskers.unwrap_or_default()
    }

    /// Says in which order groups stand.
    pub fn remarks(&self, marks: &str) -> Vec<String> {
        let order = (self.groups.len() > 1)
            .then(|| format!("The {marks} of a label stand in the order of the key."));
        order.into_iter().collect()
    }

    /// The numbers in words, for those who cannot see them.
    pub fn description(&self, kind: &str, values: &Values<'_>, caption: &str) -> String {
        let mut told = Vec::new();
        for row in self.panels.iter().flat_map(|panel| &panel.rows) {
            for (estimate, group) in row.estimates.iter().zip(&self.groups) {
                let value = estimate.as_ref().and_then(|estimate| estimate.value);
                if let Some(value) = value {
                    told.push(format!(
                        "{} {}",
                        name_of(&row.label, group),
                        values.text(value)
                    ));
                }
            }
        }
        let most = 12;
        let rest = match told.len().saturating_sub(most) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        told.truncate(most);
        format!(
            "{kind} along {caption}.{} {}{rest}.",
            described(&self.panels, "Panels", "labels"),
            told.join("; ")
        )
    }
}

/// Where colours come round again, a thinner one tells the groups apart.
pub fn colour(group: usize) -> Colour {
    match theme::colour_repeats(group) {
        true => theme::tint(theme::group_colour(group), 0.55),
        false => theme::group_colour(group),
    }
}

fn name_of(label: &str, group: &str) -> String {
    match group {
        "" => format!("“{label}”"),
        group => format!("“{label}”, “{group}”"),
    }
}

/// The axis over estimates and intervals, the reference, and zero if `with_zero`; `None` if no
/// estimate has a place.
pub fn range<'a>(
    figure: &'a Figure,
    estimates: &Estimates<'_>,
    with_zero: bool,
) -> Option<Values<'a>> {
    let log = figure.x_scale == AxisScale::Log;
    let mut there = estimates.all().filter_map(|estimate| estimate.value);
    let any = there.any(|value| !log || value > 0.0);
    let reference = figure.reference.as_ref().map(|line| line.x);
    let zero = with_zero.then_some(0.0);
    let values = estimates.numbers().chain(reference).chain(zero);
    Values::new(figure, values).filter(|_| any)
}
