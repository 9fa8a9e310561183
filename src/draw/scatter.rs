//! `scatter`: points, a mark a group, in small panels that share their axes, with fitted lines.

use anyhow::Result;

use super::channels::{Channel, Channels, label_of, number_of, place_of};
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::panels::{Head, Panels, say};
use super::plane::{Captions, Plane, Span, no_values};
use super::series::{self, Crowd, MARKS, Place, Style};
use super::sheet::Sheet;
use super::template::grouped;
use super::theme;
use super::values::Interval;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("x", "the number along the axis"),
    Channel::required("y", "the number up the axis"),
    Channel::optional("group", "one mark and colour each"),
    Channel::optional("panel", "a chart of its own beside the others"),
    Channel::optional("fit", "the fitted line at that x"),
    Channel::optional("fit_low", "where the band about the fitted line begins"),
    Channel::optional("fit_high", "where the band about the fitted line ends"),
    Channel::optional("r", "the correlation, of a panel or group"),
    Channel::optional("n", "the number of points, of a panel or group"),
    Channel::optional("p", "the p of the correlation, of a panel or group"),
];

/// One place of a fitted line, with its band.
struct Fitted {
    x: f64,
    y: f64,
    band: Option<(f64, f64)>,
}

/// One group in one panel.
#[derive(Default)]
struct Cloud {
    there: bool,
    points: Vec<Place>,
    fit: Vec<Fitted>,
    r: Option<f64>,
    n: Option<f64>,
    p: Option<f64>,
}

impl Cloud {
    /// The values of both axes.
    fn places(&self) -> impl Iterator<Item = Place> {
        let fit = self.fit.iter().flat_map(|fitted| {
            let band = fitted.band.map(|(low, high)| [low, high]);
            let ys = [fitted.y].into_iter().chain(band.into_iter().flatten());
            ys.map(|y| (fitted.x, y))
        });
        self.points.iter().copied().chain(fit)
    }

    /// r, n and p, as far as they are known.
    fn cells(&self) -> [Option<String>; 3] {
        let p = self.p.map(|p| match p < 0.001 {
            true => "< 0.001".to_owned(),
            false => format!("{p:.3}"),
        });
        let n = self.n.map(|n| grouped(&n.to_string()));
        [self.r.map(|r| grouped(&format!("{r:.2}"))), n, p]
    }

    /// The same as a sentence.
    fn stated(&self) -> String {
        let stated = ["r", "n", "p"].into_iter().zip(self.cells());
        let stated = stated.filter_map(|(name, cell)| Some((name, cell?)));
        let stated = stated.map(|(name, cell)| match cell.starts_with('<') {
            true => format!("{name} {cell}"),
            false => format!("{name} = {cell}"),
        });
        stated.collect::<Vec<_>>().join(", ")
    }
}

struct Clouds {
    panels: Vec<String>,
    groups: Vec<String>,
    /// `clouds[panel][group]`
    clouds: Vec<Vec<Cloud>>,
    /// Rows that have neither a point nor a place of a fitted line.
    placeless: usize,
}

