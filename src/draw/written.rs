//! A figure's TOML, read and checked: what is wrong is told with file, line and remedy.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;
use toml::Spanned;

use super::channels::Channel;
use super::figure::{AxisScale, Chart, Encoded, Figure, Headings, Parts, Reference, Scale, Units};
use super::template::Template;
use crate::document::Document;

/// The TOML as it is written. What must be there is checked by hand, so that the error can say
/// which line to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: Option<Spanned<String>>,
    subtitle: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    chart: Option<Chart>,
    x_label: Option<String>,
    y_label: Option<String>,
    x_scale: Option<Spanned<AxisScale>>,
    y_scale: Option<Spanned<AxisScale>>,
    notes: Option<Spanned<String>>,
    marks: Option<Spanned<String>>,
    says: Option<Spanned<String>>,
    place: Option<u32>,
    table: Option<Spanned<String>>,
    encode: Option<Spanned<BTreeMap<String, Spanned<String>>>>,
    #[serde(default)]
    units: Units,
    parts: Option<Spanned<Parts>>,
    scale: Option<Spanned<Scale>>,
    reference: Option<Spanned<Reference>>,
}

impl Figure {
    /// Reads a figure. `name` is its name or its file (`timeline`, `figures/timeline.toml`); an
    /// error names the file, the line and what to do.
    pub fn parse(name: &str, toml_text: &str) -> Result<Self> {
        let source = Source::new(name, toml_text);
        let written: Written = source.document.parse()?;

        let title = source.present(written.title, "title = \"What the figure shows\"")?;
        let query = source.present(written.query, "query = \"name of a file in queries/\"")?;
        let chart = written
            .chart
            .ok_or_else(|| source.lacking("chart = \"line\" (figures/README.md has them all)"))?;
        let template = |text: &Spanned<String>| {
            Template::parse(text.get_ref())
                .map_err(|why| source.document.at(text.span(), &why.to_string()))
        };
        let optional = |text: &Option<Spanned<String>>| text.as_ref().map(&template).transpose();
        let headings = Headings {
            title: template(&title)?,
            title_text: title.into_inner(),
            subtitle: optional(&written.subtitle)?,
            notes: optional(&written.notes)?,
            marks: optional(&written.marks)?,
        };
        for (what, named) in [("query", Some(&query)), ("table", written.table.as_ref())] {
            if let Some(named) = named.filter(|named| named.get_ref().contains(['/', '\\', '.'])) {
                let path = format!(
                    "`{what}` is a name, not a path; write it without folder and without .sql"
                );
                bail!(source.document.at(named.span(), &path));
            }
        }
        let scale_of = |scale: Option<Spanned<AxisScale>>, line: &str, allowed: bool| match scale {
            Some(scale) if !allowed => bail!(source.document.at(
                scale.span(),
                &format!("a {} takes no `{line}`; remove the line", chart.name()),
            )),
            scale => Ok(scale.map(Spanned::into_inner).unwrap_or_default()),
        };
        let x_scale = scale_of(written.x_scale, "x_scale", chart.has_x_scale())?;
        let y_scale = scale_of(written.y_scale, "y_scale", chart.has_y_scale())?;
        let parts = match written.parts {
            Some(parts) if chart != Chart::Stacked => bail!(source.document.at(
                parts.span(),
                "`[parts]` is for chart = \"stacked\" only; remove it",
            )),
            parts => parts.map(Spanned::into_inner).unwrap_or_default(),
        };
        let scale = match written.scale {
            Some(scale) if chart != Chart::Heatmap => bail!(source.document.at(
                scale.span(),
                "`[scale]` is for chart = \"heatmap\" only; remove it",
            )),
            Some(scale) => {
                let span = scale.span();
                let scale = scale.into_inner();
                if !scale.ascends() {
                    bail!(source.document.at(
                        span,
                        "`low`, `middle` and `high` of [scale] must ascend; correct them",
                    ));
                }
                scale
            }
            None => Scale::default(),
        };
        let reference = match written.reference {
            Some(line) if !matches!(chart, Chart::Bar | Chart::Box | Chart::Forest) => {
                bail!(source.document.at(
                    line.span(),
                    "`[reference]` is for charts bar, box and forest only; remove it",
                ))
            }
            Some(line) if x_scale == AxisScale::Log && line.get_ref().x <= 0.0 => {
                bail!(source.document.at(
                    line.span(),
                    "a logarithmic axis has no place for this `x`; write one above 0",
                ))
            }
            Some(line) if !line.get_ref().x.is_finite() => bail!(source.document.at(
                line.span(),
                "`x` is no number that has a place; write one such as x = 0",
            )),
            line => line.map(Spanned::into_inner),
        };
        Ok(Self {
            name: source.name.to_owned(),
            asks_at: source.document.line(query.span()),
            query: query.into_inner(),
            chart,
            table: written.table.map(Spanned::into_inner),
            place: written.place,
            says: optional(&written.says)?,
            under_heading: false,
            headings,
            x_label: written.x_label,
            y_label: written.y_label,
            x_scale,
            y_scale,
            units: written.units,
            parts,
            scale,
            reference,
            encode: source.encode(chart, written.encode)?,
            file: source.document.file().to_owned(),
        })
    }
}

/// A figure's file while it is read: turns a place in it into words.
struct Source<'a> {
    name: &'a str,
    document: Document,
}

impl<'a> Source<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        let stem = name.strip_suffix(".toml").unwrap_or(name);
        Self {
            name: stem.rsplit(['/', '\\']).next().unwrap_or(stem),
            document: Document::new(format!("{stem}.toml"), text),
        }
    }

    /// A line the file should have. It is missing everywhere, so line 1 is where to add it.
    fn lacking(&self, line: &str) -> anyhow::Error {
        let field = line.split([' ', '\n']).next().unwrap_or(line);
        self.document
            .at(0..0, &format!("`{field}` is missing; add: {line}"))
    }

    fn present<T>(&self, value: Option<T>, line: &str) -> Result<T> {
        value.ok_or_else(|| self.lacking(line))
    }

    /// `[encode]` held against what the chart takes.
    fn encode(
        &self,
        chart: Chart,
        written: Option<Spanned<BTreeMap<String, Spanned<String>>>>,
    ) -> Result<BTreeMap<String, Encoded>> {
        let channels = chart.channels();
        let names = || channels.iter().map(|channel| channel.name);
        let listed = names().collect::<Vec<_>>().join(", ");
        let span = written.as_ref().map(Spanned::span);
        let columns = written.map(Spanned::into_inner).unwrap_or_default();
        if let Some((unknown, value)) = columns
            .iter()
            .find(|(written, _)| !names().any(|name| name == written.as_str()))
        {
            let kind = chart.name();
            bail!(self.document.at(
                value.span(),
                &format!(
                    "`{unknown}` means nothing in [encode] of a {kind}; it takes {listed}: rename \
                     or remove it"
                ),
            ));
        }
        for channel in channels.iter().filter(|channel| channel.required) {
            let Channel { name, meaning, .. } = channel;
            if !columns.contains_key(*name) {
                bail!(self.document.at(
                    span.unwrap_or_default(),
                    &format!("[encode] lacks `{name}` ({meaning}); add: {name} = \"a column of the query\""),
                ));
            }
        }
        Ok(columns
            .into_iter()
            .map(|(channel, column)| {
                let at = self.document.line(column.span());
                let column = column.into_inner();
                (channel, Encoded { column, at })
            })
            .collect())
    }
}
