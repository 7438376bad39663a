use domain::{Inputs, Pinned, Source};

use crate::read::value;
use crate::{DecodeError, v1};

impl From<&Inputs> for v1::Inputs {
    fn from(inputs: &Inputs) -> Self {
        Self {
            sources: inputs.sources.iter().map(Into::into).collect(),
            mask: inputs.mask.as_ref().map(Into::into),
            style_references: inputs.style_references.iter().map(Into::into).collect(),
            character_reference: inputs.character_reference.as_ref().map(Into::into),
            character_mask: inputs.character_mask.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::Inputs> for Inputs {
    type Error = DecodeError;

    fn try_from(inputs: v1::Inputs) -> Result<Self, DecodeError> {
        let several = |sources: Vec<v1::Source>| {
            let sources = sources.into_iter().map(Source::try_from);
            sources.collect::<Result<_, _>>()
        };
        let one = |source: Option<v1::Source>| source.map(Source::try_from).transpose();
        Ok(Self {
            sources: several(inputs.sources)?,
            mask: one(inputs.mask)?,
            style_references: several(inputs.style_references)?,
            character_reference: one(inputs.character_reference)?,
            character_mask: one(inputs.character_mask)?,
        })
    }
}

impl From<&Source> for v1::Source {
    fn from(source: &Source) -> Self {
        let pinned = |pinned: &Pinned| v1::PinnedSource {
            key: pinned.key.clone(),
            sha256: pinned.sha256.clone(),
            format: pinned.format.clone(),
            bytes: pinned.bytes,
            width: pinned.width,
            height: pinned.height,
        };
        Self {
            origin: source.origin.to_string(),
            pinned: source.pinned.as_ref().map(pinned),
        }
    }
}

impl TryFrom<v1::Source> for Source {
    type Error = DecodeError;

    fn try_from(source: v1::Source) -> Result<Self, DecodeError> {
        let pinned = |pinned: v1::PinnedSource| Pinned {
            key: pinned.key,
            sha256: pinned.sha256,
            format: pinned.format,
            bytes: pinned.bytes,
            width: pinned.width,
            height: pinned.height,
        };
        Ok(Self {
            origin: value("job.inputs.origin", &source.origin)?,
            pinned: source.pinned.map(pinned),
        })
    }
}
