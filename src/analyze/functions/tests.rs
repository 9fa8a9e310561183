//! Every function once through a real query; that its mathematics is right is tested beside it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{cast, concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::datasource::MemTable;
use datafusion::execution::context::{SessionConfig, SessionContext};

use super::{catalogue, register};
use crate::analyze::statistics::close;

/// Two samples, three groups, a second number, two more factors; and rows that do not count.
const ROWS: &str = "
    select * from (values
        (3.1, false, 'p', 1.0, 'u', 'm'), (2.7, false, 'p', 2.0, 'v', 'n'),
        (5.4, false, 'p', 2.0, 'w', 'm'), (4.4, false, 'p', 3.5, 'u', 'n'),
        (3.9, false, 'p', 5.0, 'v', 'm'), (6.2, true, 'q', 6.0, 'w', 'n'),
        (5.8, true, 'q', 7.0, 'u', 'm'), (7.1, true, 'q', 8.5, 'v', 'n'),
        (4.9, true, 'q', 4.0, 'w', 'm'), (8.8, true, 'q', 9.0, 'u', 'n'),
        (6.6, true, 'q', 3.0, 'v', 'm'), (7.3, true, 'q', 7.5, 'w', 'n'),
        (null, true, 'q', 0.0, 'u', 'm'), (100.0, null, null, null, null, 'm'),
        ('nan', false, 'p', 1.0, 'u', 'n')
    ) as rows(x, second, name, y, letter, other)";

/// A session that cuts everything small.
fn context() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(4)
        .with_batch_size(2);
    let context = SessionContext::new_with_config(config);
    register(&context);
    context
}

async fn ask(context: &SessionContext, sql: &str) -> Result<RecordBatch, String> {
    let answer = context.sql(sql).await.map_err(|error| error.to_string())?;
    let schema = Arc::new(answer.schema().as_arrow().clone());
    let batches = answer.collect().await.map_err(|error| error.to_string())?;
    Ok(concat_batches(&schema, &batches).unwrap())
}

/// A context with the table `rows`: those that count and those that do not, shuffled by `seed`, in
/// `partitions` parts.
async fn with_rows(seed: u64, partitions: usize) -> SessionContext {
    let context = context();
    let rows = ask(&context, ROWS).await.unwrap();
    let mut order: Vec<u64> = (0..rows.num_rows() as u64).collect();
    order.sort_by_key(|row| (row + 1) * seed % 17);
    let rows = take_record_batch(&rows, &UInt64Array::from(order)).unwrap();
    let size = rows.num_rows().div_ceil(partitions);
    let part = |index: usize| {
        let start = index * size;
        vec![rows.slice(start, size.min(rows.num_rows() - start))]
    };
    let table = MemTable::try_new(rows.schema(), (0..partitions).map(part).collect()).unwrap();
    context.register_table("rows", Arc::new(table)).unwrap();
    context
}

/// The only row of the answer, as numbers.
async fn row(context: &SessionContext, sql: &str) -> Vec<Option<f64>> {
    let answer = ask(context, sql).await.unwrap();
    assert_eq!(answer.num_rows(), 1, "{sql}");
    let number = |column: &ArrayRef| {
        let column = cast(column, &DataType::Float64).unwrap();
        let numbers = column.as_primitive::<Float64Type>();
        numbers.is_valid(0).then(|| numbers.value(0))
    };
    answer.columns().iter().map(number).collect()
}

async fn check(select: &str, expected: &[f64]) {
    let context = with_rows(5, 3).await;
    let found = row(&context, &format!("select {select} from rows")).await;
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        close(found.unwrap_or(f64::NAN), *expected);
    }
}

#[tokio::test]
async fn scalars_answer_rows() {
    let context = context();
    let sql = "select normal_sf(21), student_t_sf(7, 1000000), f_sf(3.2, 4, 10), chi2_sf(475, 3),
        normal_quantile(0.975), student_t_quantile(0.975, 4), correlation_p(0.5, 10),
        fisher_z_low(0.9460792767561254, 8), fisher_z_high(0.9460792767561254, 8),
        minimum_detectable_effect(2, 5, 5)";
    let expected = [
        3.279_278_018_979_036e-98,
        1.280_612_055_687_039_5e-12,
        0.061_788_925_529_649_1,
        1.248_127_202_426_463_6e-102,
        1.959_963_984_540_054,
        2.776_445_105_197_793_4,
        0.141_113_281_25,
        0.724_240_311_156_819_2,
        0.990_445_506_535_245_7,
        4.048_878_678_769_086,
    ];
    for (found, expected) in row(&context, sql).await.into_iter().zip(expected) {
        close(found.unwrap(), expected);
    }
}

