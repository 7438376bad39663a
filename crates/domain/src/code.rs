//! The one published table of error codes.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($variant:ident $text:literal $status:literal $retryable:literal $meaning:literal;)*) => {
        /// Why something was refused or failed. The text is stable and part of the contract with
        /// everybody outside; what a code means is told by [`Code::meaning`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code there is, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as the outside reads it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that goes with it (RFC 9110 §15).
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Whether the same request may succeed later, unchanged.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// One sentence for the table of codes.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }

        impl FromStr for Code {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

codes! {
    InvalidBody "invalid_body" 400 false "The body is not the JSON object or protobuf message that the content type promises.";
    UnknownField "unknown_field" 422 false "The request has a field that nobody would read.";
    InvalidField "invalid_field" 422 false "A field has the wrong type or a value out of its range.";
    MissingField "missing_field" 422 false "A field that must be there is not.";
    Unsupported "unsupported" 422 false "The combination is valid, but no route of the provider can serve it, or this version cannot yet.";
    BodyTooLarge "body_too_large" 413 false "The body is larger than 1 MiB.";
    UnsupportedMediaType "unsupported_media_type" 415 false "The content type is neither application/json nor application/protobuf.";
    Unauthorized "unauthorized" 401 false "The API key is missing or unknown.";
    NotFound "not_found" 404 false "There is no such thing, or it is somebody else's.";
    MethodNotAllowed "method_not_allowed" 405 false "The route exists, but not for this method.";
    Conflict "conflict" 409 false "It does not go together with what is there: a name that was used for another request, or a step that is not open any more.";
    Forbidden "forbidden" 403 false "The API key may not do this.";
    Duplicate "duplicate" 409 false "The same was asked for before, and onDuplicate says not to buy it again.";
    PriceUnknown "price_unknown" 422 false "Nobody can say what it would cost, so no budget can answer for it.";
    SourceUnavailable "source_unavailable" 422 false "A picture that was handed in cannot be fetched, or is no picture.";
    Overloaded "overloaded" 503 true "The queue is full or not reachable; nothing was accepted.";
    Internal "internal" 500 true "Something of ours broke; the log has the cause.";
    ContentFiltered "content_filtered" 422 false "The provider's safety check refused the prompt.";
    AllWithheld "all_withheld" 422 false "The provider made the images, billed them, and withheld every one.";
    Withheld "withheld" 422 false "The provider withheld a part of the images, and onWithheld is fail; the others are kept.";
    ProviderRejected "provider_rejected" 422 false "The provider refused the request as invalid.";
    ProviderFailed "provider_failed" 502 true "The provider accepted the request and reported that it failed.";
    ProviderUnavailable "provider_unavailable" 503 true "The provider did not take the request in all attempts.";
    ProviderAnswerUnreadable "provider_answer_unreadable" 502 false "The provider answered with something that is no answer; it may have billed.";
    OutcomeUnknown "outcome_unknown" 502 false "The call was sent and no answer was stored; it may have been billed, and is not repeated.";
    DeadlineExceeded "deadline_exceeded" 504 false "The deadline passed before the provider was called.";
    Cancelled "cancelled" 409 false "The requester cancelled before the provider was called.";
    Discarded "discarded" 409 false "Somebody decided that nothing more shall come of it.";
    DownloadFailed "download_failed" 502 false "No paid image could be fetched before its link died.";
    StoreFailed "store_failed" 503 true "The images could not be stored.";
    Undecodable "undecodable" 422 false "The stored image cannot be decoded; the original is kept.";
    Poison "poison" 500 false "The message could not be handled in any attempt and was put aside.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
