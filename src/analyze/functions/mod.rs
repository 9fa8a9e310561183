//! What SQL can compute here beyond DataFusion's own functions: the statistics.
//!
//! What each function means, and what it equals, is said once: in `queries/README.md`, section
//! Functions. The mathematics is in [`statistics`](super::statistics).

mod aggregate;
mod answer;
mod arguments;
mod catalogue;
mod holm;
mod percentile;
mod scalar;
#[cfg(test)]
mod tests;

use datafusion::execution::context::SessionContext;

/// Makes all functions known to `context`.
pub fn register(context: &SessionContext) {
    for function in catalogue::scalars() {
        context.register_udf(function);
    }
    for function in catalogue::aggregates() {
        context.register_udaf(function);
    }
    context.register_udaf(percentile::percentile());
    context.register_udwf(holm::holm());
}

/// The names of all of them.
#[cfg(test)]
pub fn names() -> Vec<String> {
    let scalars = catalogue::scalars().into_iter();
    let scalars = scalars.map(|function| function.name().to_owned());
    let aggregates = catalogue::aggregates().into_iter();
    let aggregates = aggregates.chain([percentile::percentile()]);
    let aggregates = aggregates.map(|function| function.name().to_owned());
    let holm = holm::holm().name().to_owned();
    scalars.chain(aggregates).chain([holm]).collect()
}
