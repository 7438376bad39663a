/// Identity of the event; also `Nats-Msg-Id` and `webhook-id` (`CloudEvents` 1.0 §3.1).
pub const ID: &str = "ce-id";
/// `1.0`.
pub const SPEC_VERSION: &str = "ce-specversion";
/// The event's name, such as `generation.completed`.
pub const TYPE: &str = "ce-type";
/// Which service says so.
pub const SOURCE: &str = "ce-source";
/// When it was published, RFC 3339.
pub const TIME: &str = "ce-time";
/// What it is about: the last token of the subject.
pub const SUBJECT: &str = "ce-subject";
/// Of the body.
pub const CONTENT_TYPE: &str = "Content-Type";
/// W3C Trace Context. Header names are case-sensitive in NATS: lower case.
pub const TRACEPARENT: &str = "traceparent";
/// Whose request it is; set by the gateway only.
pub const TENANT: &str = "Darkroom-Tenant";
/// The public name of the API key that a request came with; set by the gateway only.
pub const API_KEY: &str = "Darkroom-Api-Key";
/// Who wrote this entry of the ledger: fresh for each write, so that a writer recognises its own.
pub const WRITER: &str = "Darkroom-Writer";
/// How often the work was tried before, and will have been tried with this delivery.
pub const ATTEMPT: &str = "Darkroom-Attempt";
/// The sequence in EVENTS of the event that caused the work.
pub const CAUSE: &str = "Darkroom-Cause";
/// `no` where nobody asked to be called back, so that nobody has to read the body to know.
pub const CALLBACK: &str = "Darkroom-Callback";
/// Of a dead letter: why it died.
pub const REASON: &str = "Darkroom-Reason";
/// Of a dead letter, and of work that was put off: the subject it came in on.
pub const ORIGIN: &str = "Darkroom-Origin";
/// Of work that was put off: where and when its message was first stored, as stream, sequence and
/// RFC 3339 time with a space between.
pub const STORED: &str = "Darkroom-Stored";