#[tokio::test]
async fn scalars_of_null_or_without_an_answer_are_null() {
    let context = context();
    let sql = "select normal_sf(null), normal_sf('infinity'::double), student_t_sf(1, 0),
        normal_quantile(0), correlation_p(1, 2), fisher_z_low(0.5, 3), f_sf('nan'::double, 1, 2),
        minimum_detectable_effect(1, 1, 1)";
    assert!(row(&context, sql).await.iter().all(Option::is_none));
}

/// `scipy.stats.spearmanr(x, y)`, `kendalltau(x, y)`, `median_abs_deviation(x)`, `t.interval(...)`,
/// scipy 1.17.1; the bootstrap as its own tests say.
#[tokio::test]
async fn aggregates_answer_numbers() {
    check(
        "spearman(x, y), kendall(x, y), kendall_p(x, y)",
        &[
            0.774_081_747_513_872_6,
            0.595_437_196_138_647_9,
            0.007_348_168_541_887_417,
        ],
    )
    .await;
    check("mad(x) filter (where x < 50)", &[1.349_999_999_999_999_6]).await;
    check(
        "mean_low(x), mean_high(x)",
        &[-3.085_644_990_501_196, 28.654_875_759_731_965],
    )
    .await;
    check(
        "bca_low(x, 7) filter (where second), bca_high(x, 7) filter (where second)",
        &[5.899_999_999_999_999_5, 7.585_714_285_714_285],
    )
    .await;
    check("hedges_g(x, second)", &[2.175_812_461_043_831_6]).await;
    check("icc(x, name)", &[0.722_884_069_006_738_4]).await;
}

/// The calls are those of the tests beside the mathematics.
#[tokio::test]
async fn aggregates_answer_structs_whose_fields_have_names() {
    check(
        "welch(x, second)['n0'], welch(x, second)['n1'], welch(x, second)['df'], welch(x, second)['p']",
        &[5.0, 7.0, 9.518_561_423_303_922, 0.002_247_304_440_609_077_8],
    )
    .await;
    check(
        "mann_whitney(x, second)['u'], mann_whitney(x, second)['p']",
        &[1.0, 0.005_050_505_050_505_051],
    )
    .await;
    check(
        "bca_difference(x, second, 7)['low'], bca_difference(x, second, 7)['high']",
        &[1.599_999_999_999_999_6, 3.965_714_285_714_285],
    )
    .await;
    check(
        "bca_median_difference(x, second, 7)['low'], bca_median_difference(x, second, 7)['high']",
        &[0.799_999_999_999_999_8, 4.199_999_999_999_999],
    )
    .await;
    check(
        "levene(x, name)['k'], levene(x, name)['n'], levene(x, name)['p']",
        &[2.0, 12.0, 0.791_728_007_740_303_3],
    )
    .await;
    check(
        "brown_forsythe(x, second)['w'], brown_forsythe(x, second)['p']",
        &[0.058_567_603_748_326_58, 0.813_665_111_007_506_5],
    )
    .await;
    check(
        "kruskal_wallis(x, letter)['h'], kruskal_wallis(x, letter)['p']",
        &[0.5, 0.778_800_783_071_404_9],
    )
    .await;
    check(
        "log_log_fit(x, y)['n'], log_log_fit(x, y)['exponent'], log_log_fit(x, y)['p']",
        &[12.0, 0.397_952_763_821_636_14, 0.004_015_249_382_098_772],
    )
    .await;
}

