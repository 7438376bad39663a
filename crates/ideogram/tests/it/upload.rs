//! How files are sent, and what comes back of a call with some.

use bytes::Bytes;
use domain::{Billed, Draft};
use ideogram::{Api, Call, Error, Polarity, RejectKind, Role, plan};
use image::RgbaImage;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::pictures::{files, picture, pinned, png};
use crate::provider::{Provider, Reply};
use crate::{ID, client, refused};

fn edit() -> anyhow::Result<Call> {
    let draft = Draft {
        operation: Some("edit".to_owned()),
        model: Some("V_3".to_owned()),
        prompt: Some("a red kite".to_owned()),
        source_images: vec![picture()],
        mask: Some(picture()),
        style_codes: vec!["0a1b2c3d".to_owned(), "ffffffff".to_owned()],
        ..Draft::default()
    };
    Ok(plan(&pinned(&draft)?, Api::Auto)?)
}

#[tokio::test]
async fn files_are_sent_as_parts_of_known_length() -> anyhow::Result<()> {
    let provider = Provider::answering(Reply::json(200, &json!({ "generation_id": ID }))).await?;
    let call = edit()?;

    client(&provider.url)?.submit(&call, &files(&call)?).await?;

    let roles: Vec<_> = call
        .files()
        .iter()
        .map(|file| (file.role, file.polarity))
        .collect();
    let black = Some(Polarity::BlackChanges);
    assert_eq!(roles, [(Role::Source(0), None), (Role::Mask, black)]);
    let seen = provider.seen();
    let headers = &seen[0].headers;
    let length: usize = headers["content-length"].to_str()?.parse()?;
    assert_eq!(length, seen[0].raw.len());
    assert!(!headers.contains_key("transfer-encoding"));
    let form = String::from_utf8_lossy(&seen[0].raw);
    for part in [
        "name=\"prompt\"\r\n\r\na red kite\r\n",
        "name=\"style_codes\"\r\n\r\n0a1b2c3d\r\n",
        "name=\"style_codes\"\r\n\r\nffffffff\r\n",
        "name=\"private\"\r\n\r\ntrue\r\n",
        "name=\"async\"\r\n\r\ntrue\r\n",
        "name=\"image\"; filename=\"source.png\"\r\nContent-Type: image/png\r\n\r\n\u{fffd}PNG",
        "name=\"mask\"; filename=\"mask.png\"\r\nContent-Type: image/png\r\n\r\n",
    ] {
        assert!(form.contains(part), "{part:?} in {form:.2000}");
    }
    Ok(())
}

#[tokio::test]
async fn files_that_do_not_fit_the_call_are_not_sent() -> anyhow::Result<()> {
    let provider = Provider::answering(Reply::json(200, &json!({ "generation_id": ID }))).await?;
    let client = client(&provider.url)?;
    let call = edit()?;
    let good = png(&RgbaImage::new(8, 8))?;
    let large = Bytes::from([&good, vec![0; 25_000_000].as_slice()].concat());

    for (files, field) in [
        (vec![], "files"),
        (vec![good.clone()], "files"),
        (vec![good.clone(), Bytes::from_static(b"GIF89a")], "mask"),
        (vec![large, good], "image"),
    ] {
        let err = refused(client.submit(&call, &files).await)?;
        assert_eq!((err.billed(), err.is_repeatable()), (Billed::No, false));
        assert!(
            matches!(&err, Error::File { field: f, .. } if *f == field),
            "{err:?}"
        );
    }
    assert_eq!(provider.seen().len(), 0);
    Ok(())
}

/// A refusal of the key or of the size needs no more than the head of the request.
#[tokio::test]
async fn a_refusal_that_comes_before_the_files_were_read_counts() -> anyhow::Result<()> {
    const WORDS: &[u8] = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut head = [0; 64];
        stream.read_exact(&mut head).await?;
        stream.write_all(WORDS).await?;
        // As servers do that want their answer to be read: the rest is taken, and thrown away.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    });
    let call = edit()?;
    let source = Bytes::from([&files(&call)?[0], vec![0; 20_000_000].as_slice()].concat());

    let err = refused(
        client(&url)?
            .submit(&call, &[source, files(&call)?[1].clone()])
            .await,
    )?;

    let kind = RejectKind::TooLarge;
    assert!(
        matches!(&err, Error::Rejected { kind: k, .. } if *k == kind),
        "{err:?}"
    );
    server.await??;
    Ok(())
}
