//! A running simulator and a client that knows nothing of its insides.

use std::time::Duration;

use anyhow::{Context, ensure};
use ideogram_sim::{Config, Latency, Simulator};
use image::{ImageFormat, Rgba, RgbaImage};
use reqwest::header::HeaderMap;
use serde_json::Value;

pub(crate) const V45: &str = "/v2/image/generate/ideogram-4-5";
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// A simulator and a client for it.
pub(crate) struct Rig {
    pub(crate) sim: Simulator,
    pub(crate) http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Rig {
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        let sim = Simulator::start(config).await?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .user_agent("test")
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { sim, http })
    }

    /// A generation takes an hour of the simulated clock.
    pub(crate) async fn slow() -> anyhow::Result<Self> {
        Self::start(Config {
            latency: Latency {
                min: HOUR,
                max: HOUR,
            },
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.sim.api_url());
        read(self.http.post(url).header("Api-Key", "k").json(&body)).await
    }

    /// Sends a multipart form.
    pub(crate) async fn send(&self, path: &str, form: Form) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.sim.api_url());
        let request = self.http.post(url).header("Api-Key", "k");
        read(form.attach(request)).await
    }

    /// The picture behind a link, decoded.
    pub(crate) async fn picture(&self, url: &str) -> anyhow::Result<RgbaImage> {
        let (status, content_type, bytes) = self.download(url).await?;
        ensure!(
            status == 200 && content_type == "image/png",
            "{status} {content_type}"
        );
        Ok(image::load_from_memory(&bytes)?.into_rgba8())
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.sim.api_url());
        read(self.http.get(url).header("Api-Key", "k")).await
    }

    pub(crate) async fn poll(&self, id: &str) -> anyhow::Result<Answer> {
        self.get(&format!("/v2/generations/{id}")).await
    }

    /// Submits asynchronously and returns the id.
    pub(crate) async fn submit(&self, prompt: &str) -> anyhow::Result<String> {
        let answer = self
            .post(V45, serde_json::json!({ "prompt": prompt, "async": true }))
            .await?;
        ensure!(answer.status == 200, "{answer:?}");
        answer.text_at("/generation_id")
    }

    pub(crate) async fn download(&self, url: &str) -> anyhow::Result<(u16, String, Vec<u8>)> {
        let response = self.http.get(url).send().await?;
        let content_type = response
            .headers()
            .get("content-type")
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Ok((
            response.status().as_u16(),
            content_type,
            response.bytes().await?.to_vec(),
        ))
    }

    /// Width and height, by decoding the picture as a PNG.
    pub(crate) async fn pixels(&self, url: &str) -> anyhow::Result<(u32, u32)> {
        let (status, content_type, bytes) = self.download(url).await?;
        ensure!(
            status == 200 && content_type == "image/png",
            "{status} {content_type}"
        );
        decode(&bytes)
    }

    pub(crate) async fn admin(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.sim.admin_url()));
        read(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }
}

impl Answer {
    pub(crate) fn text_at(&self, pointer: &str) -> anyhow::Result<String> {
        let value = self.json.pointer(pointer).and_then(Value::as_str);
        value
            .map(str::to_owned)
            .with_context(|| format!("no text at {pointer} in {self:?}"))
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let json = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer {
        status,
        headers,
        text,
        json,
    })
}

pub(crate) fn decode(bytes: &[u8]) -> anyhow::Result<(u32, u32)> {
    let reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), ImageFormat::Png);
    let image = reader.decode()?;
    Ok((image.width(), image.height()))
}

/// Waits for a condition that somebody else makes true.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) -> anyhow::Result<()> {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .with_context(|| format!("waited in vain until {what}"))
}

/// The side of the pictures that tests send.
pub(crate) const SIDE: u32 = 64;

/// A multipart body in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    const BOUNDARY: &str = "between-two-parts";

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"{name}\"; filename=\"a\""), content)
    }

    fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n",
            Self::BOUNDARY
        );
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn attach(mut self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        self.0
            .extend_from_slice(format!("--{}--\r\n", Self::BOUNDARY).as_bytes());
        let content_type = format!("multipart/form-data; boundary={}", Self::BOUNDARY);
        request.header("content-type", content_type).body(self.0)
    }
}

/// A picture of which no two pixels are alike.
pub(crate) fn gradient() -> RgbaImage {
    RgbaImage::from_fn(SIDE, SIDE, |x, y| {
        Rgba([40 + x as u8, 60 + y as u8, 180, u8::MAX])
    })
}

/// Its left half black and transparent, its right half white and opaque.
pub(crate) fn half_mask() -> RgbaImage {
    RgbaImage::from_fn(SIDE, SIDE, |x, _| {
        if x < SIDE / 2 {
            Rgba([0, 0, 0, 0])
        } else {
            Rgba([u8::MAX; 4])
        }
    })
}

pub(crate) fn encoded(image: &RgbaImage, format: ImageFormat) -> anyhow::Result<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => image::DynamicImage::from(image.clone())
            .into_rgb8()
            .write_to(&mut bytes, format)?,
        format => image.write_to(&mut bytes, format)?,
    }
    Ok(bytes.into_inner())
}

pub(crate) fn png(image: &RgbaImage) -> anyhow::Result<Vec<u8>> {
    encoded(image, ImageFormat::Png)
}
