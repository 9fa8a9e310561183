//! The functions by name: what each asks for, and which mathematics answers.

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use super::aggregate::aggregate;
use super::arguments::Argument::{Group, Groups, Number, Numbers, Second, Seed};
use super::scalar::scalar;
use crate::analyze::statistics::{
    anova, bootstrap, correlation, distribution, groups, kendall, mann_whitney, power, regression,
    spread, two_samples,
};

/// The functions of a row.
pub fn scalars() -> Vec<ScalarUDF> {
    vec![
        scalar("normal_sf", |[z]| distribution::normal_sf(z)),
        scalar("student_t_sf", |[t, df]| distribution::student_t_sf(t, df)),
        scalar("f_sf", |[f, df1, df2]| distribution::f_sf(f, df1, df2)),
        scalar("chi2_sf", |[x, df]| distribution::chi2_sf(x, df)),
        scalar("normal_quantile", |[p]| distribution::normal_quantile(p)),
        scalar("student_t_quantile", |[p, df]| {
            distribution::student_t_quantile(p, df)
        }),
        scalar("correlation_p", |[r, n]| correlation::correlation_p(r, n)),
        scalar("fisher_z_low", |[r, n]| correlation::fisher_z(r, n).low),
        scalar("fisher_z_high", |[r, n]| correlation::fisher_z(r, n).high),
        scalar("minimum_detectable_effect", |[sd, n0, n1]| {
            power::minimum_detectable_effect(sd, n0, n1)
        }),
    ]
}

/// The functions of a group of rows.
pub fn aggregates() -> Vec<AggregateUDF> {
    vec![
        aggregate("spearman", &[Number, Number], |rows| {
            correlation::spearman(rows.numbers(0), rows.numbers(1))
        }),
        aggregate("kendall", &[Number, Number], |rows| {
            kendall::kendall(rows.numbers(0), rows.numbers(1)).tau
        }),
        aggregate("kendall_p", &[Number, Number], |rows| {
            kendall::kendall(rows.numbers(0), rows.numbers(1)).p
        }),
        aggregate("mad", &[Number], |rows| {
            spread::median_absolute_deviation(rows.numbers(0))
        }),
        aggregate("mean_low", &[Number], |rows| {
            spread::mean_interval(rows.numbers(0)).low
        }),
        aggregate("mean_high", &[Number], |rows| {
            spread::mean_interval(rows.numbers(0)).high
        }),
        aggregate("bca_low", &[Number, Seed], |rows| {
            bootstrap::of_mean(rows.numbers(0), rows.seed(1)).low
        }),
        aggregate("bca_high", &[Number, Seed], |rows| {
            bootstrap::of_mean(rows.numbers(0), rows.seed(1)).high
        }),
        aggregate("bca_difference", &[Number, Second, Seed], |rows| {
            let [first, second] = &rows.samples();
            bootstrap::of_mean_difference([first, second], rows.seed(2))
        }),
        aggregate("bca_median_difference", &[Number, Second, Seed], |rows| {
            let [first, second] = &rows.samples();
            bootstrap::of_median_difference([first, second], rows.seed(2))
        }),
        aggregate("hedges_g", &[Number, Second], |rows| {
            let [first, second] = rows.samples();
            two_samples::hedges_g(&first, &second)
        }),
        aggregate("welch", &[Number, Second], |rows| {
            let [first, second] = rows.samples();
            two_samples::welch(&first, &second)
        }),
        aggregate("mann_whitney", &[Number, Second], |rows| {
            let [first, second] = rows.samples();
            mann_whitney::mann_whitney(&first, &second)
        }),
        aggregate("icc", &[Number, Group], |rows| groups::icc(&rows.groups())),
        aggregate("levene", &[Number, Group], |rows| {
            groups::levene(&rows.groups())
        }),
        aggregate("brown_forsythe", &[Number, Group], |rows| {
            groups::brown_forsythe(&rows.groups())
        }),
        aggregate("kruskal_wallis", &[Number, Group], |rows| {
            groups::kruskal_wallis(&rows.groups())
        }),
        aggregate("ols", &[Number, Numbers], |rows| {
            regression::ordinary_least_squares(rows.numbers(0), &rows.named_numbers())
        }),
        aggregate("log_log_fit", &[Number, Number], |rows| {
            regression::power_law(rows.numbers(0), rows.numbers(1))
        }),
        aggregate("anova", &[Number, Groups], |rows| {
            anova::type_two(rows.numbers(0), &rows.named_groups())
        }),
    ]
}
