//! Every request ends once.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Options, PATIENCE, Pipeline};
use serde_json::json;
use testkit::wait_for;

const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_requests_of_all_kinds_have_sixty_ends() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    for n in 0..ROUNDS {
        let published = [
            json!({"prompt": format!("a kite {n}"), "presets": []}),
            json!({"prompt": format!("two kites {n}"), "numImages": 2, "presets": ["thumbnail"]}),
            json!({"prompt": format!("nine kites {n}"), "numImages": 9}),
            json!({"prompt": format!("a kite {n} [withheld]")}),
        ];
        for request in published {
            let body = request.to_string();
            pipeline
                .broker
                .publish("generation.requested", body)
                .await?;
        }
        for word in ["unsafe", "fail"] {
            let prompt = format!("a kite {n} [{word}]");
            pipeline.desk.post(&json!({"prompt": prompt})).await?;
        }
    }

    let ends = wait_for(PATIENCE, "sixty ends", async || {
        let ends = pipeline.broker.ends().await.ok()?;
        (ends.len() >= 6 * ROUNDS).then_some(ends)
    });
    ends.await?;
    // Whoever wants to say something more has said it when it stops.
    let mut pipeline = pipeline;
    pipeline.stop_services().await?;

    let ends = pipeline.broker.ends().await?;
    let ids: BTreeSet<&str> = ends.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!((ends.len(), ids.len()), (6 * ROUNDS, 6 * ROUNDS));
    let completed = ends.iter().filter(|(name, _)| name == "completed").count();
    assert_eq!(completed, 2 * ROUNDS);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for charge in pipeline.provider.bill() {
        *calls.entry(charge.prompt).or_default() += 1;
    }
    // Those that were refused, here or there, were not sold; nothing was sold twice.
    assert_eq!(calls.len(), 4 * ROUNDS);
    assert!(calls.values().all(|&times| times == 1), "{calls:?}");
    pipeline.stop().await
}
