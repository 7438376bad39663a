//! Questions about what was bought.

use domain::{Event, Generation, GenerationId, Image, ImageState, Status, Tenant, Usd};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row as _};
use wire::Encoding;

use super::{Sqlite, read, unsigned};
use crate::{Error, Grouping, Spend, SpendQuery, SpendReport, SpendRow};

/// Generations with one identity that are looked through at once.
const CHUNK: i64 = 16;

impl Sqlite {
    /// The last generation of that identity that has something to hand out, or is about to.
    pub(crate) async fn find(
        &self,
        tenant: &Tenant,
        identity: &str,
    ) -> Result<Option<GenerationId>, Error> {
        let mut before = i64::MAX;
        loop {
            let rows = sqlx::query(
                "SELECT number, document FROM generations WHERE tenant = ? AND identity = ? \
                 AND number < ? AND status IN (?, ?, ?) ORDER BY number DESC LIMIT ?",
            )
            .bind(tenant.as_str())
            .bind(identity)
            .bind(before)
            .bind(Status::Running.as_str())
            .bind(Status::Completed.as_str())
            .bind(Status::Ready.as_str())
            .bind(CHUNK)
            .fetch_all(self.readers())
            .await
            .map_err(Error::Read)?;
            let Some(last) = rows.last() else {
                return Ok(None);
            };
            before = last.try_get("number").map_err(Error::Read)?;
            for row in &rows {
                let generation = read::generation(row)?;
                if hands_out(&generation) {
                    return Ok(Some(generation.id));
                }
            }
        }
    }

    /// All that the report says is of one moment.
    pub(crate) async fn spend(&self, query: &SpendQuery) -> Result<SpendReport, Error> {
        let mut snapshot = self.readers().begin().await.map_err(Error::Read)?;
        let rows = sums(&mut snapshot, query, Some(query.by)).await?;
        if rows.len() > SpendQuery::MAX_GROUPS {
            return Err(Error::Question {
                field: "by",
                reason: format!(
                    "makes more than {} groups; ask for a shorter time with `from` and `to`",
                    SpendQuery::MAX_GROUPS
                ),
            });
        }
        let total = sums(&mut snapshot, query, None).await?;
        Ok(SpendReport {
            rows,
            total: total.into_iter().next().unwrap_or_default(),
        })
    }

    pub(crate) async fn notices(&self, limit: u32) -> Result<Vec<Event>, Error> {
        let rows = sqlx::query("SELECT name, body FROM notices ORDER BY at DESC, id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(self.readers())
            .await
            .map_err(Error::Read)?;
        let event = |row: &SqliteRow| {
            let name: &str = row.try_get("name").map_err(Error::Read)?;
            let body: &[u8] = row.try_get("body").map_err(Error::Read)?;
            Ok(wire::decode(name, Encoding::Protobuf, body)?)
        };
        rows.iter().map(event).collect()
    }
}

/// Whether its pictures or words are here, or are made and on their way to us.
fn hands_out(generation: &Generation) -> bool {
    let is_kept = |image: &Image| matches!(image.state, ImageState::Stored | ImageState::Ready);
    match generation.status {
        Status::Running => generation.cost.settled.is_some(),
        _ => generation.images.iter().any(is_kept) || !generation.texts.is_empty(),
    }
}

/// One row for each group, or one for all.
async fn sums(
    connection: &mut SqliteConnection,
    query: &SpendQuery,
    by: Option<Grouping>,
) -> Result<Vec<SpendRow>, Error> {
    let group = match by {
        None => "''",
        Some(Grouping::Campaign) => "coalesce(campaign, '')",
        Some(Grouping::Key) => "coalesce(api_key, '')",
        Some(Grouping::Tag) => "coalesce(tag.value, '')",
        Some(Grouping::Model) => "coalesce(model, '')",
        Some(Grouping::Day) => "date(at / 1000000, 'unixepoch')",
    };
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(group);
    sql.push(
        " AS name, count(DISTINCT generation) AS generations, sum(images) AS images, \
         sum(reserved) AS reserved, sum(settled) AS settled, sum(unknown) AS unknown, \
         sum(withheld) AS withheld, sum(duplicate) AS duplicate, sum(late) AS late, \
         sum(saved) AS saved FROM spend",
    );
    if by == Some(Grouping::Tag) {
        sql.push(" LEFT JOIN json_each(spend.tags) AS tag");
    }
    sql.push(" WHERE tenant = ")
        .push_bind(query.tenant.to_string());
    if let Some(from) = query.from {
        sql.push(" AND at >= ").push_bind(from.as_microsecond());
    }
    if let Some(to) = query.to {
        sql.push(" AND at < ").push_bind(to.as_microsecond());
    }
    sql.push(" GROUP BY name ORDER BY name LIMIT ")
        .push_bind(SpendQuery::MAX_GROUPS as i64 + 1);
    let rows = sql
        .build()
        .fetch_all(connection)
        .await
        .map_err(Error::Read)?;
    rows.iter()
        .map(|row| line(row).map_err(Error::Read))
        .collect()
}

fn line(row: &SqliteRow) -> sqlx::Result<SpendRow> {
    let amount = |column| row.try_get(column).map(Usd::from_micros);
    Ok(SpendRow {
        group: row.try_get("name")?,
        generations: unsigned(row, "generations")?,
        spend: Spend {
            images: unsigned(row, "images")?,
            reserved: amount("reserved")?,
            settled: amount("settled")?,
            unknown: amount("unknown")?,
            withheld: amount("withheld")?,
            duplicate: amount("duplicate")?,
            late: amount("late")?,
            saved: amount("saved")?,
        },
    })
}
