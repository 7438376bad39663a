//! Databases of earlier versions.

use domain::{Generation, Tenant, Usd};
use history::Grouping;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::{Files, life, money};

/// What the version before knew: the database as it is now, without what has been added since.
const BACK_TO_1: &str = "DROP TABLE notices; DROP TABLE spend; DROP INDEX generations_by_identity; \
    ALTER TABLE generations DROP COLUMN identity; ALTER TABLE generations DROP COLUMN ledger; \
    ALTER TABLE position DROP COLUMN stored_at; \
    PRAGMA user_version = 1;";

async fn connect(files: &Files) -> anyhow::Result<SqliteConnection> {
    let path = files.url().replace("sqlite://", "");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    Ok(options.connect().await?)
}

#[tokio::test]
async fn a_database_without_ledgers_gets_them() -> anyhow::Result<()> {
    let files = Files::new()?;
    let (done, running) = (life::job("a kite", 0), life::job("a fox", 1));
    let mut events = life::whole(&done);
    events.extend(life::whole(&running).into_iter().take(3));
    let history = files.open().await?;
    let log: Vec<_> = (1..).zip(&events).collect();
    history.project(&log).await?;
    history.close().await;
    let mut connection = connect(&files).await?;
    sqlx::raw_sql(BACK_TO_1).execute(&mut connection).await?;
    connection.close().await?;

    let history = files.open().await?;
    let of = Tenant::default();
    let found = history.get(&of, done.id).await?;
    assert_eq!(found, Generation::of(life::whole(&done)));
    let identity = done.request.identity().to_string();
    assert_eq!(history.find(&of, &identity).await?.id, Some(done.id));
    let total = history.spend(&money::query(Grouping::Day)).await?.total;
    let price = Usd::from_micros(80_000);
    assert_eq!(total.generations, 2);
    assert_eq!((total.spend.settled, total.spend.images), (price, 1));
    assert_eq!(total.spend.reserved, price);

    // What was running is written on where it stood.
    let rest: Vec<_> = life::whole(&running).split_off(3);
    let log: Vec<_> = (12..).zip(&rest).collect();
    history.project(&log).await?;
    let total = history.spend(&money::query(Grouping::Day)).await?.total;
    assert_eq!(total.spend.settled, price.times(2));
    assert_eq!(total.spend.reserved, Usd::ZERO);
    Ok(())
}
