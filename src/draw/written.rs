//! A figure's TOML, read and checked: what is wrong is told with file, line and remedy.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use toml::Spanned;

use super::channels::Channel;
use super::figure::{AxisScale, Chart, Figure, Headings, Parts, Units};
use super::template::Template;

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
    notes: Option<Spanned<String>>,
    encode: Option<Spanned<BTreeMap<String, Spanned<String>>>>,
    #[serde(default)]
    units: Units,
    parts: Option<Spanned<Parts>>,
}

impl Figure {
    /// Reads a figure. `name` is its name or its file (`timeline`, `figures/timeline.toml`); an
    /// error names the file, the line and what to do.
    pub fn parse(name: &str, toml_text: &str) -> Result<Self> {
        let source = Source::new(name, toml_text);
        let written: Written =
            toml::from_str(toml_text).map_err(|error| source.refused_by_toml(&error))?;

        let title = source.present(written.title, "title = \"What the figure shows\"")?;
        let query = source.present(written.query, "query = \"name of a file in queries/\"")?;
        let chart = written
            .chart
            .ok_or_else(|| source.lacking("chart = \"timeline\" (or \"ecdf\", or \"stacked\")"))?;
        let template = |text: &Spanned<String>| {
            Template::parse(text.get_ref()).map_err(|why| source.at(text.span(), &why.to_string()))
        };
        let optional = |text: &Option<Spanned<String>>| text.as_ref().map(&template).transpose();
        let headings = Headings {
            title: template(&title)?,
            subtitle: optional(&written.subtitle)?,
            notes: optional(&written.notes)?,
        };
        if query.get_ref().contains(['/', '\\', '.']) {
            bail!(source.at(
                query.span(),
                "`query` is a name, not a path; write it without folder and without .sql",
            ));
        }
        let x_scale = match written.x_scale {
            Some(scale) if chart != Chart::Ecdf => bail!(source.at(
                scale.span(),
                "`x_scale` is for chart = \"ecdf\" only; remove the line",
            )),
            scale => scale.map(Spanned::into_inner).unwrap_or_default(),
        };
        let parts = match written.parts {
            Some(parts) if chart != Chart::Stacked => bail!(source.at(
                parts.span(),
                "`[parts]` is for chart = \"stacked\" only; remove it",
            )),
            parts => parts.map(Spanned::into_inner).unwrap_or_default(),
        };
        Ok(Self {
            name: source.name.to_owned(),
            title: title.into_inner(),
            query: query.into_inner(),
            chart,
            headings,
            x_label: written.x_label,
            y_label: written.y_label,
            x_scale,
            units: written.units,
            parts,
            encode: source.encode(chart, written.encode)?,
            file: source.file,
        })
    }
}

/// A figure's file while it is read: turns a place in it into words.
struct Source<'a> {
    name: &'a str,
    file: String,
    text: &'a str,
}

impl<'a> Source<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        let stem = name.strip_suffix(".toml").unwrap_or(name);
        Self {
            name: stem.rsplit(['/', '\\']).next().unwrap_or(stem),
            file: format!("{stem}.toml"),
            text,
        }
    }

    fn at(&self, span: Range<usize>, what: &str) -> anyhow::Error {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        anyhow!("{} line {line}: {what}", self.file)
    }

    /// A line the file should have. It is missing everywhere, so line 1 is where to add it.
    fn lacking(&self, line: &str) -> anyhow::Error {
        let field = line.split([' ', '\n']).next().unwrap_or(line);
        self.at(0..0, &format!("`{field}` is missing; add: {line}"))
    }

    fn present<T>(&self, value: Option<T>, line: &str) -> Result<T> {
        value.ok_or_else(|| self.lacking(line))
    }

    fn refused_by_toml(&self, error: &toml::de::Error) -> anyhow::Error {
        let message = error.message().replace('\n', ", ");
        let remedy = if message.starts_with("unknown field") {
            "; rename it or remove it"
        } else if message.starts_with("unknown variant") {
            "; choose one of these"
        } else if message.starts_with("invalid type") {
            "; write a value of the expected kind (text goes in quotes)"
        } else if message.starts_with("duplicate key") {
            "; remove one of the two"
        } else {
            "; correct that line (the rules of TOML: https://toml.io)"
        };
        self.at(
            error.span().unwrap_or_default(),
            &format!("{message}{remedy}"),
        )
    }

    /// `[encode]` held against what the chart takes.
    fn encode(
        &self,
        chart: Chart,
        written: Option<Spanned<BTreeMap<String, Spanned<String>>>>,
    ) -> Result<BTreeMap<String, String>> {
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
            bail!(self.at(
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
                bail!(self.at(
                    span.unwrap_or_default(),
                    &format!("[encode] lacks `{name}` ({meaning}); add: {name} = \"a column of the query\""),
                ));
            }
        }
        Ok(columns
            .into_iter()
            .map(|(channel, column)| (channel, column.into_inner()))
            .collect())
    }
}
