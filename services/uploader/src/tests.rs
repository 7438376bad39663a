//! What tests of the parts have in common.

use domain::{GenerationId, Job, Rendered, RenderedImage, Request, Tenant, Usd};
use jiff::Timestamp;

/// One picture, drawn `at`, with a link that dies at `expires_at`.
pub(crate) fn rendered(at: Timestamp, expires_at: Timestamp) -> anyhow::Result<Rendered> {
    let id = GenerationId::generate();
    let image = RenderedImage {
        index: 0,
        link: Some("https://ideogram.ai/x.png".parse()?),
        seed: None,
        prompt: None,
    };
    Ok(Rendered {
        job: Job::new(id, Tenant::default(), Request::new("a red kite"), at),
        attempt: 1,
        provider_id: Some("name".to_owned()),
        images: vec![image],
        texts: Vec::new(),
        late: false,
        expires_at,
        cost: Usd::from_micros(80_000),
        at,
    })
}
