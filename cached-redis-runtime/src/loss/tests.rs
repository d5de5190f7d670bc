use std::time::Duration;

use cached_redis_test_support::events::Events;
use tokio::time::advance;

use super::{LONGEST_ADVICE, Loss, Losses};

const HOUR: Duration = Duration::from_secs(60 * 60);
const FUNCTION: Option<(&str, &str)> = Some(("shop", "price"));

#[tokio::test(start_paused = true)]
async fn each_kind_is_logged_once_per_function_and_hour() {
    let events = Events::listen();
    let losses = Losses::default();
    let all = [
        (Loss::Unreadable, FUNCTION),
        (Loss::Unreadable, Some(("shop", "stock"))),
        (Loss::NeverHits, FUNCTION),
        (Loss::NoCache, None),
    ];
    let report = || {
        for _ in 0..1_000 {
            all.iter().for_each(|(loss, function)| losses.report(*loss, *function, "mend it"));
        }
    };
    report();
    assert_eq!(events.warnings().len(), 4, "{}", events.text());
    advance(HOUR - Duration::from_secs(1)).await;
    report();
    assert_eq!(events.warnings().len(), 4, "{}", events.text());
    advance(Duration::from_secs(1)).await;
    report();
    assert_eq!(events.warnings().len(), 8, "{}", events.text());
    assert!(events.text().lines().all(|line| line.starts_with("WARN")));
}

#[tokio::test(start_paused = true)]
async fn a_warning_says_what_where_how_often_and_what_to_do() {
    let events = Events::listen();
    let losses = Losses::default();
    losses.report(Loss::Unreadable, FUNCTION, "mend it");
    losses.report(Loss::NoCache, None, "choose one");
    assert_eq!(
        events.warnings(),
        [
            "cached_redis message=entries are found and cannot be read: mend it loss=\"unreadable\" \
             prefix=\"shop\" name=\"price\" count=1",
            "cached_redis message=no cache was chosen, every call loads: choose one \
             loss=\"no_cache\" count=1",
        ]
    );
    losses.report(Loss::Unreadable, FUNCTION, "mend it");
    advance(HOUR).await;
    losses.report(Loss::Unreadable, FUNCTION, "mend it now");
    let last = events.warnings().pop().expect("a warning");
    assert!(last.contains("count=3") && last.contains("mend it now"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn the_list_says_the_same_with_its_times() {
    let losses = Losses::default();
    losses.report(Loss::Unreadable, FUNCTION, "mend it");
    losses.report(Loss::NoCache, None, "choose one");
    advance(2 * HOUR).await;
    losses.report(Loss::Unreadable, FUNCTION, "mend it");
    advance(HOUR).await;
    let list = losses.list();
    let brief: Vec<_> =
        list.iter().map(|loss| (loss.kind, loss.count, loss.since, loss.last_seen)).collect();
    assert_eq!(
        brief,
        [(Loss::NoCache, 1, 3 * HOUR, 3 * HOUR), (Loss::Unreadable, 2, 3 * HOUR, HOUR)]
    );
    assert_eq!(list[0].to_string(), "no cache was chosen, every call loads: choose one");
    assert_eq!(list[1].to_string(), "shop:price: entries are found and cannot be read: mend it");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_may_ask_for_the_list() {
    // The event is sent without the lock, which this would wait for.
    struct Asks(std::sync::Arc<Losses>);
    impl tracing::Subscriber for Asks {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            assert_eq!(self.0.list().len(), 1);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }
    let _events = Events::listen();
    let losses = std::sync::Arc::<Losses>::default();
    tracing::subscriber::with_default(Asks(std::sync::Arc::clone(&losses)), || {
        losses.report(Loss::NoCache, None, "choose one");
    });
}

#[test]
fn an_advice_is_bounded() {
    let losses = Losses::default();
    losses.report(Loss::Unfaithful, FUNCTION, &"é".repeat(LONGEST_ADVICE));
    losses.report(Loss::Unfaithful, None, "é");
    let lengths: Vec<_> = losses.list().iter().map(|loss| loss.advice.len()).collect();
    assert_eq!(lengths, ["é".len(), LONGEST_ADVICE]);
}
