//! The research that tokentape grew out of, asked again: figures of the imported sessions against the
//! same figures worked out in Python (pandas, scipy 1.17.1, statsmodels 0.15.0) from the Parquet files.

mod drawn;

use std::path::Path;

use tokentape::analyze::{Library, Session};
use tokentape::convert::import;
use tokentape::table::{Cell, Table};
use tokentape::trace::Trace;

const GEMMA: &str = "gemma3:latest";
const LLAMA: &str = "llama3.1:8b-instruct-q4_0";
const QWEN: &str = "qwen2.5:7b";

async fn asked(trace: &str, query: &str) -> Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("traces")
        .join(trace);
    let trace = Trace::open(&folder).unwrap();
    let session = Session::open(&[trace], Library::default()).unwrap();
    let answer = session.named(query).await.unwrap();
    assert!(!answer.rows.is_empty(), "{query}");
    answer
}

/// The only row in which the columns hold the texts.
fn row(table: &Table, texts: &[(&str, &str)]) -> usize {
    let fits = |row: &usize| {
        let mut texts = texts.iter();
        texts.all(|(column, text)| table.cell(*row, column).unwrap().as_str() == Some(text))
    };
    let rows: Vec<usize> = (0..table.rows.len()).filter(fits).collect();
    let [row] = rows[..] else {
        panic!("{texts:?}: {rows:?}")
    };
    row
}

#[track_caller]
fn check(table: &Table, texts: &[(&str, &str)], figures: &[(&str, f64)]) {
    let row = row(table, texts);
    for (column, expected) in figures {
        let found = table.cell(row, column).unwrap().as_f64();
        let found = found.unwrap_or_else(|| panic!("{texts:?} {column} is null"));
        let off = (found - expected).abs() / expected.abs().max(1e-300);
        assert!(off < 1e-9, "{texts:?} {column}: {found}, not {expected}");
    }
}

