//! The places where work is done, and the consumers that feed them.

/// A place where work is done. Each has a durable consumer for the events it reacts to, and one for
/// its work items: what it put off itself. The last keeps its place itself and has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Requests are checked (generator).
    Admit,
    /// The provider is called (generator, one replica at a time for each account).
    Generate,
    /// Pictures are fetched and stored (uploader).
    Upload,
    /// Pictures are removed with all that was cut from them (uploader).
    Delete,
    /// Derivatives are cut (post-processor).
    Process,
    /// Those who asked are told (notifier).
    Notify,
    /// Events are written down (historian).
    Record,
}

/// Where a consumer reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed {
    pub(crate) stream: &'static str,
    pub(crate) consumer: &'static str,
    pub(crate) filters: &'static [&'static str],
}

pub(crate) const INTAKE: &str = "INTAKE";
pub(crate) const EVENTS: &str = "EVENTS";
pub(crate) const WORK: &str = "WORK";
pub(crate) const DEAD: &str = "DEAD";

impl Stage {
    /// All of them, in the order of the way of an image.
    pub const ALL: [Self; 7] = [
        Self::Admit,
        Self::Generate,
        Self::Upload,
        Self::Delete,
        Self::Process,
        Self::Notify,
        Self::Record,
    ];

    /// The verb, as subjects, metrics and logs say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Generate => "generate",
            Self::Upload => "upload",
            Self::Delete => "delete",
            Self::Process => "process",
            Self::Notify => "notify",
            Self::Record => "record",
        }
    }

    /// The stage of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Whether it is fed by work items, so that work can be put off or put back.
    pub(crate) fn takes_work(self) -> bool {
        self.reads(WORK)
    }

    /// Whether messages of `stream` come to it.
    pub(crate) fn reads(self, stream: &str) -> bool {
        self.feeds().iter().any(|feed| feed.stream == stream)
    }

    /// The consumers that feed it.
    pub(crate) const fn feeds(self) -> &'static [Feed] {
        const fn feed(
            stream: &'static str,
            consumer: &'static str,
            filters: &'static [&'static str],
        ) -> Feed {
            Feed {
                stream,
                consumer,
                filters,
            }
        }
        match self {
            Self::Admit => {
                &const {
                    [
                        feed(INTAKE, "admit", &[]),
                        feed(WORK, "admit-due", &["due.admit.>"]),
                    ]
                }
            }
            Self::Generate => &const { [feed(WORK, "generate-due", &["due.generate.>"])] },
            Self::Upload => {
                &const {
                    [
                        feed(EVENTS, "upload", &["generation.rendered.*"]),
                        feed(WORK, "upload-due", &["due.upload.>"]),
                    ]
                }
            }
            Self::Delete => {
                &const {
                    [
                        feed(EVENTS, "delete", &["asset.expired.*"]),
                        feed(WORK, "delete-due", &["due.delete.>"]),
                    ]
                }
            }
            Self::Process => {
                &const {
                    [
                        feed(EVENTS, "process", &["generation.completed.*"]),
                        feed(WORK, "process-due", &["due.process.>"]),
                    ]
                }
            }
            Self::Notify => {
                &const {
                    [
                        feed(
                            EVENTS,
                            "notify",
                            &[
                                "generation.completed.*",
                                "generation.failed.*",
                                "generation.unknown.*",
                                "generation.ready.*",
                                "image.ready.*",
                                "notification.failed.*",
                                "provider.*.*",
                                "budget.*.*",
                            ],
                        ),
                        feed(WORK, "notify-due", &["due.notify.>"]),
                    ]
                }
            }
            Self::Record => &[],
        }
    }
}