/// `OLS(x, add_constant(column_stack([y, y * y]))).fit()`, statsmodels 0.15.0.
#[tokio::test]
async fn a_regression_names_its_terms_as_the_struct_does() {
    let context = with_rows(3, 2).await;
    let expected = [
        [
            3.714_191_929_373_608,
            0.106_441_940_503_080_31,
            0.042_113_037_123_955_06,
        ],
        [
            0.025_935_860_221_416_6,
            0.873_498_340_787_214_2,
            0.518_969_797_313_037_4,
        ],
    ];
    let sql = "with fit as (select ols(x, {linear: y, square: y * y}) as fit from rows),
        terms as (select unnest(fit.terms) as term from fit)
        select term.term, term.estimate, term.p from terms";
    let answer = ask(&context, sql).await.unwrap();
    let names: Vec<_> = answer
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(names, ["intercept", "linear", "square"]);
    for (column, expected) in expected.iter().enumerate() {
        let found = answer
            .column(column + 1)
            .as_primitive::<Float64Type>()
            .values();
        for (found, expected) in found.iter().zip(expected) {
            close(*found, *expected);
        }
    }
    check(
        "ols(x, {linear: y, square: y * y})['r2']",
        &[0.650_474_611_329_738_5],
    )
    .await;
}

/// `anova_lm(ols('x ~ C(name) * C(other)', rows).fit(), typ=2)`, statsmodels 0.15.0.
#[tokio::test]
async fn an_analysis_of_variance_unnests_to_its_table() {
    let context = with_rows(3, 2).await;
    let expected: [&[f64]; 2] = [
        &[
            19.941_274_509_803_932,
            1.392_226_890_756_31,
            3.313_725_490_196_070_7,
            9.108_333_333_333_334,
            36.216_666_666_666_66,
        ],
        &[
            0.003_058_348_851_704_771,
            0.300_951_106_913_029_23,
            0.126_395_817_719_862_94,
        ],
    ];
    let sql = "with sources as (select unnest(anova(x, {name: name, other: other})) as s from rows)
        select s.term, s.df, s.ss, s.p from sources";
    let answer = ask(&context, sql).await.unwrap();
    let names: Vec<_> = answer
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(names, ["name", "other", "name:other", "residual", "total"]);
    for (column, expected) in expected.iter().enumerate() {
        let found = answer.column(column + 2).as_primitive::<Float64Type>();
        for (found, expected) in found.iter().flatten().zip(*expected) {
            close(found, *expected);
        }
    }
    let columns = "select unnest(unnest(anova(x, {name: name}))) from rows";
    let columns = ask(&context, columns).await.unwrap();
    assert_eq!((columns.num_rows(), columns.num_columns()), (3, 9));
}

#[tokio::test]
async fn groups_are_answered_each() {
    let context = with_rows(7, 4).await;
    let sql = "select name, mad(x) as mad, welch(x, letter = 'u')['n1'] as n1 from rows
        where name is not null group by name order by name";
    let answer = ask(&context, sql).await.unwrap();
    let mad = answer.column(1).as_primitive::<Float64Type>();
    close(mad.value(0), 0.8);
    close(mad.value(1), 0.7);
    let n1 = cast(answer.column(2), &DataType::Float64).unwrap();
    assert_eq!(n1.as_primitive::<Float64Type>().values(), &[2.0, 2.0]);
}

#[tokio::test]
async fn shuffled_and_cut_otherwise_the_rows_give_the_same_to_the_last_bit() {
    let sql = "select name is null, bca_low(x, 3), bca_difference(x, letter = 'u', 3),
        bca_median_difference(x, letter = 'u', 3), mean_low(x), welch(x, letter = 'u'), spearman(x, y),
        icc(x, letter), levene(x, letter), kruskal_wallis(x, letter), log_log_fit(x, y),
        ols(x, {y: y}), anova(x, {letter: letter, other: other}), hedges_g(x, letter = 'u')
        from rows group by grouping sets ((), (name)) order by name, count(*)";
    let once = ask(&with_rows(1, 1).await, sql).await.unwrap();
    for (seed, partitions) in [(3, 1), (5, 2), (7, 3), (11, 4)] {
        let again = ask(&with_rows(seed, partitions).await, sql).await.unwrap();
        assert_eq!(once, again);
    }
}

#[tokio::test]
async fn of_no_rows_counts_are_0_and_all_else_is_null() {
    let context = with_rows(1, 1).await;
    let sql = "select welch(x, second)['n0'], welch(x, second)['p'], mann_whitney(x, second)['n1'],
        levene(x, name)['k'], kruskal_wallis(x, name)['p'], spearman(x, y), kendall(x, y),
        kendall_p(x, y), mad(x), mean_low(x), bca_low(x, 1), bca_difference(x, second, 1)['low'],
        hedges_g(x, second), icc(x, name), ols(x, {y: y})['n'], ols(x, {y: y})['r2'],
        log_log_fit(x, y)['exponent'], cardinality(anova(x, {name: name})) from rows where false";
    let found = row(&context, sql).await;
    assert!(
        found
            .iter()
            .all(|found| found.is_none_or(|number| number == 0.0)),
        "{found:?}"
    );
    assert_eq!(found.iter().flatten().count(), 5);
}

