pub(crate) async fn reconcile(
    _: bus::Bus,
    _: ideogram::Client,
    _: std::sync::Arc<crate::Config>,
    _: tokio_util::sync::CancellationToken,
) {
}