#[tokio::test]
async fn two_thirds_of_the_gap_between_runtimes_are_two_definitions() {
    // scipy.stats.ttest_ind(rust, python, equal_var=False), its confidence_interval()
    let gaps = asked("tr116", "runtimes").await;
    for (rule, n, difference, low, high, p) in [
        (
            "published",
            30.0,
            12.44322018828231,
            8.304776848037148,
            16.58166352852747,
            1.734015836021031e-07,
        ),
        (
            "span",
            30.0,
            4.137165323301886,
            1.4131660842586404,
            6.861164562345132,
            0.0037149598223955287,
        ),
        (
            "server",
            28.0,
            9.648068581392096,
            5.727581716816772,
            13.56855544596742,
            1.0389778727178862e-05,
        ),
    ] {
        check(
            &gaps,
            &[("rule", rule)],
            &[
                ("n_second", n),
                ("difference_points", difference),
                ("low_points", low),
                ("high_points", high),
                ("p", p),
            ],
        );
    }
    // What the budgets lose differs by as much.
    let budget = asked("tr116", "runtime_budget").await;
    let lost = |part: &str| {
        budget
            .cell(row(&budget, &[("part", part)]), "difference_points")
            .unwrap()
            .as_f64()
            .unwrap()
    };
    assert!((lost("stagger") + lost("tail") + 4.137165323301886).abs() < 1e-9);
    let order: Vec<_> = (0..3)
        .map(|row| gaps.cell(row, "rule").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(order, ["published", "span", "server"]);
}

#[tokio::test]
async fn efficiency_goes_with_the_absolute_difference_of_the_rates() {
    // scipy.stats.pearsonr with its confidence_interval(), spearmanr, kendalltau
    let found = asked("tr116", "correlations").await;
    for (runtime, model, delta, r, low, high, p, spearman, kendall) in [
        (
            "rust",
            QWEN,
            "signed",
            -0.006967553170070056,
            -0.6338133431178944,
            0.6254023590524747,
            0.9847592173460236,
            -0.05454545454545454,
            0.06666666666666667,
        ),
        (
            "rust",
            QWEN,
            "absolute",
            -0.8040404748676581,
            -0.9518151078520531,
            -0.3532403417054641,
            0.005054622778783549,
            -0.8424242424242423,
            -0.6888888888888888,
        ),
        (
            "rust",
            LLAMA,
            "signed",
            0.3914135097162308,
            -0.3161183330165384,
            0.8191620429550793,
            0.26334104367017874,
            0.6484848484848483,
            0.6444444444444444,
        ),
        (
            "rust",
            LLAMA,
            "absolute",
            -0.9889698555456444,
            -0.9974823922121113,
            -0.952361174368203,
            6.390617271357663e-08,
            -0.9757575757575757,
            -0.911111111111111,
        ),
        (
            "python",
            LLAMA,
            "signed",
            -0.6541113544497731,
            -0.9092619992367679,
            -0.04163032484334662,
            0.04019029009829289,
            -0.9272727272727272,
            -0.8666666666666666,
        ),
    ] {
        let delta = format!("throughput, {delta}");
        let which = [
            ("runtime", runtime),
            ("model", model),
            ("rule", "published"),
            ("delta", &*delta),
        ];
        check(
            &found,
            &which,
            &[
                ("n", 10.0),
                ("r", r),
                ("r_low", low),
                ("r_high", high),
                ("p", p),
                ("spearman", spearman),
                ("kendall", kendall),
            ],
        );
    }
}

#[tokio::test]
async fn the_spread_between_models_is_decomposed_both_ways() {
    // pandas for the published way; anova_lm(ols('percent ~ C(model)', runs).fit())
    let found = asked("tr116", "variance").await;
    for (runtime, rule, between, within, share, f, p, eta2) in [
        (
            "rust",
            "published",
            22.639449613317744,
            27.784065255623684,
            44.898594776982925,
            8.148357486575973,
            0.0017032132879742001,
            37.63961072625821,
        ),
        (
            "python",
            "published",
            3.9142758234687833,
            89.55909375846461,
            4.187583951424532,
            0.4370606779502855,
            0.6504213647885245,
            3.1359602146366186,
        ),
        (
            "python",
            "span",
            5.483227616932789,
            10.395492213755587,
            34.5319249624614,
            5.274620483748876,
            0.011649173750725652,
            28.09441867714202,
        ),
    ] {
        check(
            &found,
            &[("runtime", runtime), ("rule", rule)],
            &[
                ("between_models", between),
                ("within_models", within),
                ("between_share_percent", share),
                ("f", f),
                ("p", p),
                ("eta2_percent", eta2),
            ],
        );
    }
    // anova_lm(ols('percent ~ C(runtime)*C(model)*C(scenario)', runs).fit(), typ=2)
    let found = asked("tr116", "anova").await;
    for (rule, term, ss, f, p) in [
        (
            "published",
            "runtime",
            2322.5059298111146,
            37.43362717749656,
            1.6535358770330072e-07,
        ),
        (
            "published",
            "model:scenario",
            4.527927125102561,
            0.03649005449509186,
            0.9641944023674048,
        ),
        (
            "span",
            "runtime",
            256.742053684962,
            12.485544639068927,
            0.000918525434191046,
        ),
        (
            "span",
            "model",
            482.2798467542281,
            11.726802190657112,
            7.131983192503152e-05,
        ),
        // Two runs lack a figure by this rule, so the cells are unequal.
        (
            "server",
            "runtime",
            1288.5550447680776,
            22.34874261372235,
            2.1804830800831424e-05,
        ),
        (
            "server",
            "runtime:model:scenario",
            2.908009159282238,
            0.02521830498550539,
            0.9751104914875415,
        ),
    ] {
        let figures = [("sum_of_squares", ss), ("f", f), ("p", p)];
        check(&found, &[("rule", rule), ("term", term)], &figures);
    }
}

#[tokio::test]
async fn a_ranking_of_runtimes_says_whether_it_is_real() {
    // scipy.stats.ttest_ind(equal_var=False), corrected by hand; scipy.stats.kruskal
    let found = asked("tr116", "runtime_ranking").await;
    check(
        &found,
        &[
            ("model", GEMMA),
            ("scenario", "baseline_vs_chimera"),
            ("runtime", "rust"),
        ],
        &[
            ("rank", 1.0),
            ("mean_percent", 97.31426435957964),
            ("p_next", 5.0 * 0.0025150145194916132),
            ("p_all", 0.009023438818080334),
        ],
    );
    check(
        &found,
        &[
            ("model", QWEN),
            ("scenario", "chimera_homo"),
            ("runtime", "rust"),
        ],
        &[
            ("rank", 2.0),
            ("mean_percent", 89.41334945831932),
            ("p_all", 0.6015081344405895),
        ],
    );
}

#[tokio::test]
async fn loop_lag_is_held_against_the_rate_of_chunks_and_efficiency_against_both() {
    // scipy.stats.pearsonr and spearmanr over the seconds; statsmodels OLS over the runs
    let found = asked("tr117", "loop_lag").await;
    check(
        &found,
        &[("events_per_s", "50 to 99")],
        &[
            ("seconds", 56.0),
            ("lag_mean_ms", 5.193027757936507),
            ("lag_p99_ms", 7.981701666666667),
            ("lag_max_ms", 15.221),
        ],
    );
    check(
        &found,
        &[("events_per_s", "all")],
        &[
            ("seconds", 72.0),
            ("r", -0.38120633371784707),
            ("r_low", -0.5631418507499384),
            ("r_high", -0.1640232474643255),
            ("p", 0.0009540803129441509),
            ("spearman", -0.315996780429195),
        ],
    );
    let fit = asked("tr117", "loop_lag_fit").await;
    check(
        &fit,
        &[("term", "lag_mean_ms")],
        &[
            ("estimate_points", -4.702355132650295),
            ("low", -12.12051078654799),
            ("high", 2.7158005212474006),
            ("p", 0.11224328033460247),
            ("n", 5.0),
            ("r2", 0.835594806372274),
            ("adjusted_r2", 0.671189612744548),
            ("p_of_fit", 0.16440519362772596),
        ],
    );
    check(
        &fit,
        &[("term", "events_per_s")],
        &[("estimate_points", -0.45506667641264176)],
    );
}

#[tokio::test]
async fn speed_scales_with_a_models_size_by_a_power_law() {
    // statsmodels OLS of the logarithms, its conf_int()
    let found = asked("tr116", "scaling").await;
    let which = [
        ("runtime", "python"),
        ("scenario", "baseline_vs_chimera"),
        ("step", "decode"),
    ];
    check(
        &found,
        &which,
        &[
            ("models", 3.0),
            ("exponent", 0.8122287284016526),
            ("low", 0.2325553227276297),
            ("high", 1.3919021340756754),
            ("ms_per_token_at_1b", 6.228516039425509),
            ("r2", 0.9968550743265394),
            ("p", 0.03572014524716602),
            ("spearman", 1.0),
        ],
    );
    // The prompts' lengths are not known, so neither is their time a token.
    let steps = found.column("step").unwrap();
    assert!(
        found
            .rows
            .iter()
            .all(|row| row[steps].as_str() == Some("decode"))
    );
}

#[tokio::test]
async fn tokens_have_a_price_in_dollars_energy_and_carbon() {
    // By hand, in Python: hours and tokens of five runs, 150 W, 0.2 $ and 0.4 kg a kWh, 1.006 $ an hour
    let found = asked("tr116", "tokens_cost").await;
    let which = [
        ("scenario", "chimera_homo"),
        ("model", GEMMA),
        ("runtime", "rust"),
        ("tier", "on demand"),
    ];
    check(
        &found,
        &which,
        &[
            ("tokens", 21396.0),
            ("hours_per_million", 3.48664109984213),
            ("usd_per_million", 3.6121601794364477),
            ("kwh_per_million", 0.5229961649763196),
            ("kg_co2_per_million", 0.20919846599052788),
            ("energy_share_percent", 2.8957528957528957),
        ],
    );
    let stacks = asked("tr116", "tco").await;
    check(
        &stacks,
        &[("model", QWEN), ("runtime", "python")],
        &[("tco_usd", 75_500.0), ("rank", 6.0)],
    );
    let even = asked("tr116", "break_even").await;
    check(
        &even,
        &[("model", GEMMA)],
        &[("months", 33.0), ("saved_usd", 9_000.0)],
    );
    let halved = asked("tr116", "what_if").await;
    let which = [
        ("what_if", "infrastructure halved"),
        ("model", GEMMA),
        ("runtime", "rust"),
    ];
    check(&halved, &which, &[("tco_usd", 52_000.0)]);
    let cheapest = asked("tr116", "cheapest").await;
    assert_eq!(cheapest.cell(0, "years"), Some(&Cell::Int(1)));
}

#[tokio::test]
async fn first_runs_and_far_tails_are_told_from_the_rest() {
    let found = asked("tr116", "cold_start").await;
    let which = [
        ("scenario", "chimera_homo"),
        ("model", GEMMA),
        ("runtime", "rust"),
    ];
    check(
        &found,
        &which,
        &[
            ("n_later", 4.0),
            ("first_wall_ms", 56307.3245),
            ("later_wall_ms", 52774.2912),
            ("wall_ratio", 1.0669461061373762),
        ],
    );
    // numpy.percentile, scipy.stats.t.interval
    let found = asked("tr116", "tail").await;
    let tokens = found.column("output_tokens_from").unwrap();
    let only = Table {
        rows: found
            .rows
            .iter()
            .filter(|row| row[tokens] == Cell::Int(512))
            .cloned()
            .collect(),
        ..found
    };
    check(
        &only,
        &[("model", GEMMA)],
        &[
            ("n", 29.0),
            ("mean_ms", 19732.11578275862),
            ("mean_low_ms", 17606.04800635009),
            ("mean_high_ms", 21858.18355916715),
            ("p50_ms", 22335.142),
            ("p90_ms", 25300.87844),
            ("p99_ms", 26845.795824),
            ("mean_over_median", 0.8834560256101628),
        ],
    );
}

#[tokio::test]
async fn a_sweep_is_ranked_against_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("sweep.csv");
    // Tokens in ten seconds, four runs of each configuration.
    let mut rows = "config,run_number,agent.eval_count,agent.wall_s\n".to_owned();
    for (config, tokens) in [
        ("default", [400, 410, 395, 405]),
        ("ctx512", [520, 531, 512, 540]),
        ("ctx2048", [390, 415, 401, 380]),
    ] {
        for (number, tokens) in (1..).zip(tokens) {
            rows += &format!("{config},{number},{tokens},10\n");
        }
    }
    std::fs::write(&table, rows).unwrap();
    let trace = folder.path().join("trace");
    let import = import::csv(&table, &[]).unwrap();
    import.seal(&trace).unwrap();
    let trace = Trace::open(&trace).unwrap();
    let session = Session::open(&[trace], Library::default()).unwrap();
    let found = session.named("sweep").await.unwrap();
    // scipy.stats.ttest_ind(equal_var=False), stats.t.interval
    check(
        &found,
        &[("config", "ctx512")],
        &[
            ("rank", 1.0),
            ("n", 4.0),
            ("mean_tokens_per_s", 52.575),
            ("gain_percent", 30.62111801242238),
            ("low_tokens_per_s", 50.62021187826686),
            ("high_tokens_per_s", 54.52978812173315),
            ("p", 2.2755654463159083e-05),
            ("p_holm", 4.5511308926318166e-05),
            ("success_percent", 100.0),
        ],
    );
    check(
        &found,
        &[("config", "ctx2048")],
        &[
            ("rank", 3.0),
            ("p", 0.5030202757622023),
            ("p_holm", 0.5030202757622023),
            ("success_percent", 25.0),
        ],
    );
    check(&found, &[("config", "default")], &[("rank", 2.0)]);
    assert_eq!(
        found.cell(row(&found, &[("config", "default")]), "p"),
        Some(&Cell::Null)
    );
}