impl Clouds {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let (x, y) = (channels.required("x")?, channels.required("y")?);
        let (group, panel) = (channels.optional("group")?, channels.optional("panel")?);
        let fit = channels.optional("fit")?;
        let (low, high) = (
            channels.optional("fit_low")?,
            channels.optional("fit_high")?,
        );
        let (r, n, p) = (
            channels.optional("r")?,
            channels.optional("n")?,
            channels.optional("p")?,
        );
        let mut clouds: Vec<Vec<Cloud>> = Vec::new();
        let (mut panels, mut groups, mut placeless) = (Vec::new(), Vec::new(), 0);
        for row in 0..channels.len() {
            let panel = place_of(&mut panels, &label_of(panel, row)?);
            let group = place_of(&mut groups, &label_of(group, row)?);
            clouds.resize_with(panels.len(), Vec::new);
            if clouds[panel].len() <= group {
                clouds[panel].resize_with(group + 1, Cloud::default);
            }
            let cloud = &mut clouds[panel][group];
            cloud.there = true;
            cloud.r = cloud.r.or(number_of(r, row)?);
            cloud.n = cloud.n.or(number_of(n, row)?);
            cloud.p = cloud.p.or(number_of(p, row)?);
            let (x, y, fit) = (x.number(row)?, y.number(row)?, number_of(fit, row)?);
            let band = number_of(low, row)?.zip(number_of(high, row)?);
            cloud.points.extend(x.zip(y));
            let fitted = x.zip(fit).map(|(x, y)| Fitted { x, y, band });
            placeless += usize::from(x.zip(y).is_none() && fitted.is_none());
            cloud.fit.extend(fitted);
        }
        for panel in &mut clouds {
            panel.resize_with(groups.len(), Cloud::default);
            for cloud in panel {
                cloud.fit.sort_by(|one, other| one.x.total_cmp(&other.x));
            }
        }
        Ok(Self {
            panels,
            groups,
            clouds,
            placeless,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Cloud> {
        self.clouds.iter().flatten()
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.all().flat_map(Cloud::places)
    }

    fn points(&self) -> usize {
        self.all().map(|cloud| cloud.points.len()).sum()
    }

    fn are_grouped(&self) -> bool {
        self.groups != [""]
    }

    /// True if the key says r, n and p of each group: there is one panel, and they differ in it.
    fn keyed(&self) -> bool {
        let stated = self.all().map(Cloud::stated).collect::<Vec<_>>();
        self.are_grouped() && self.clouds.len() == 1 && stated.iter().any(|text| *text != stated[0])
    }

    /// What stands above each panel: r, n and p once, or of each group where they differ.
    fn heads(&self) -> Vec<Head> {
        let keyed = self.keyed();
        let heads = self.panels.iter().zip(&self.clouds).map(|(panel, clouds)| {
            let there = || {
                clouds
                    .iter()
                    .zip(&self.groups)
                    .filter(|(cloud, _)| cloud.there)
            };
            let stated: Vec<String> = there().map(|(cloud, _)| cloud.stated()).collect();
            let same = stated.iter().all(|text| *text == stated[0]);
            let lines = match same {
                _ if keyed => Vec::new(),
                true => stated.into_iter().take(1).collect(),
                false => there()
                    .map(|(cloud, group)| format!("{group}: {}", cloud.stated()))
                    .collect(),
            };
            Head {
                title: panel.clone(),
                lines: lines.into_iter().filter(|line| !line.is_empty()).collect(),
            }
        });
        heads.collect()
    }

    fn legend(&self) -> Legend {
        if !self.are_grouped() {
            return Legend::default();
        }
        let crowded = self.points() > MARKS;
        let columns: Vec<usize> = match self.keyed() {
            true => (0..3)
                .filter(|column| self.all().any(|cloud| cloud.cells()[*column].is_some()))
                .collect(),
            false => Vec::new(),
        };
        let entries = self.groups.iter().enumerate().map(|(group, label)| {
            let cells = self.clouds[0][group].cells();
            Entry {
                swatch: match crowded {
                    true => Swatch::Patch {
                        fill: theme::group_colour(group),
                        edge: None,
                    },
                    false => Swatch::Mark(Style::of(group)),
                },
                label: label.clone(),
                cells: columns
                    .iter()
                    .map(|column| cells[*column].clone().unwrap_or_default())
                    .collect(),
            }
        });
        Legend {
            heads: columns
                .iter()
                .map(|column| ["r", "n", "p"][*column].to_owned())
                .collect(),
            entries: entries.collect(),
        }
    }

    fn description(&self, (x, y): (&str, &str)) -> String {
        let panels = self.panels.iter().zip(self.heads());
        let panels = panels.filter(|(panel, head)| !panel.is_empty() || !head.lines.is_empty());
        let panels: Vec<String> = panels
            .map(|(panel, head)| match head.lines.is_empty() {
                true => panel.clone(),
                false => format!("{panel} ({})", head.lines.join("; "))
                    .trim()
                    .to_owned(),
            })
            .collect();
        let listed = |name: &str, list: &[String]| match list {
            [] => String::new(),
            list => format!(" {name}: {}.", list.join(", ")),
        };
        let groups = if self.are_grouped() {
            self.groups.as_slice()
        } else {
            &[]
        };
        format!(
            "Scatter chart of {} points. Along x: {x}. Along y: {y}.{}{}",
            grouped(&self.points().to_string()),
            listed("Panels", &panels),
            listed("Groups", groups)
        )
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let clouds = Clouds::read(&channels)?;
    let (xs, ys) = (
        || clouds.places().map(|place| place.0),
        || clouds.places().map(|place| place.1),
    );
    let x = Span::of(xs(), figure.x_scale, figure.units.x.as_deref());
    let y = Span::of(ys(), figure.y_scale, figure.units.y.as_deref());
    let (Some(x), Some(y)) = (&x, &y) else {
        let lacking = if x.is_none() { "x" } else { "y" };
        let column = channels.required(lacking)?;
        let why = match xs().next() {
            None => "no points: in every row one of x and y is null".to_owned(),
            Some(_) => no_values(column.name(), true),
        };
        return empty(figure, table, &why);
    };
    let (x, y) = (x.clone().with_air(0.04), y.clone().with_air(0.06));
    let heads = clouds.heads();
    let captions = (
        x.caption(figure.x_label.as_deref()),
        y.caption(figure.y_label.as_deref()),
    );
    // Ticks need as much room in panels of any height; the highest has the most of them.
    let indent = Plane::room_left(&y, 340.0);
    let panels = Panels::new(heads, indent, false, !captions.1.is_empty());
    let mut legend = clouds.legend();
    if clouds.groups.len() == 1 && legend.heads.is_empty() && clouds.panels == clouds.groups {
        legend = Legend::default();
    }
    let chart = Chart {
        legend,
        height: panels.height(),
        description: clouds.description((&captions.0, &captions.1)),
        marks: marks(&channels)?,
        remarks: remarks(&clouds, (&x, &y)),
        draw: Box::new(|sheet, area| {
            let mut planes = Vec::new();
            for index in 0..clouds.panels.len() {
                let data = panels.data(area, index);
                let plane = Plane::new(data, &x, &y);
                panels.draw_head(sheet, data, index)?;
                let ticks = Captions {
                    x: panels.is_lowest(index).then_some(""),
                    y: "",
                    y_ticks: panels.has_y_ticks(index),
                    left: area.left,
                };
                plane.draw(sheet, &ticks)?;
                planes.push(plane);
            }
            draw_clouds(sheet, &clouds, (&x, &y), &planes)?;
            panels.draw_captions(sheet, area, (&captions.0, &captions.1))
        }),
    };
    frame(figure, table, chart)
}

fn draw_clouds(
    sheet: &Sheet<'_>,
    clouds: &Clouds,
    (x, y): (&Span, &Span),
    planes: &[Plane],
) -> Result<()> {
    let placed = |cloud: &Cloud, plane: &Plane| -> Vec<Place> {
        let held = cloud
            .points
            .iter()
            .filter(|at| x.holds(at.0) && y.holds(at.1));
        held.map(|at| plane.at(*at)).collect()
    };
    let places: Vec<Vec<Vec<Place>>> = clouds
        .clouds
        .iter()
        .zip(planes)
        .map(|(panel, plane)| panel.iter().map(|cloud| placed(cloud, plane)).collect())
        .collect();
    let count: usize = places.iter().flatten().map(Vec::len).sum();
    let crowd = (count > MARKS).then(|| Crowd::new(&places));
    for ((panel, plane), places) in clouds.clouds.iter().zip(planes).zip(&places) {
        if panel.iter().all(|cloud| cloud.places().next().is_none()) {
            say(
                sheet,
                plane.data,
                "no points: in every row one of x and y is null",
            )?;
        }
        for (group, (cloud, places)) in panel.iter().zip(places).enumerate() {
            let style = Style::of(group);
            let edge = |of: fn(&(f64, f64)) -> f64| {
                let bands = cloud
                    .fit
                    .iter()
                    .filter_map(|at| Some((at.x, of(at.band.as_ref()?))));
                let held = bands.filter(|at| x.holds(at.0) && y.holds(at.1));
                let edge: Vec<Place> = held.map(|at| plane.at(at)).collect();
                series::thinned(&edge, 1.0)
            };
            let mut band = edge(|band| band.0);
            band.extend(edge(|band| band.1).into_iter().rev());
            series::veil(sheet, &band, style.colour, 0.16)?;
            if crowd.is_none() {
                series::marks(sheet, places, style, series::radius(count))?;
            }
        }
        if let Some(crowd) = &crowd {
            crowd.draw(sheet, places)?;
        }
        for (group, cloud) in panel.iter().enumerate() {
            let fit = cloud.fit.iter().map(|at| (at.x, at.y));
            let held = fit.filter(|at| x.holds(at.0) && y.holds(at.1));
            let fit: Vec<Place> = held.map(|at| plane.at(at)).collect();
            let style = Style::of(group);
            let colour = if panel.len() == 1 {
                theme::INK
            } else {
                style.colour
            };
            let style = style.coloured(colour);
            series::stroke(sheet, &series::thinned(&fit, 1.0), style, 1.8)?;
        }
    }
    Ok(())
}

fn marks(channels: &Channels<'_>) -> Result<String> {
    let Some(fit) = channels.optional("fit")? else {
        return Ok(String::new());
    };
    let band = Interval::named(channels, "fit_low", "fit_high")?;
    let band = band.map_or(String::new(), |band| format!("; band: {}", band.name()));
    Ok(format!("Line: “{}”{band}.", fit.name()))
}

fn remarks(clouds: &Clouds, (x, y): (&Span, &Span)) -> Vec<String> {
    let mut remarks = Vec::new();
    let off = |at: &&Place| !x.holds(at.0) || !y.holds(at.1);
    let points = clouds.all().flat_map(|cloud| &cloud.points);
    let off = points.filter(off).count();
    if off > 0 {
        let off = grouped(&off.to_string());
        remarks.push(format!(
            "Not drawn: {off} points of 0 or less, which a logarithmic axis cannot place."
        ));
    }
    if clouds.placeless > 0 {
        let rows = grouped(&clouds.placeless.to_string());
        remarks.push(format!("Not drawn: {rows} rows in which x or y is null."));
    }
    if clouds.points() > MARKS {
        remarks.push(Crowd::remark(clouds.points(), clouds.groups.len()));
    }
    remarks
}
