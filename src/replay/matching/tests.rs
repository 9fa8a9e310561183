use super::*;

/// A request to chat.
fn form<'a>(agent: &'a str, body: &'a str) -> Form<'a> {
    Form {
        agent,
        method: "POST",
        path: "/api/chat",
        headers: &[],
        body: body.as_bytes(),
    }
}

fn matcher_of(profile: Profile, recorded: &[(i64, &str, &str)]) -> Matcher {
    let forms = recorded.iter();
    Matcher::new(
        profile,
        forms.map(|(id, agent, body)| (*id, form(agent, body))),
    )
}

#[test]
fn equal_requests_are_answered_in_the_order_they_were_recorded() {
    let recorded = [(1, "a", r#"{"x":1,"y":2}"#), (4, "a", r#"{"y":2, "x":1}"#)];
    let mut matcher = matcher_of(Profile::strict(), &recorded);
    let asked = matcher.key(&form("a", "{ \"y\": 2, \"x\": 1 }"));
    assert_eq!(matcher.take(&asked), Some(1));
    assert_eq!(matcher.unused(), [4]);
    assert_eq!(matcher.take(&asked), Some(4));
    assert_eq!(matcher.take(&asked), None);
    let miss = matcher.miss(&asked, false);
    assert!(
        miss.contains("recorded 2 time(s), last as request 4"),
        "{miss}"
    );
}

#[test]
fn answers_may_be_used_again_from_the_first_on() {
    let profile = Profile::strict().repeating();
    let recorded = [(1, "a", "{}"), (2, "a", "{}"), (3, "a", "[]")];
    let mut matcher = matcher_of(profile, &recorded);
    let asked = matcher.key(&form("a", "{}"));
    let taken: Vec<_> = (0..5).map(|_| matcher.take(&asked).unwrap()).collect();
    assert_eq!(taken, [1, 2, 1, 2, 1]);
    assert_eq!(matcher.unused(), [3], "what was never asked for stays so");
    let other = matcher.key(&form("a", "{\"x\":1}"));
    assert_eq!(matcher.take(&other), None, "nothing is guessed");
}

#[test]
fn in_order_the_nth_request_of_an_agent_gets_its_nth_answer() {
    let other = |agent| Form {
        path: "/api/generate",
        ..form(agent, "")
    };
    for repeat in [false, true] {
        let profile = match repeat {
            false => Profile::ordered(),
            true => Profile::ordered().repeating(),
        };
        let recorded = [
            (1, form("a", "1")),
            (2, form("b", "2")),
            (3, other("a")),
            (4, form("a", "4")),
        ];
        let mut matcher = Matcher::new(profile, recorded.into_iter());
        let chat = matcher.key(&form("a", "whatever"));
        let generate = matcher.key(&other("a"));
        assert_eq!(matcher.take(&generate), None, "out of order");
        let miss = matcher.miss(&generate, false);
        assert!(miss.contains("/api/chat comes next"), "{miss}");
        assert_eq!(matcher.take(&chat), Some(1));
        assert_eq!(matcher.take(&chat), None, "out of order");
        assert_eq!(matcher.take(&generate), Some(3));
        assert_eq!(matcher.take(&chat), Some(4));
        assert_eq!(matcher.unused(), [2]);
        assert_eq!(matcher.take(&chat), repeat.then_some(1));
    }
}

#[test]
fn agents_do_not_take_each_others_answers() {
    let mut matcher = matcher_of(Profile::strict(), &[(1, "a", "{}")]);
    let [a, b] = ["a", "b"].map(|agent| matcher.key(&form(agent, "{}")));
    assert_eq!(matcher.take(&b), None);
    assert_eq!(matcher.take(&a), Some(1));
}

#[test]
fn what_was_recorded_on_one_server_may_be_asked_for_at_any_port() {
    let recorded = [
        (1, "a", "{}"),
        (2, "b", "{}"),
        (3, "b", "{}"),
        (4, "c", "{}"),
        (5, "c", "{\"x\":1}"),
    ];
    let matcher = matcher_of(Profile::strict(), &recorded);
    let mut matcher = matcher.sharing([3, 4].into_iter());
    let asked = matcher.key(&form("a", "{}"));
    assert_eq!(matcher.take(&asked), Some(1), "its own first");
    assert_eq!(matcher.take(&asked), None);
    assert_eq!(matcher.take_shared(&asked), Some(3));
    assert_eq!(matcher.take_shared(&asked), Some(4));
    assert_eq!(matcher.take_shared(&asked), None);
    let other = matcher.key(&form("a", "{\"x\":1}"));
    assert_eq!(matcher.take_shared(&other), None, "not on one server");
    assert_eq!(matcher.unused(), [2, 5]);
    let b = matcher.key(&form("b", "{}"));
    assert_eq!((matcher.take(&b), matcher.take(&b)), (Some(2), None));
    let miss = matcher.miss(&asked, true);
    let all =
        "of a, or of others that had one server with it, was recorded 3 time(s), last as request 4";
    assert!(miss.contains(all), "{miss}");
    let miss = matcher.miss(&asked, false);
    assert!(
        miss.contains("of a was recorded 1 time(s), last as request 1"),
        "{miss}"
    );
}

#[test]
fn what_is_shared_keeps_its_order_and_repeats_as_the_profile_says() {
    let recorded = [(1, "b", "{}"), (2, "b", "{}"), (3, "b", "other")];
    for profile in [Profile::strict(), Profile::ordered()] {
        let repeating = matcher_of(profile.clone().repeating(), &recorded);
        let mut repeating = repeating.sharing([1, 2, 3].into_iter());
        let asked = repeating.key(&form("a", "{}"));
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.extend(repeating.take_shared(&asked));
        }
        let ordered = profile.ordered;
        assert_eq!(taken, if ordered { [1, 2, 3, 1] } else { [1, 2, 1, 2] });
        let mut part = matcher_of(profile, &recorded).sharing([2].into_iter());
        let early = part.take_shared(&asked);
        assert_eq!(early, (!ordered).then_some(2), "1 comes before it");
        part.take(&part.key(&form("b", "{}")));
        assert_eq!(part.take_shared(&asked), ordered.then_some(2));
    }
}

#[test]
fn ids_that_clients_make_up_do_not_matter() {
    let with = |id: &str| format!(r#"{{"messages":[{{"tool_calls":[{{"id":"{id}"}}]}}]}}"#);
    let mut matcher = matcher_of(Profile::strict(), &[(1, "a", &with("one"))]);
    let asked = matcher.key(&form("a", &with("two")));
    assert_eq!(matcher.take(&asked), Some(1));
}

#[test]
fn a_miss_names_the_nearest_request_and_where_it_differs() {
    let recorded = [
        (
            1,
            "a",
            r#"{"model":"m","messages":[{"content":"one"}],"seed":1}"#,
        ),
        (
            2,
            "a",
            r#"{"model":"m","messages":[{"content":"two"}],"seed":2}"#,
        ),
    ];
    let matcher = matcher_of(Profile::strict(), &recorded);
    let asked = r#"{"model":"m","messages":[{"content":"2"}],"seed":2}"#;
    let miss = matcher.miss(&matcher.key(&form("a", asked)), false);
    assert!(miss.contains("nearest is request 2"), "{miss}");
    let place = r#"$.messages[0].content: recorded "two", asked "2""#;
    assert!(miss.contains(place), "{miss}");
}

#[test]
fn bodies_that_are_not_json_match_by_their_bytes() {
    let mut matcher = matcher_of(Profile::strict(), &[(1, "a", "plain")]);
    let [other, same] = ["plain ", "plain"].map(|body| matcher.key(&form("a", body)));
    assert_eq!(matcher.take(&other), None);
    assert_eq!(matcher.take(&same), Some(1));
}
