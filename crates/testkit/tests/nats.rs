//! The server under test is the real one, and loses nothing it has acknowledged.

use std::time::Duration;

use testkit::NatsServer;

#[tokio::test]
async fn it_keeps_port_and_data_across_power_cuts() -> anyhow::Result<()> {
    let mut server = NatsServer::start().await?;
    let url = server.url().to_owned();
    let jetstream = async_nats::jetstream::new(server.client().await?);
    let config = async_nats::jetstream::stream::Config {
        name: "LEDGER".to_owned(),
        ..Default::default()
    };
    jetstream.create_stream(config).await?;
    jetstream.publish("LEDGER", "paid".into()).await?.await?;

    server.kill().await?;
    assert!(server.client().await.is_err());
    server.restart().await?;
    assert_eq!(server.url(), url);

    let jetstream = async_nats::jetstream::new(server.client().await?);
    let message = jetstream
        .get_stream("LEDGER")
        .await?
        .get_raw_message(1)
        .await?;
    assert_eq!(message.payload, "paid");
    Ok(())
}

#[tokio::test]
async fn extra_configuration_counts() -> anyhow::Result<()> {
    let server = NatsServer::start_with("max_payload: 1KB").await?;
    let client = server.client().await?;
    assert_eq!(client.server_info().max_payload, 1024);
    Ok(())
}

#[tokio::test]
async fn a_bad_configuration_is_told_at_once() {
    let started = tokio::time::timeout(
        Duration::from_secs(20),
        NatsServer::start_with("nonsense: ["),
    );
    let said = match started.await {
        Ok(Err(err)) => format!("{err:#}"),
        Ok(Ok(_)) => "it started".to_owned(),
        Err(_) => "it took long".to_owned(),
    };
    assert!(said.starts_with("nats-server ended: "), "{said}");
}
