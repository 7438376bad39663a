use std::{
    array, env, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Client, Method, Response};
use ring::{digest, hmac};
use runtime::{Child, child::Log};
use tempfile::TempDir;

use crate::wait_for;

/// How long a server may take to start; 3 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Somebody else may take one of its ports between our choice and its start.
const STARTS: usize = 3;

const BUCKET: &str = "images";
const ACCESS_KEY: &str = "darkroom-test";
const SECRET_KEY: &str = "not-a-secret";
const REGION: &str = "us-east-1";
/// Who may do everything; everybody else may do nothing.
const IDENTITIES: &str = r#"{"identities": [{"name": "test", "credentials":
  [{"accessKey": "darkroom-test", "secretKey": "not-a-secret"}], "actions": ["Admin"]}]}"#;
/// One file for all objects, so that once one of them was read, its server has found them all.
const GROWTH: &str = "[master.volume_growth]\ncopy_1 = 1\n";

/// An S3 server of one test's own ([SeaweedFS]), with the bucket `images` and its data on disk.
///
/// It keeps its ports and its data across [`kill`](Self::kill) and [`restart`](Self::restart), and
/// is killed when dropped. What it logged is printed then, for the test runner to show if the test
/// failed. It takes some 30 MB of memory of its own, and 140 MB for a program that all share.
///
/// [SeaweedFS]: https://github.com/seaweedfs/seaweedfs
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    dir: TempDir,
    ports: Ports,
    http: Client,
}

impl S3Server {
    /// Starts one on ports the kernel picks, and returns once an object can be put.
    ///
    /// # Errors
    ///
    /// If there is no `weed`, or it does not come up within 60 s.
    pub async fn start() -> anyhow::Result<Self> {
        runtime::install_tls();
        let http = Client::builder()
            .no_proxy()
            .timeout(REQUEST_LIMIT)
            .build()?;
        let mut last = anyhow::anyhow!("never tried");
        for _ in 0..STARTS {
            let dir = tempfile::tempdir()?;
            fs::write(dir.path().join("identities.json"), IDENTITIES)?;
            fs::write(dir.path().join("master.toml"), GROWTH)?;
            let ports = Ports::pick()?;
            let mut server = Self {
                child: launch(dir.path(), &ports).await?,
                dir,
                ports,
                http: http.clone(),
            };
            match server.ready().await {
                Ok(()) => return Ok(server),
                Err(err) => last = err,
            }
        }
        Err(last)
    }

    /// Where clients connect, `http://127.0.0.1:…`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.s3)
    }

    /// The variables of the environment that lead a client of S3 here.
    pub fn env(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
        ]
    }

    /// Asks for `path` (`/images/…`, of characters that need no escaping) with the right to do
    /// everything, to look at the server from outside of our own code.
    ///
    /// # Errors
    ///
    /// If the server is not running.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Response> {
        let host = format!("127.0.0.1:{}", self.ports.s3);
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.endpoint()))
            .header("x-amz-date", &now)
            .header("x-amz-content-sha256", UNSIGNED)
            .header("authorization", authorization(&method, &host, path, &now))
            .body(body.into());
        Ok(request.send().await?)
    }

    /// Cuts its power (SIGKILL) and returns when it is gone.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Starts it again with the same ports and data, after stopping it politely if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), or if somebody else has taken a port meanwhile.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.child.terminate(GRACE).await?;
        self.child = launch(self.dir.path(), &self.ports).await?;
        self.ready().await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let ready = wait_for(START_LIMIT, "the S3 server to take an object", async || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(anyhow::anyhow!("it ended early: {status}")));
            }
            self.takes_objects().await.then_some(Ok(()))
        });
        ready.await.flatten().with_context(|| {
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            format!("cannot start the S3 server\n{log}")
        })
    }

    /// Whether the whole way to the disk and back works, which is made of four servers.
    async fn takes_objects(&self) -> bool {
        let bucket = format!("/{BUCKET}");
        let object = format!("/{BUCKET}/.ready");
        for (method, path, body) in [
            // 409 if it is there already.
            (Method::PUT, &bucket, ""),
            (Method::PUT, &object, "ready"),
            (Method::GET, &object, ""),
            (Method::DELETE, &object, ""),
        ] {
            match self.send(method, path, body).await {
                Ok(answer) if answer.status().is_success() || answer.status() == 409 => {}
                _ => return false,
            }
        }
        true
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        crate::process::show("weed", &self.dir.path().join("log"));
        for socket in self.ports.sockets() {
            // It is told no other place for them, and killed before it can remove them.
            fs::remove_file(socket).ok();
        }
    }
}

/// All that it listens on. None may be left out: then it takes one that is always the same.
#[derive(Debug)]
struct Ports {
    s3: u16,
    s3_grpc: u16,
    filer: u16,
    filer_grpc: u16,
    volume: u16,
    volume_grpc: u16,
    master: u16,
    master_grpc: u16,
}

