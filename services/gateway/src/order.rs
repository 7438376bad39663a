//! A request that was read and checked, as the generator will read and check it again.

use domain::{
    Admission, Cost, Generation, GenerationId, Invalid, Job, Request, Status, Tenant, Usd,
};
use ideogram::Api;
use jiff::Timestamp;
use url::Url;

/// What was ordered. Equal orders ask for the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) request: Request,
    pub(crate) custom_id: Option<String>,
    pub(crate) callback_url: Option<Url>,
    /// The most that it may cost.
    reserved: Usd,
}

impl Order {
    /// Reads a body. Nothing is queued that nobody could serve, so the provider's routes are asked
    /// as well.
    pub(crate) fn read(
        content_type: Option<&str>,
        body: &[u8],
        admission: &Admission,
        api: Api,
    ) -> Result<Self, Invalid> {
        let draft = wire::parse_request(content_type, body)?;
        let request = draft.resolve(admission)?;
        let call = ideogram::plan(&request, api)?;
        Ok(Self {
            custom_id: draft.custom_id()?,
            callback_url: draft.callback_url()?,
            reserved: call.upper_bound,
            request,
        })
    }

    /// The generation that it will be, before the generator has seen it.
    pub(crate) fn generation(&self, id: GenerationId, tenant: Tenant, at: Timestamp) -> Generation {
        let job = Job {
            id,
            tenant: tenant.clone(),
            custom_id: self.custom_id.clone(),
            request: self.request.clone(),
            provider: "ideogram".to_owned(),
            // Not known here, and not shown: the generator knows whom it calls.
            simulated: false,
            accepted_at: at,
            callback: self.callback_url.is_some(),
        };
        Generation {
            custom_id: self.custom_id.clone(),
            job: Some(job),
            cost: Cost {
                reserved: self.reserved,
                settled: None,
            },
            ..unread(id, tenant, at)
        }
    }
}

/// The generation of a request that we cannot read: the generator will say what is wrong with it.
pub(crate) fn unread(id: GenerationId, tenant: Tenant, at: Timestamp) -> Generation {
    Generation {
        id,
        tenant,
        custom_id: None,
        job: None,
        status: Status::Accepted,
        images: Vec::new(),
        cost: Cost::default(),
        error: None,
        created_at: at,
        completed_at: None,
        ready_at: None,
    }
}