#[tokio::test]
async fn infinite_values_neither_panic_nor_reach_an_answer() {
    let context = context();
    let sql = "select welch(x, s)['t'], mann_whitney(x, s)['u'], mad(x), mean_low(x), bca_low(x, 1),
        bca_median_difference(x, s, 1)['low'], hedges_g(x, s), icc(x, s), levene(x, s)['w'],
        brown_forsythe(x, s)['w'], kruskal_wallis(x, s)['h'], spearman(x, y), kendall(x, y),
        ols(x, {y: y})['r2'], ols(y, {x: x})['r2'], log_log_fit(x, y)['exponent'],
        anova(x, {s: s})[1]['ss']
        from (values (1.0, 2.0, true), (2.0, 3.0, false), ('infinity', 5.0, true), (4.0, 1.0, false),
            ('-infinity', 4.0, false), (1e308, 1e308, true), (-1e308, 7.0, true)) as rows(x, y, s)";
    let found = row(&context, sql).await;
    assert!(
        found.iter().flatten().all(|number| number.is_finite()),
        "{found:?}"
    );
}

#[tokio::test]
async fn every_row_of_a_window_sees_its_partition() {
    let context = with_rows(1, 2).await;
    let sql = "select distinct hedges_g(x, second) over () from rows";
    close(
        row(&context, sql).await[0].unwrap(),
        2.175_812_461_043_831_6,
    );
}

/// `multipletests([0.01, 0.04, 0.03, 0.005, 0.5, 0.04], method='holm')[1]`, statsmodels 0.15.0.
#[tokio::test]
async fn holm_corrects_each_family_and_leaves_nulls_out() {
    let context = context();
    let sql = "select id, holm(p) over (partition by family) as p from (values
            (1, 0.01, 'a'), (2, null, 'a'), (3, 0.04, 'a'), (4, 0.03, 'a'), (5, 0.3, 'b'),
            (6, 0.005, 'a'), (7, 0.5, 'a'), (8, 0.04, 'a'), (9, 'nan', 'a')
        ) as tests(id, p, family) order by id";
    let answer = ask(&context, sql).await.unwrap();
    let found = answer.column(1).as_primitive::<Float64Type>();
    let expected = [0.05, f64::NAN, 0.12, 0.12, 0.3, 0.03, 0.5, 0.12, f64::NAN];
    for (found, expected) in found.iter().zip(expected) {
        match found {
            Some(found) => close(found, expected),
            None => assert!(expected.is_nan()),
        }
    }
    let wrong = ask(
        &context,
        "select holm(p) over () from (values (1.5)) as tests(p)",
    )
    .await;
    assert!(wrong.unwrap_err().contains("p is from 0 to 1, not 1.5"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_in_words() {
    let context = with_rows(1, 2).await;
    for (select, reason) in [
        (
            "welch(x, name)",
            "welch(number, boolean) cannot be asked as welch(Float64, ",
        ),
        (
            "welch(x)",
            "welch(number, boolean) cannot be asked as welch(Float64)",
        ),
        ("ols(x, y)", "ols(number, struct of numbers)"),
        ("ols(x, {name: name})", "ols(number, struct of numbers)"),
        ("spearman(distinct x, y)", "it has no DISTINCT"),
        ("bca_low(x, y::int)", "the seed is one number for all rows"),
    ] {
        let refused = ask(&context, &format!("select {select} from rows"))
            .await
            .unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn every_function_is_written_down() {
    let written = include_str!("../../../queries/README.md");
    let scalars = catalogue::scalars()
        .into_iter()
        .map(|function| function.name().to_owned());
    let aggregates = catalogue::aggregates()
        .into_iter()
        .map(|function| function.name().to_owned());
    for name in scalars
        .chain(aggregates)
        .chain(["percentile".into(), "holm".into()])
    {
        assert!(written.contains(&format!("`{name}(")), "{name}");
    }
}
