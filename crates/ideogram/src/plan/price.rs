//! What one image costs at most, in USD micros; nothing where nobody published it.
//!
//! The list of 2026-11-16 for what it names; for older models the list of mid-2026, whose default
//! tiers still agreed with quotes in October; for others' models the quotes of 2026-10-10, which
//! were asked for at default settings and hold for nothing else.
//! <https://ideogram.ai/blog/ideogram-api-pricing>

use domain::{AspectRatio, Model, Quality, RenderingSpeed, Request, ResolutionTier, UpscaleFactor};

/// The price of a route, by what is asked of it.
pub(crate) type Price = fn(&Request) -> Option<i64>;

/// Nobody published it: the provider is to be asked.
pub(crate) const fn unknown(_: &Request) -> Option<i64> {
    None
}

pub(crate) const fn by_model(request: &Request) -> Option<i64> {
    match request.model {
        Model::V1Turbo => Some(20_000),
        Model::V2ATurbo => Some(25_000),
        Model::V2A => Some(40_000),
        Model::V2Turbo => Some(50_000),
        Model::V1 => Some(60_000),
        Model::V2 => Some(80_000),
        _ => None,
    }
}

/// Model 3.0, whatever it is made from.
pub(crate) const fn of_3(request: &Request) -> Option<i64> {
    Some(by_speed(request, [30_000, 60_000, 90_000]))
}

/// Model 3.0 of v1, where the same route takes characters and models of one's own.
pub(crate) const fn of_3_v1(request: &Request) -> Option<i64> {
    if request.custom_model.is_some() {
        None
    } else if request.inputs.character_reference.is_some() {
        of_3_character(request)
    } else {
        of_3(request)
    }
}

pub(crate) const fn of_3_character(request: &Request) -> Option<i64> {
    Some(by_speed(request, [100_000, 150_000, 200_000]))
}

pub(crate) const fn of_3_transparent(request: &Request) -> Option<i64> {
    if request.custom_model.is_some() {
        return None;
    }
    let enlarged = match request.upscale_factor {
        None | Some(UpscaleFactor::X1) => 0,
        Some(UpscaleFactor::X2) => 120_000,
        Some(UpscaleFactor::X4) => 160_000,
        Some(UpscaleFactor::X8) => return None,
    };
    Some(by_speed(request, [40_000, 70_000, 100_000]) + enlarged)
}

pub(crate) const fn of_4(request: &Request) -> Option<i64> {
    Some(by_speed(request, [30_000, 60_000, 100_000]))
}

pub(crate) const fn of_4_transparent(request: &Request) -> Option<i64> {
    match (request.rendering_speed, request.resolution_tier) {
        (None | Some(RenderingSpeed::Default), None | Some(ResolutionTier::K1)) => Some(60_000),
        _ => None,
    }
}

/// Left to itself, 4.5 takes its highest quality.
pub(crate) const fn of_45(request: &Request) -> Option<i64> {
    match request.quality {
        Some(Quality::VeryLow) => None,
        Some(Quality::Low) => Some(30_000),
        Some(Quality::Medium) => Some(60_000),
        None | Some(Quality::High) => Some(100_000),
    }
}

/// From pictures, 4.5 left to itself takes the middle, and its highest quality is dearer.
pub(crate) const fn of_45_edit(request: &Request) -> Option<i64> {
    Some(match request.quality {
        Some(Quality::VeryLow) => 8_000,
        Some(Quality::Low) => 30_000,
        None | Some(Quality::Medium) => 60_000,
        Some(Quality::High) => 220_000,
    })
}

pub(crate) fn of_auto(request: &Request) -> Option<i64> {
    at_rest(request, 30_000)
}

pub(crate) fn of_p_image(request: &Request) -> Option<i64> {
    at_rest(request, 10_000)
}

/// Every shape without an exact size has at most 1024x1024 pixels, which is what was quoted.
pub(crate) const fn of_z_image(request: &Request) -> Option<i64> {
    match request.resolution {
        Some(size) if size.width as u64 * size.height as u64 > 1_024 * 1_024 => None,
        _ => Some(5_000),
    }
}

pub(crate) fn of_gpt_2(request: &Request) -> Option<i64> {
    at_rest(request, 211_000)
}

pub(crate) fn of_gpt_25(request: &Request) -> Option<i64> {
    at_rest(request, 52_900)
}

pub(crate) fn of_nano_2(request: &Request) -> Option<i64> {
    at_rest(request, 67_200)
}

pub(crate) fn of_nano_pro(request: &Request) -> Option<i64> {
    at_rest(request, 134_400)
}

pub(crate) const fn of_gpt_background(request: &Request) -> Option<i64> {
    if request.quality.is_none() {
        Some(226_700)
    } else {
        None
    }
}

pub(crate) const fn of_cutout(_: &Request) -> Option<i64> {
    Some(10_000)
}

pub(crate) const fn of_old_upscale(_: &Request) -> Option<i64> {
    Some(60_000)
}

/// The list of mid-2026; nothing newer is published, and no quote is given.
pub(crate) const fn of_description(_: &Request) -> Option<i64> {
    Some(10_000)
}

/// 3.0 and 4.0 differ only in what their best costs.
const fn by_speed(request: &Request, [turbo, default, quality]: [i64; 3]) -> i64 {
    match request.rendering_speed {
        Some(RenderingSpeed::Turbo) => turbo,
        None | Some(RenderingSpeed::Default) => default,
        Some(RenderingSpeed::Quality) => quality,
    }
}

/// A price that was quoted at default settings, if these are the settings.
fn at_rest(request: &Request, micros: i64) -> Option<i64> {
    let is_default = request.quality.is_none()
        && request.resolution.is_none()
        && !request.transparent
        && request.inputs.sources.is_empty()
        && matches!(request.resolution_tier, None | Some(ResolutionTier::K1))
        && request
            .aspect_ratio
            .is_none_or(|r| r == AspectRatio::SQUARE);
    is_default.then_some(micros)
}
