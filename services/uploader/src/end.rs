//! How a generation ends whose pictures are ours or lost.

use bus::{Emit, Expect};
use domain::{
    Code, Completed, Event, Failed, Failure, Image, ImageRecovered, ImageState, Job, OnWithheld,
    Operation, Phase, Rendered, Usd,
};
use jiff::Timestamp;

use crate::fetch::failure;
use crate::metrics;

/// Nothing was told of the picture: neither that it is recovered, nor that it is to go. Before the
/// end, whoever removes it waits for the end.
const AFTER_THE_END: Expect = Expect::PictureAt(0);

/// What there is to say of `images`: the end of the generation on the condition `expect`, or, if it
/// has ended before, which of them turned up late.
pub(crate) fn news(
    rendered: Rendered,
    images: Vec<Image>,
    ended: Option<&Event>,
    expect: Expect,
) -> Vec<Emit> {
    match ended {
        None => end(rendered, images, expect),
        // What was delivered stays what it is; also when it was delivered by this very work.
        Some(Event::Completed(completed)) => {
            let is_known = |image: &Image| {
                let known = completed.images.iter().find(|known| known.id == image.id);
                known.is_some_and(|known| known.key.is_some())
            };
            recovered(
                &rendered.job,
                images.iter().filter(|image| !is_known(image)),
                &AFTER_THE_END,
            )
        }
        Some(_) => {
            let lost = count(&images, ImageState::DownloadFailed);
            report_lost(rendered.cost, lost, images.len());
            recovered(&rendered.job, &images, &AFTER_THE_END)
        }
    }
}

fn count(images: &[Image], state: ImageState) -> usize {
    images.iter().filter(|image| image.state == state).count()
}

/// Completed if what was asked for is ours, or enough of it.
fn end(rendered: Rendered, images: Vec<Image>, expect: Expect) -> Vec<Emit> {
    let stored = count(&images, ImageState::Stored);
    let withheld = count(&images, ImageState::Withheld);
    let lost = count(&images, ImageState::DownloadFailed);
    report_lost(rendered.cost, lost, images.len());
    let is_enough = withheld == 0 || rendered.job.request.on_withheld == OnWithheld::Accept;
    if stored > 0 && !is_enough {
        // Kept, and told before the end: whoever hears of the end can look for them.
        let mut news = recovered(&rendered.job, &images, &Expect::First);
        let failure = partly_withheld(&rendered.job, stored, withheld);
        news.push(Emit::event(failed(rendered, failure), expect));
        return news;
    }
    let are_words = images.is_empty() && !rendered.texts.is_empty();
    if stored > 0 || are_words {
        return vec![Emit::event(completed(rendered, images), expect)];
    }
    let failure = images
        .into_iter()
        .find_map(|image| image.error)
        .unwrap_or_else(|| nothing_delivered(&rendered));
    vec![Emit::event(failed(rendered, failure), expect)]
}

/// Each of `images` that is ours, told once.
fn recovered<'a>(
    job: &Job,
    images: impl IntoIterator<Item = &'a Image>,
    expect: &Expect,
) -> Vec<Emit> {
    let is_ours = |image: &&Image| image.state == ImageState::Stored;
    let told = |image: &Image| {
        let recovered = ImageRecovered {
            job: job.clone(),
            image: image.clone(),
            at: Timestamp::now(),
        };
        Emit::event(recovered, expect.clone())
    };
    images.into_iter().filter(is_ours).map(told).collect()
}

fn partly_withheld(job: &Job, delivered: usize, withheld: usize) -> Failure {
    let requested = job.request.num_images;
    let message = format!(
        "the provider withheld a part of what it billed, and onWithheld is fail: requested \
         {requested}, delivered {delivered}, withheld {withheld}; what was delivered is kept"
    );
    at_the_provider(Code::Withheld, message)
}

fn nothing_delivered(rendered: &Rendered) -> Failure {
    if rendered.images.is_empty() {
        let wanted = match rendered.job.request.operation {
            Operation::Describe => "text",
            _ => "image",
        };
        let message = format!("the provider billed it, and its answer has not one {wanted}");
        return at_the_provider(Code::ProviderAnswerUnreadable, message);
    }
    let message = "the provider made the images, billed them, and withheld every one";
    at_the_provider(Code::AllWithheld, message.to_owned())
}

fn at_the_provider(code: Code, message: String) -> Failure {
    Failure {
        phase: Phase::Generation,
        ..failure(code, message)
    }
}

fn completed(rendered: Rendered, images: Vec<Image>) -> Completed {
    let Rendered {
        job, texts, cost, ..
    } = rendered;
    Completed {
        job,
        images,
        texts,
        cost,
        at: Timestamp::now(),
    }
}

pub(crate) fn failed(rendered: Rendered, failure: Failure) -> Failed {
    let Rendered { job, cost, .. } = rendered;
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job),
        failure,
        cost,
        at: Timestamp::now(),
    }
}

/// Counts the share of `cost` that was paid for nothing.
pub(crate) fn report_lost(cost: Usd, lost: usize, images: usize) {
    let share = cost.micros().max(0).unsigned_abs() * lost as u64 / images.max(1) as u64;
    metrics::LOST.inc_by(share);
}
