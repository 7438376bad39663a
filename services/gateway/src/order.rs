//! A request that was read and checked, as the generator will read and check it again.

use domain::{Cost, Generation, GenerationId, Invalid, Job, Lane, Request, Status, Tenant, Usd};
use imaging::{Preset, better_source};
use jiff::Timestamp;
use url::Url;

use crate::api::App;

/// What was ordered. Equal orders ask for the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) request: Request,
    pub(crate) custom_id: Option<String>,
    pub(crate) callback_url: Option<Url>,
    pub(crate) retry_of: Option<GenerationId>,
    /// Whether the shape was left to the presets.
    is_open: bool,
    /// Whether it is for their sake what it is.
    pub(crate) is_fitted: bool,
    /// The most that it may cost by the published prices; nothing yet if only the provider knows.
    reserved: Usd,
}

impl Order {
    /// Reads a body, which stands in `lane` unless it names another. Nothing is queued that nobody
    /// could serve, so the provider's routes are asked as well.
    pub(crate) fn read(
        content_type: Option<&str>,
        body: &[u8],
        lane: Lane,
        app: &App,
    ) -> Result<Self, Invalid> {
        let draft = wire::parse_request(content_type, body)?;
        let mut request = draft.resolve(&app.admission)?;
        if draft.lane.is_none() {
            request.lane = lane;
        }
        let cuts = app.presets.choose_all(&request.presets)?;
        let cuts: Vec<&Preset> = cuts.iter().collect();
        let is_fitted = ideogram::fit(&draft, &mut request, app.api, |sizes| {
            better_source(&cuts, *sizes.first()?, sizes)
        });
        let call = ideogram::plan(&request, app.api)?;
        Ok(Self {
            custom_id: draft.custom_id()?,
            callback_url: draft.callback_url()?,
            retry_of: draft.retry_of()?,
            is_open: draft.leaves_shape_open(),
            is_fitted,
            reserved: call.upper_bound.unwrap_or_default(),
            request,
        })
    }

    /// The generation that it will be, before the generator has seen it.
    pub(crate) fn generation(
        &self,
        id: GenerationId,
        tenant: Tenant,
        api_key: Option<String>,
        at: Timestamp,
    ) -> Generation {
        let job = Job {
            api_key,
            custom_id: self.custom_id.clone(),
            callback: self.callback_url.is_some(),
            retry_of: self.retry_of,
            ..Job::new(id, tenant.clone(), self.request.clone(), at)
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

    /// Whether `job` was made of this order, as far as a job tells.
    pub(crate) fn is_of(&self, job: &Job) -> bool {
        let mut request = job.request.clone();
        // Where our copies are is not a part of what was asked for.
        for (_, source) in request.inputs.iter_mut() {
            source.pinned = None;
        }
        // Nor is the shape, where it was left to presets that may have been others then.
        if self.is_open {
            request.aspect_ratio = self.request.aspect_ratio;
            request.resolution = self.request.resolution;
        }
        request == self.request
            && job.custom_id == self.custom_id
            && job.retry_of == self.retry_of
            && job.callback == self.callback_url.is_some()
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
        texts: Vec::new(),
        cost: Cost::default(),
        error: None,
        created_at: at,
        completed_at: None,
        ready_at: None,
    }
}
