use crate::sources::Sources;
#[derive(Debug, Clone)]
pub(crate) struct Prices;
impl Prices {
    pub(crate) fn new(_: ideogram::Client) -> Self {
        Self
    }
    pub(crate) async fn bound(
        &self,
        call: &ideogram::Call,
        _: &Sources,
    ) -> Result<domain::Usd, domain::Invalid> {
        call.upper_bound
            .ok_or_else(|| domain::Invalid::unsupported("model", "no price"))
    }
}
