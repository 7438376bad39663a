//! Somebody's web server, with pictures to hand in.

use std::io::Cursor;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use image::{GrayImage, ImageFormat, ImageResult, Luma};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves a few files until it is dropped; everything else is a 404.
#[derive(Debug)]
pub(super) struct Gallery {
    url: String,
    server: JoinHandle<()>,
}

impl Gallery {
    pub(super) async fn open<const N: usize>(
        files: [(&'static str, Vec<u8>); N],
    ) -> anyhow::Result<Self> {
        let mut router = Router::new();
        for (name, file) in files {
            let file = Bytes::from(file);
            let serve = get(async move || file.clone());
            router = router.route(&format!("/{name}"), serve);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = async { axum::serve(listener, router).await.unwrap_or_default() };
        Ok(Self {
            url,
            server: tokio::spawn(server),
        })
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A mask whose left half is black.
pub(super) fn black_to_the_left(width: u32, height: u32) -> ImageResult<Vec<u8>> {
    painted(width, height, |x| x < width / 2)
}

pub(super) fn white(width: u32, height: u32) -> ImageResult<Vec<u8>> {
    painted(width, height, |_| false)
}

fn painted(width: u32, height: u32, black: impl Fn(u32) -> bool) -> ImageResult<Vec<u8>> {
    let mask = GrayImage::from_fn(width, height, |x, _| Luma([if black(x) { 0 } else { 255 }]));
    let mut file = Cursor::new(Vec::new());
    mask.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}
