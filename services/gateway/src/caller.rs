//! Who is asking, and what they may do.

use std::str::FromStr;

use domain::{Code, Invalid, Lane, Tenant};

use crate::problem::Problem;

/// What a key may do. None of them holds another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Look at what the tenant has.
    Read,
    /// Ask for pictures, and change what was asked for: this costs money.
    Write,
    /// Set budgets, look at the provider account, and stop it.
    Admin,
}

/// The holder of a key, or everybody where none is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) tenant: Tenant,
    /// The public name of the key.
    pub(crate) key: Option<String>,
    /// Where requests stand that name no lane, and the most urgent one that they may name.
    pub(crate) lane: Option<Lane>,
    pub(crate) permissions: Vec<Permission>,
}

impl Permission {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];
    /// What a key may do of which nothing is said.
    pub(crate) const USUAL: [Self; 2] = [Self::Read, Self::Write];

    /// The word, as lists of keys have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Permission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|named| named.as_str() == text);
        named.ok_or(())
    }
}

impl Caller {
    /// Whoever sits at the machine, where no keys are configured.
    pub(crate) fn local() -> Self {
        Self {
            tenant: Tenant::default(),
            key: None,
            lane: None,
            permissions: Permission::ALL.to_vec(),
        }
    }

    /// Refuses what the key does not allow.
    pub(crate) fn needs(&self, permission: Permission) -> Result<(), Problem> {
        if self.permissions.contains(&permission) {
            return Ok(());
        }
        let scope = permission.as_str();
        let detail = format!(
            "this key may not do that: it lacks the scope `{scope}`, which whoever configures the \
             keys can add"
        );
        Err(Problem::new(Code::Forbidden, detail))
    }

    /// Refuses a lane that is more urgent than the key's own.
    pub(crate) fn may_stand_in(&self, lane: Lane) -> Result<(), Invalid> {
        match self.lane {
            Some(own) if urgency(lane) > urgency(own) => Err(Invalid {
                field: "lane".to_owned(),
                code: Code::Forbidden,
                reason: format!(
                    "this key's requests stand in `{own}` or a less urgent lane, and `{lane}` is \
                     more urgent; leave the field out, or use another key"
                ),
            }),
            _ => Ok(()),
        }
    }
}

const fn urgency(lane: Lane) -> u8 {
    match lane {
        Lane::Background => 0,
        Lane::Standard => 1,
        Lane::Interactive => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_may_be_left_for_a_slower_one_only() {
        let of = |lane| Caller {
            lane,
            ..Caller::local()
        };
        let lanes = [Lane::Background, Lane::Standard, Lane::Interactive];
        let may = |own| lanes.map(|lane| of(own).may_stand_in(lane).is_ok());

        assert_eq!(may(None), [true, true, true]);
        assert_eq!(may(Some(Lane::Background)), [true, false, false]);
        assert_eq!(may(Some(Lane::Standard)), [true, true, false]);
        assert_eq!(may(Some(Lane::Interactive)), [true, true, true]);
    }
}
