use domain::{
    Announced, BudgetNotice, Event, ProviderDiscrepancy, ProviderParked, ProviderResumed, Usd,
};

use crate::read::{time, usd, value};
use crate::{DecodeError, v1};

impl From<&Announced> for v1::GenerationAnnounced {
    fn from(event: &Announced) -> Self {
        Self {
            id: event.id.to_string(),
            token: event.token.clone(),
            provider_id: event.provider_id.clone(),
            at: event.at.to_string(),
        }
    }
}

impl v1::GenerationAnnounced {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Announced {
            id: value("id", &self.id)?,
            token: self.token,
            provider_id: self.provider_id,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&ProviderParked> for v1::ProviderParked {
    fn from(event: &ProviderParked) -> Self {
        Self {
            account: event.account.clone(),
            hold: event.hold.to_string(),
            message: event.message.clone(),
            jobs: event.jobs,
            reserved_usd_micros: event.reserved.micros(),
            at: event.at.to_string(),
        }
    }
}

impl v1::ProviderParked {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ProviderParked {
            account: self.account,
            hold: value("hold", &self.hold)?,
            message: self.message,
            jobs: self.jobs,
            reserved: usd(self.reserved_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&ProviderResumed> for v1::ProviderResumed {
    fn from(event: &ProviderResumed) -> Self {
        Self {
            account: event.account.clone(),
            hold: event.hold.to_string(),
            since: event.since.to_string(),
            at: event.at.to_string(),
        }
    }
}

impl v1::ProviderResumed {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ProviderResumed {
            account: self.account,
            hold: value("hold", &self.hold)?,
            since: time("since", &self.since)?,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&ProviderDiscrepancy> for v1::ProviderDiscrepancy {
    fn from(event: &ProviderDiscrepancy) -> Self {
        Self {
            account: event.account.clone(),
            from: event.from.to_string(),
            to: event.to.to_string(),
            billed_usd_micros: event.billed.micros(),
            settled_usd_micros: event.settled.micros(),
            unknown_usd_micros: event.unknown.micros(),
            candidates: event.candidates.iter().map(ToString::to_string).collect(),
            at: event.at.to_string(),
        }
    }
}

impl v1::ProviderDiscrepancy {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        let candidates = self.candidates.iter().map(|id| value("candidates", id));
        Ok(Event::from(ProviderDiscrepancy {
            candidates: candidates.collect::<Result<_, _>>()?,
            account: self.account,
            from: time("from", &self.from)?,
            to: time("to", &self.to)?,
            billed: usd(self.billed_usd_micros),
            settled: usd(self.settled_usd_micros),
            unknown: usd(self.unknown_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&BudgetNotice> for v1::BudgetNotice {
    fn from(event: &BudgetNotice) -> Self {
        Self {
            scope: event.scope.to_string(),
            window: event.window.clone(),
            limit_usd_micros: Usd::micros(event.limit),
            used_usd_micros: Usd::micros(event.used),
            at: event.at.to_string(),
        }
    }
}

impl v1::BudgetNotice {
    pub(crate) fn into_notice(self) -> Result<BudgetNotice, DecodeError> {
        Ok(BudgetNotice {
            scope: value("scope", &self.scope)?,
            window: self.window,
            limit: usd(self.limit_usd_micros),
            used: usd(self.used_usd_micros),
            at: time("at", &self.at)?,
        })
    }
}
