use bytes::Bytes;
#[derive(Debug, Clone)]
pub(crate) struct Sources;
pub(crate) enum PinError {
    Refused(domain::Invalid),
    Later(bus::Source),
}
pub(crate) enum Missing {
    Gone { code: domain::Code, message: String },
    Later(bus::Source),
}
impl Sources {
    pub(crate) fn new(_: storage::Store, _: egress::Client, _: bus::Ledger) -> Self {
        Self
    }
    pub(crate) async fn pin(
        &self,
        _: &mut domain::Inputs,
        _: &domain::Tenant,
    ) -> Result<(), PinError> {
        Ok(())
    }
    pub(crate) async fn files(&self, _: &ideogram::Call) -> Result<Vec<Bytes>, Missing> {
        Ok(Vec::new())
    }
}
