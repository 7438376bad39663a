//! Every service, a process of its own, is killed once at each bad moment while requests are on
//! their way. Then the provider's bill is counted.

mod calls;
mod labels;
mod replicas;
mod world;

use world::{survives, survives_unannounced};

macro_rules! kills {
    ($($test:ident: $label:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> anyhow::Result<()> {
                survives($label).await
            }
        )*

        /// The points that are tested.
        const TESTED: &[&str] = &[$($label),*];
    };
}

kills! {
    before_the_answer_to_the_customer: "gateway.after_request";
    before_the_request_is_done_with: "generator.after_accepted";
    before_the_record: "generator.before_calling";
    between_the_record_and_the_call: "generator.after_calling";
    before_the_answer_is_stored: "generator.after_answer";
    after_the_answer_is_stored: "generator.after_submitted";
    before_the_end_is_stored: "generator.before_rendered";
    after_the_end_is_stored: "generator.after_rendered";
    after_a_refusal_is_stored: "generator.after_parked";
    while_taking_over: "generator.takeover";
    after_the_last_notes: "generator.after_notes";
    before_the_picture_is_stored: "uploader.after_download";
    after_the_picture_is_stored: "uploader.after_put";
    after_a_picture_is_removed: "uploader.after_delete";
    before_a_cut_is_stored: "post_processor.after_cut";
    after_a_cut_is_stored: "post_processor.after_put";
    before_history_is_written: "historian.before_commit";
    after_history_is_written: "historian.after_commit";
    after_the_customer_has_heard: "notifier.after_send";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_answer_is_stored_that_nobody_announces() -> anyhow::Result<()> {
    survives_unannounced("generator.after_answer").await
}
