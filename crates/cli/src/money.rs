//! What was spent, and what may be.

use anyhow::Context;
use runtime::Env;
use serde_json::{Value, json};

use crate::args::{Budget, BudgetVerb, Spend};
use crate::door::Door;
use crate::table::{Table, dollars, plain};

/// What a row of the report says in money, and over which column.
const AMOUNTS: [(&str, &str); 7] = [
    (">SETTLED", "settledUsdMicros"),
    (">RESERVED", "reservedUsdMicros"),
    (">UNKNOWN", "unknownUsdMicros"),
    (">WITHHELD", "withheldUsdMicros"),
    (">DUPLICATE", "duplicateUsdMicros"),
    (">LATE", "lateUsdMicros"),
    (">SAVED", "savedUsdMicros"),
];

/// `darkroom spend`
pub(crate) async fn spend(env: &Env, args: &Spend) -> anyhow::Result<()> {
    let mut query = vec![("by", args.by.as_str().to_owned())];
    for (name, value) in [("from", &args.from), ("to", &args.to)] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let door = Door::gateway(env)?;
    if args.csv {
        query.push(("format", "csv".to_owned()));
        print!("{}", door.text("/v1/spend", &query).await?);
        return Ok(());
    }
    let report = door.get("/v1/spend", &query).await?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}", spend_table(&report)),
    }
    Ok(())
}

/// `darkroom budget`
pub(crate) async fn budget(env: &Env, args: &Budget) -> anyhow::Result<()> {
    let door = Door::gateway(env)?;
    match &args.verb {
        BudgetVerb::List { json } => {
            let report = door.get("/v1/budgets", &[]).await?;
            let items = report["items"].as_array().map_or(&[][..], Vec::as_slice);
            show(&report, items, *json)
        }
        BudgetVerb::Set {
            scope,
            per_day,
            total,
            json,
        } => {
            let limits = json!({ "perDayUsd": per_day, "totalUsd": total });
            let budget = door.put(&path(scope)?, &limits).await?;
            show(&budget, std::slice::from_ref(&budget), *json)
        }
        BudgetVerb::Remove { scope } => {
            door.delete(&path(scope)?).await?;
            println!("{scope} is not limited any more");
            Ok(())
        }
    }
}

/// A scope may hold a campaign's name, and that may hold anything.
fn path(scope: &str) -> anyhow::Result<String> {
    let mut url: url::Url = "http://gateway/v1/budgets".parse()?;
    url.path_segments_mut().ok().context("no path")?.push(scope);
    Ok(url.path().to_owned())
}

fn show(whole: &Value, budgets: &[Value], json: bool) -> anyhow::Result<()> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(whole)?),
        false => print!("{}", budget_table(budgets)),
    }
    Ok(())
}

fn spend_table(report: &Value) -> String {
    let mut heads = vec!["GROUP", ">GENERATIONS", ">IMAGES"];
    heads.extend(AMOUNTS.map(|(head, _)| head));
    let mut table = Table::new(&heads);
    let row = |name: String, row: &Value| {
        let mut cells = vec![
            name,
            row["generations"].to_string(),
            row["images"].to_string(),
        ];
        cells.extend(AMOUNTS.map(|(_, field)| dollars(&row[field])));
        cells
    };
    for item in report["items"].as_array().into_iter().flatten() {
        table.row(row(plain(&item["group"]), item));
    }
    table.row(row("total".to_owned(), &report["total"]));
    table.text()
}

fn budget_table(budgets: &[Value]) -> String {
    let mut table = Table::new(&[
        "SCOPE",
        ">PER DAY",
        ">TODAY",
        ">TOTAL",
        ">SETTLED",
        ">RESERVED",
        ">UNKNOWN",
        "STATE",
        ">WAITING",
    ]);
    for budget in budgets {
        let state = match budget["exhausted"].as_bool() {
            Some(true) => "exhausted",
            _ => "open",
        };
        table.row(vec![
            plain(&budget["scope"]),
            dollars(&budget["perDayUsdMicros"]),
            dollars(&budget["settledTodayUsdMicros"]),
            dollars(&budget["totalUsdMicros"]),
            dollars(&budget["settledTotalUsdMicros"]),
            dollars(&budget["reservedUsdMicros"]),
            dollars(&budget["unknownUsdMicros"]),
            state.to_owned(),
            budget["waiting"].to_string(),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_ends_in_its_total() {
        let row = |group: &str, settled: i64| {
            json!({ "group": group, "generations": 2, "images": 8, "settledUsdMicros": settled,
                "reservedUsdMicros": 0, "unknownUsdMicros": 0, "withheldUsdMicros": 0,
                "duplicateUsdMicros": 0, "lateUsdMicros": 0, "savedUsdMicros": 160_000 })
        };
        let items = [row("summer", 640_000), row("", 80_000)];
        let text = spend_table(&json!({ "items": items, "total": row("", 720_000) }));
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();

        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0][..4], ["GROUP", "GENERATIONS", "IMAGES", "SETTLED"]);
        assert_eq!(lines[1][..4], ["summer", "2", "8", "$0.64"]);
        assert_eq!(lines[2][0], "-");
        assert_eq!((lines[3][0], lines[3][3]), ("total", "$0.72"));
        assert_eq!(lines[3].last(), Some(&"$0.16"));
    }

    #[test]
    fn a_limit_that_is_not_set_is_a_dash() {
        let budget = json!({ "scope": "tenant:default", "perDayUsdMicros": 5_000_000,
            "totalUsdMicros": null, "settledTodayUsdMicros": 80_000, "settledTotalUsdMicros": 80_000,
            "reservedUsdMicros": 0, "unknownUsdMicros": 0, "exhausted": true, "waiting": 3 });
        let text = budget_table(&[budget]);
        let line: Vec<&str> = text
            .lines()
            .nth(1)
            .unwrap_or_default()
            .split_whitespace()
            .collect();

        let expected = [
            "tenant:default",
            "$5.00",
            "$0.08",
            "-",
            "$0.08",
            "$0.00",
            "$0.00",
            "exhausted",
            "3",
        ];
        assert_eq!(line, expected);
    }

    #[test]
    fn any_scope_is_one_part_of_a_path() -> anyhow::Result<()> {
        assert_eq!(
            path("campaign:default:a/b ?")?,
            "/v1/budgets/campaign:default:a%2Fb%20%3F"
        );
        Ok(())
    }
}
