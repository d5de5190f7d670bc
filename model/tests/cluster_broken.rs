//! Each rule of groups on a cluster, broken: the checker must find what goes wrong then, or it would prove nothing. The
//! stories are printed; `-- --nocapture` shows them.

use cached_redis_model::cluster::{NO_STALE_READ, Rules, Scenario};
use cached_redis_model::{check, counterexample};

const RULES: Rules = Rules::IMPLEMENTED;

fn violates(scenario: &Scenario) {
    let story = counterexample(scenario, NO_STALE_READ);
    assert!(story.is_some(), "no violation found");
    if let Some(story) = story {
        println!("violated: {NO_STALE_READ}\n{story}");
    }
}

fn still(rules: Rules) -> Scenario {
    Scenario { moves: 0, ..Scenario::new(rules) }
}

/// The entry is on one node, and the report of its group's change on its way from another.
#[test]
fn one_generation_for_all_nodes() {
    violates(&still(Rules { generation_per_bucket: false, ..RULES }));
}

/// Each node has the same generation, and what one of them says is taken for what the others hold.
#[test]
fn a_stamp_that_is_compared_with_what_another_node_has_said() {
    violates(&still(Rules { knowledge_per_bucket: false, ..RULES }));
}

/// What the former node has told of a bucket is compared with what the new one holds. To forget it is enough as well.
#[test]
fn knowledge_that_moves_along_with_its_bucket() {
    let rules = Rules { knowledge_per_node: false, forgets_moved: false, ..RULES };
    violates(&Scenario { moves: 1, ..Scenario::new(rules) });
}

#[test]
fn an_invalidation_that_returns_when_one_bucket_is_done() {
    violates(&still(Rules { waits_for_all: false, ..RULES }));
}

#[test]
fn a_removal_that_does_not_follow_its_bucket() {
    violates(&Scenario::new(Rules { follows_moved: false, ..RULES }));
}

#[test]
fn a_removal_that_does_not_follow_its_key() {
    violates(&Scenario::new(Rules { follows_carried: false, ..RULES }));
}

#[test]
fn replies_that_overtake_reports() {
    violates(&still(Rules { pushes_in_order: false, ..RULES }));
}

/// Where keys are carried, their former node reports it, in order. To forget when a bucket has moved is a second wall.
#[test]
fn reports_are_enough_where_a_bucket_moves() {
    let outcome = check(Scenario::new(Rules { forgets_moved: false, ..RULES }));
    assert!(outcome.violations.is_empty(), "{}", outcome.report());
}
