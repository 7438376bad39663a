//! The clients of buckets, set up from the variables that the clouds' own tools read.

use std::{str::FromStr, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, signer::Signer,
};

use crate::{Error, location::Cloud};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Their meaning is that of the AWS SDKs.
const AWS_VARIABLES: [&str; 25] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_IMDSV1_FALLBACK",
    "AWS_METADATA_ENDPOINT",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_UNSIGNED_PAYLOAD",
    "AWS_REQUEST_PAYER",
];

/// Without any of them, the credentials are those of the machine or pod.
const GOOGLE_VARIABLES: [&str; 5] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BASE_URL",
];

/// Without credentials among them, they are those of the machine or pod. A SAS token is not among
/// them: it ends, and cannot sign links.
const AZURE_VARIABLES: [&str; 13] = [
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_MSI_ENDPOINT",
    "AZURE_OBJECT_ID",
    "AZURE_MSI_RESOURCE_ID",
];

/// One client under both of its names.
pub(crate) type Client = (Arc<dyn ObjectStore>, Arc<dyn Signer>);

/// Builds the client of a bucket from what `env` answers for the variables of its cloud.
pub(crate) fn open(
    cloud: Cloud,
    bucket: &str,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Client, Error> {
    // Fails only if there is a provider already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());

    match cloud {
        Cloud::S3 => s3(bucket, env),
        Cloud::Google => google(bucket, env),
        Cloud::Azure => azure(bucket, env),
    }
}

fn s3(bucket: &str, env: impl Fn(&str) -> Option<String>) -> Result<Client, Error> {
    let settings = Settings::read(&AWS_VARIABLES, env);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_client_options(settings.http())
        // Objects are deleted one by one, and not every server knows the bulk request.
        .with_disable_bulk_delete(true)
        .with_retry(retries());
    for (key, value) in settings.parsed(Cloud::S3)? {
        builder = builder.with_config(key, value);
    }
    finish(Cloud::S3, builder.build())
}

fn google(bucket: &str, env: impl Fn(&str) -> Option<String>) -> Result<Client, Error> {
    let settings = Settings::read(&GOOGLE_VARIABLES, env);
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(settings.http())
        .with_retry(retries());
    for (key, value) in settings.parsed(Cloud::Google)? {
        builder = builder.with_config(key, value);
    }
    finish(Cloud::Google, builder.build())
}

fn azure(container: &str, env: impl Fn(&str) -> Option<String>) -> Result<Client, Error> {
    let settings = Settings::read(&AZURE_VARIABLES, env);
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(container)
        .with_client_options(settings.http())
        .with_retry(retries());
    for (key, value) in settings.parsed(Cloud::Azure)? {
        builder = builder.with_config(key, value);
    }
    finish(Cloud::Azure, builder.build())
}

fn finish<C: ObjectStore + Signer>(
    cloud: Cloud,
    built: object_store::Result<C>,
) -> Result<Client, Error> {
    let client = Arc::new(built.map_err(|err| configuration(cloud, err))?);
    Ok((client.clone(), client))
}

/// The variables that are set.
struct Settings(Vec<(&'static str, String)>);

impl Settings {
    fn read(variables: &[&'static str], env: impl Fn(&str) -> Option<String>) -> Self {
        let set = variables.iter().filter_map(|variable| {
            let value = env(variable).filter(|value| !value.is_empty())?;
            Some((*variable, value))
        });
        Self(set.collect())
    }

    fn http(&self) -> ClientOptions {
        // Whoever writes an endpoint with http means it.
        let plain = self.0.iter().any(|(variable, value)| {
            let leads_there = variable.starts_with("AWS_ENDPOINT")
                || [
                    "GOOGLE_BASE_URL",
                    "AZURE_STORAGE_ENDPOINT",
                    "AZURE_ENDPOINT",
                ]
                .contains(variable);
            leads_there && value.starts_with("http://")
        });
        ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(plain)
    }

    fn parsed<K: FromStr<Err = object_store::Error>>(
        self,
        cloud: Cloud,
    ) -> Result<Vec<(K, String)>, Error> {
        let parsed = self.0.into_iter().map(|(variable, value)| {
            let key = variable.to_ascii_lowercase().parse();
            Ok((key.map_err(|err| configuration(cloud, err))?, value))
        });
        parsed.collect()
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
    }
}

fn configuration(cloud: Cloud, err: object_store::Error) -> Error {
    let variables = match cloud {
        Cloud::S3 => "AWS_*",
        Cloud::Google => "GOOGLE_*",
        Cloud::Azure => "AZURE_*",
    };
    Error::Configuration {
        variables,
        source: err.into(),
    }
}
