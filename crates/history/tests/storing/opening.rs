use std::fs;

use history::{Error, History, Position};

use crate::{Files, life, tenant};

async fn refusal(url: &str) -> String {
    match History::open(url).await {
        Ok(_) => "opened".to_owned(),
        Err(err) => err.to_string(),
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() -> anyhow::Result<()> {
    let files = Files::new()?;
    let job = life::job("a kite", 0);
    let history = files.open().await?;
    history.project(&[(7, &life::accepted(&job))]).await?;
    history.close().await;

    let history = files.open().await?;
    assert_eq!(history.position().await?, 7);
    assert!(history.get(&tenant("default")?, job.id).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn the_place_in_the_log_is_kept_with_the_events_and_never_moves_back() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    assert_eq!(history.reached().await?, None);
    let event = life::accepted(&life::job("a kite", 0));
    let place = |sequence, second| Position {
        sequence,
        stored_at: life::at(second) + jiff::SignedDuration::from_nanos(1),
    };

    drop(history.write(&[(7, &event)], place(9, 1)).await?);
    assert_eq!(history.reached().await?, None);
    let written = history.write(&[(7, &event)], place(9, 1)).await?;
    assert_eq!(written.commit().await?, 9);
    // Another who is slower, or has another log.
    let written = history.write(&[], place(8, 2)).await?;
    assert_eq!(written.commit().await?, 9);
    history.close().await;

    let history = files.open().await?;
    assert_eq!(history.reached().await?, Some(place(9, 1)));
    history.rewind().await?;
    assert_eq!(
        (history.reached().await?, history.position().await?),
        (None, 0)
    );
    Ok(())
}

#[tokio::test]
async fn urls_that_name_no_file_are_refused() {
    for url in [
        "",
        "history.db",
        "sqlite://",
        "sqlite::memory:",
        "sqlite:///data/",
    ] {
        assert!(refusal(url).await.contains("must name a file"), "{url}");
    }
    assert!(
        refusal("sqlite:///data/a.db?mode=ro")
            .await
            .contains("and nothing else")
    );
}

#[tokio::test]
async fn other_databases_are_refused_without_repeating_passwords() {
    let said = refusal("postgres://user:secret@db/history").await;

    assert!(said.contains("`postgres` database is not served"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("notes.txt");
    let text = "Dear diary, ".repeat(100);
    fs::write(&path, &text)?;

    let said = refusal(&format!("sqlite://{}", path.display())).await;

    assert!(said.contains("is not an SQLite database"), "{said}");
    assert_eq!(fs::read_to_string(&path)?, text);
    Ok(())
}

#[tokio::test]
async fn places_that_cannot_hold_a_database_are_named() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("file"), "")?;
    fs::create_dir(dir.path().join("folder"))?;
    let dir = dir.path().display();

    let said = refusal(&format!("sqlite://{dir}/file/history.db")).await;
    assert!(said.contains("cannot create the folder"), "{said}");
    let said = refusal(&format!("sqlite://{dir}/folder")).await;
    assert!(
        said.contains("cannot open") && said.contains("folder"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn tables_of_a_later_version_are_not_touched() -> anyhow::Result<()> {
    use sqlx::{ConnectOptions as _, Connection as _};

    let files = Files::new()?;
    files.open().await?.close().await;
    let path = files.url().replace("sqlite://", "");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await?;
    sqlx::raw_sql("PRAGMA user_version = 99")
        .execute(&mut connection)
        .await?;
    connection.close().await?;

    let refused = History::open(&files.url()).await;
    assert!(
        matches!(refused, Err(Error::Newer { found: 99, .. })),
        "{refused:?}"
    );
    Ok(())
}
