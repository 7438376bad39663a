//! Pictures that were deleted: known, found, and not to be had.

use domain::{
    AssetDeleted, AssetExpired, Derivative, Event, Generation, Image, ImageId, ImageReady,
    ImageState, Job, Status, Tenant,
};
use history::{History, Search};

use crate::{Files, life};

fn expired(job: &Job) -> Event {
    Event::from(AssetExpired {
        id: job.id,
        tenant: job.tenant.clone(),
        image: ImageId::of(job.id, 0),
        reason: "retention".to_owned(),
        at: life::at(20),
    })
}

fn deleted(job: &Job) -> Event {
    Event::from(AssetDeleted {
        id: job.id,
        tenant: job.tenant.clone(),
        image: ImageId::of(job.id, 0),
        reason: "retention".to_owned(),
        keys: vec![format!("generated/{}/0-abc.png", job.id)],
        bytes: 10,
        at: life::at(21),
    })
}

fn cut(job: &Job) -> Image {
    let key = format!("derived/{}/0-abc/instagram-1.jpg", job.id);
    let cut = Derivative {
        preset: "instagram".to_owned(),
        url: format!("http://pictures.example/assets/{key}"),
        key,
        width: 1080,
        height: 1080,
        format: "jpeg".to_owned(),
        bytes: 5,
        sha256: "cd".to_owned(),
        crop_loss: 0.0,
        upscaled: true,
        review: Vec::new(),
    };
    Image {
        url: Some("http://pictures.example/assets/x".to_owned()),
        derivatives: vec![cut],
        ..life::image(job, ImageState::Ready)
    }
}

async fn only(history: &History) -> anyhow::Result<Generation> {
    let mut found = history.search(&Search::all(Tenant::default())).await?.items;
    anyhow::ensure!(found.len() == 1, "one generation: {found:?}");
    Ok(found.remove(0))
}

#[tokio::test]
async fn a_deleted_picture_is_remembered_without_where_it_was() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let job = life::job("a kite", 0);
    let mut events = life::whole(&job);
    let ready = Event::from(ImageReady {
        job: job.clone(),
        image: cut(&job),
        derivation: None,
        at: life::at(10),
    });
    events.extend([ready.clone(), expired(&job)]);
    let mut log: Vec<(u64, Event)> = (1..).zip(events).collect();
    let write = async |log: Vec<(u64, Event)>| {
        let lent: Vec<_> = log
            .iter()
            .map(|(sequence, event)| (*sequence, event))
            .collect();
        history.project(&lent).await
    };
    write(log.clone()).await?;
    let identity = job.request.identity().to_string();
    let found = history.find(&job.tenant, &identity).await?;
    assert_eq!(found.id, Some(job.id));
    // Until it is deleted it can be had.
    let before = only(&history).await?;
    assert_eq!(
        (before.images[0].state, before.images[0].derivatives.len()),
        (ImageState::Ready, 1)
    );

    let next = log.len() as u64 + 1;
    log.push((next, deleted(&job)));
    // What was on its way brings nothing back, and neither does hearing all of it again.
    log.push((next + 1, ready));
    write(log[log.len() - 2..].to_vec()).await?;
    write(log.clone()).await?;

    let after = history.get(&job.tenant, job.id).await?;
    assert_eq!(after, Some(only(&history).await?));
    let after = only(&history).await?;
    let image = &after.images[0];
    assert_eq!(after.status, Status::Ready);
    assert_eq!(
        (image.state, &image.key, &image.url, image.derivatives.len()),
        (ImageState::Deleted, &None, &None, 0)
    );
    assert_eq!(
        (image.seed, image.width, &*image.sha256),
        (Some(4_242), 64, "ab")
    );
    assert_eq!(after.cost, before.cost);
    assert_eq!(history.find(&job.tenant, &identity).await?.id, None);
    Ok(())
}
