//! Every service, a process of its own, is killed once at each bad moment while three jobs are on
//! their way. Then the provider's bill is counted.

mod points;
mod world;

use world::{Loss, survives};

macro_rules! kills {
    ($($test:ident: $service:literal dies at $label:literal, $loss:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> anyhow::Result<()> {
                survives($service, $label, $loss).await
            }
        )*

        /// The points that are tested.
        const TESTED: &[&str] = &[$($label),*];
    };
}

kills! {
    before_the_answer_to_the_customer: "gateway" dies at "gateway.after_request", Loss::None;
    before_the_work_item: "generator" dies at "generator.after_accepted", Loss::None;
    before_the_record: "generator" dies at "generator.before_calling", Loss::None;
    between_the_record_and_the_call: "generator" dies at "generator.after_calling", Loss::NotBought;
    before_the_answer_is_stored: "generator" dies at "generator.after_answer", Loss::Bought;
    after_the_answer_is_stored: "generator" dies at "generator.after_submitted", Loss::None;
    before_the_picture_is_stored: "uploader" dies at "uploader.after_download", Loss::None;
    after_the_picture_is_stored: "uploader" dies at "uploader.after_put", Loss::None;
    before_a_cut_is_stored: "post-processor" dies at "post_processor.after_cut", Loss::None;
    after_a_cut_is_stored: "post-processor" dies at "post_processor.after_put", Loss::None;
    before_history_is_written: "historian" dies at "historian.before_commit", Loss::None;
    after_history_is_written: "historian" dies at "historian.after_commit", Loss::None;
    after_the_customer_has_heard: "notifier" dies at "notifier.after_send", Loss::None;
}
