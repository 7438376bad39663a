//! The report of what was spent, which the historian adds up.

use std::sync::{Mutex, PoisonError};

use bus::Refusal;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use wire::{ask, v1};

use crate::desk::{Desk, body};

fn row(group: &str, settled: i64) -> v1::SpendRow {
    v1::SpendRow {
        group: group.to_owned(),
        generations: 1,
        settled_usd_micros: settled,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_report_is_json_or_a_file_for_a_spreadsheet() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let asked = Mutex::new(Vec::new());
    let historian = |_: &'static str, question: bytes::Bytes| {
        let query: v1::SpendQuery =
            ask::read(&question).map_err(|err| Refusal::bad(err.to_string()))?;
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(query);
        Ok(ask::write(&v1::SpendReport {
            rows: vec![row("=SUM(A1)", 80_000), row("", 5)],
            total: Some(row("", 80_005)),
        }))
    };

    let user = async {
        let path = "/v1/spend?by=tag&from=2026-11-01&to=2026-12-01T00:00:00Z";
        let report = body(desk.get(path).send().await?, StatusCode::OK).await?;
        assert_eq!(report["by"], json!("tag"));
        assert_eq!(report["from"], json!("2026-11-01T00:00:00Z"));
        assert_eq!(report["items"][0]["group"], json!("=SUM(A1)"));
        assert_eq!(report["total"]["settledUsdMicros"], json!(80_005));

        let file = desk.get("/v1/spend?format=csv").send().await?;
        let kind = file.headers()[CONTENT_TYPE].to_str()?.to_owned();
        assert!(kind.starts_with("text/csv"), "{kind}");
        Ok(file.text().await?)
    };
    let file = desk
        .answered("history", &["spend"], historian, user)
        .await?;

    let lines: Vec<&str> = file.split("\r\n").collect();
    assert!(lines[0].starts_with("campaign,generations,images,"));
    assert_eq!(lines[1], "\"'=SUM(A1)\",1,0,0,80000,0,0,0,0,0");
    assert_eq!(lines[2], "\"\",1,0,0,5,0,0,0,0,0");
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let tag = v1::SpendQuery {
        tenant: "default".to_owned(),
        by: "tag".to_owned(),
        from: Some("2026-11-01T00:00:00Z".to_owned()),
        to: Some("2026-12-01T00:00:00Z".to_owned()),
    };
    assert_eq!(asked[0], tag);
    assert_eq!(asked[1].by, "campaign");
    desk.close().await
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_by_name() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    for (query, field) in [
        ("by=colour", "by"),
        ("format=xml", "format"),
        ("from=yesterday", "from"),
        ("campaign=summer", "campaign"),
    ] {
        let answer = desk.get(&format!("/v1/spend?{query}")).send().await?;
        let problem = body(answer, StatusCode::UNPROCESSABLE_ENTITY).await?;
        assert_eq!(problem["field"], json!(field), "{query}");
    }
    let alone = desk.get("/v1/spend").send().await?;
    body(alone, StatusCode::SERVICE_UNAVAILABLE).await?;
    desk.close().await
}
