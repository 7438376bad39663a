//! Files that mean harm, through the program that is shipped: it never restarts nor grows much, and
//! what came with them is cut.
#![cfg(target_os = "linux")]

#[path = "../../../crates/imaging/tests/corpus/mod.rs"]
mod corpus;
#[path = "../../../crates/imaging/tests/samples/mod.rs"]
mod samples;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bus::Bus;
use corpus::{Case, Fate};
use domain::{
    Code, Completed, GenerationId, Image, ImageId, ImageState, Job, Ready, Request, Tenant, Usd,
};
use jiff::Timestamp;
use storage::{Key, Store};
use testkit::{NatsServer, Process};

const PATIENCE: Duration = Duration::from_secs(240);
const GRACE: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;
/// What four pictures at a time may add to the process.
const MOST_GROWTH: u64 = 512 * MIB;
const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_ends_the_service_or_its_siblings() -> Result<()> {
    let nats = NatsServer::start().await?;
    let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
    bus::provision(&bus, 1).await?;
    let folder = tempfile::tempdir()?;
    let url = format!("file://{}", folder.path().display());
    let store = Store::open(&url, |_| None)?;
    let envs = [
        ("DARKROOM_NATS_URL", nats.url()),
        ("DARKROOM_STORAGE_URL", &url),
        ("DARKROOM_POST_PROCESSOR_CONCURRENCY", "4"),
    ];
    let program = env!("CARGO_BIN_EXE_post-processor");
    let mut service = Process::start(program, [""; 0], envs).await?;
    // 5 resets the peak to what is resident now (proc_pid_clear_refs(5)).
    fs::write(format!("/proc/{}/clear_refs", service.pid()), "5")?;
    let before = peak(&service)?;

    let cases = corpus::all()?;
    ensure!(cases.len() >= 40);
    let mut sent = Vec::new();
    for case in &cases {
        let id = GenerationId::generate();
        complete(&bus, &store, id, case).await?;
        sent.push(id);
    }
    for (case, id) in cases.iter().zip(sent) {
        let ready = ready(&bus, id).await;
        let ready = ready.with_context(|| format!("{}\n{}", case.name, service.log()))?;
        judge(case, &ready, &store).await?;
    }

    let growth = peak(&service)?.saturating_sub(before);
    println!("{} MiB more for {} files", growth / MIB, cases.len());
    ensure!(growth > MIB && growth <= MOST_GROWTH, "{growth} bytes more");
    let ended = service.terminate(GRACE).await?;
    ensure!(ended.success(), "it did not live to the end: {ended}");
    Ok(())
}

/// Each comes with a picture that is fine.
async fn complete(bus: &Bus, store: &Store, id: GenerationId, case: &Case) -> Result<()> {
    let images = vec![
        stored(store, id, 0, case.bytes.clone()).await?,
        stored(store, id, 1, testkit::png(64, 64)?).await?,
    ];
    let request = Request {
        presets: ["og-image", "thumbnail"].map(Into::into).to_vec(),
        ..Request::new("a bomb")
    };
    let at = Timestamp::UNIX_EPOCH;
    let completed = Completed {
        job: Job::new(id, Tenant::default(), request, at),
        images,
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at,
    };
    bus.ledger().append(completed, 0).await?;
    Ok(())
}

async fn stored(store: &Store, id: GenerationId, index: u32, bytes: Vec<u8>) -> Result<Image> {
    let key = Key::generated(&id, index, DIGEST, "png")?;
    store.put_new(&key, bytes.into()).await?;
    Ok(Image {
        id: ImageId::of(id, index),
        index,
        state: ImageState::Stored,
        url: None,
        key: Some(key.to_string()),
        width: 0,
        height: 0,
        seed: None,
        prompt: None,
        format: "png".to_owned(),
        bytes: 0,
        sha256: DIGEST.to_owned(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    })
}

async fn ready(bus: &Bus, id: GenerationId) -> Result<Ready> {
    testkit::wait_for(PATIENCE, "generation.ready", async || {
        let mut entries = bus.ledger().read(id).await.ok()?;
        Ready::try_from(entries.pop()?.event).ok()
    })
    .await
}

/// Whether the file has met its fate, with its original kept, and its sibling is cut.
async fn judge(case: &Case, ready: &Ready, store: &Store) -> Result<()> {
    let [bomb, sibling] = &ready.images[..] else {
        anyhow::bail!("{}: {ready:?}", case.name)
    };
    let expected = match case.fate {
        Fate::Refused => (ImageState::Undecodable, Some(Code::Undecodable), 0),
        Fate::Decoded => (ImageState::Ready, None, 2),
    };
    let code = bomb.error.as_ref().map(|error| error.code);
    let found = (bomb.state, code, bomb.derivatives.len());
    ensure!(found == expected, "{}: {bomb:?}", case.name);
    ensure!(
        sibling.state == ImageState::Ready && sibling.derivatives.len() == 2,
        "beside {}: {sibling:?}",
        case.name
    );
    let key = Key::parse(bomb.key.as_deref().unwrap_or_default())?;
    let kept = store.get(&key).await?.context("the original is gone")?;
    ensure!(kept == case.bytes, "{}: not what it was", case.name);
    Ok(())
}

fn peak(service: &Process) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.context("no VmHWM")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<u64>()? * 1024)
}