impl Ports {
    fn pick() -> io::Result<Self> {
        // Held until all are chosen, so that they differ.
        let listeners: [_; 8] = array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut ports = [0; 8];
        for (port, listener) in ports.iter_mut().zip(listeners) {
            *port = listener?.local_addr()?.port();
        }
        let [
            s3,
            s3_grpc,
            filer,
            filer_grpc,
            volume,
            volume_grpc,
            master,
            master_grpc,
        ] = ports;
        Ok(Self {
            s3,
            s3_grpc,
            filer,
            filer_grpc,
            volume,
            volume_grpc,
            master,
            master_grpc,
        })
    }

    fn sockets(&self) -> [PathBuf; 4] {
        [
            ("s3", self.s3_grpc),
            ("filer", self.filer_grpc),
            ("volume", self.volume_grpc),
            ("master", self.master_grpc),
        ]
        .map(|(part, port)| format!("/tmp/seaweedfs-{part}-grpc-{port}.sock").into())
    }

    fn arguments(&self) -> impl Iterator<Item = String> {
        [
            ("s3.port", self.s3),
            ("s3.port.grpc", self.s3_grpc),
            ("s3.port.iceberg", 0),
            ("s3.port.lance", 0),
            ("filer.port", self.filer),
            ("filer.port.grpc", self.filer_grpc),
            ("volume.port", self.volume),
            ("volume.port.grpc", self.volume_grpc),
            ("volume.preStopSeconds", 0),
            ("master.port", self.master),
            ("master.port.grpc", self.master_grpc),
        ]
        .into_iter()
        .map(|(name, value)| format!("-{name}={value}"))
    }
}

async fn launch(dir: &Path, ports: &Ports) -> anyhow::Result<Child> {
    let here = dir.display();
    let args = [
        "-logtostderr=true".to_owned(),
        format!("-config_dir={here}"),
        "server".to_owned(),
        format!("-dir={here}"),
        "-ip=127.0.0.1".to_owned(),
        "-ip.bind=127.0.0.1".to_owned(),
        "-master.telemetry=false".to_owned(),
        // Else it waits for 10 s and longer, after its power was cut, for others to vote for.
        "-master.electionTimeout=1s".to_owned(),
        "-master.heartbeatInterval=100ms".to_owned(),
        "-s3".to_owned(),
        format!("-s3.config={here}/identities.json"),
        format!("-s3.localSocket={here}/s3.sock"),
        format!("-filer.localSocket={here}/filer.sock"),
    ];
    let args = args.into_iter().chain(ports.arguments());
    let log = Log::File(dir.join("log"));
    Ok(Child::spawn(program()?, args, [("", ""); 0], log).await?)
}

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Signs a request with [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
fn authorization(method: &Method, host: &str, path: &str, now: &str) -> String {
    const HEADERS: &str = "host;x-amz-content-sha256;x-amz-date";

    let request = format!(
        "{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{now}\n\n{HEADERS}\n{UNSIGNED}"
    );
    let (day, _) = now.split_once('T').unwrap_or_default();
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let request = hex::encode(digest::digest(&digest::SHA256, request.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{request}");
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
    };
    let day = sign(format!("AWS4{SECRET_KEY}").as_bytes(), day);
    let region = sign(day.as_ref(), REGION);
    let service = sign(region.as_ref(), "s3");
    let key = sign(service.as_ref(), "aws4_request");
    let signature = hex::encode(sign(key.as_ref(), &text));
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={HEADERS}, Signature={signature}"
    )
}

/// `DARKROOM_S3_SERVER`, or the one `scripts/fetch-tools --test` has put into `.tools`, or the one
/// in `PATH`.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("DARKROOM_S3_SERVER") {
        return Ok(named.into());
    }
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/weed");
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path).map(|dir| dir.join("weed"));
    [fetched]
        .into_iter()
        .chain(installed)
        .find(|program| program.is_file())
        .context("no weed: run `scripts/fetch-tools --test`, or set DARKROOM_S3_SERVER to its path")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use reqwest::Method;

    use super::S3Server;

    #[tokio::test]
    async fn it_keeps_its_data_when_its_power_is_cut() -> anyhow::Result<()> {
        let began = Instant::now();
        let mut server = S3Server::start().await?;
        println!("started within {:?}", began.elapsed());
        let put = server.send(Method::PUT, "/images/a.txt", "kept").await?;
        assert_eq!(put.status(), 200);
        let stranger = server
            .http
            .get(format!("{}/images/a.txt", server.endpoint()));
        assert_eq!(stranger.send().await?.status(), 403);

        server.kill().await?;
        assert!(server.send(Method::GET, "/images/a.txt", "").await.is_err());
        let began = Instant::now();
        server.restart().await?;
        println!("started again within {:?}", began.elapsed());

        let found = server.send(Method::GET, "/images/a.txt", "").await?;
        assert_eq!(found.text().await?, "kept");
        Ok(())
    }
}
