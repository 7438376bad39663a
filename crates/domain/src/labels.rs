//! What is kept beside the bytes of a picture.

use crate::{ImageId, Job};

impl Job {
    /// What anybody may know who has the bytes of `image`, drawn from `seed`: names and texts, to be
    /// kept beside every object that is made of it, so that it can be told where it comes from when
    /// nothing but the store is left.
    ///
    /// Neither the prompt nor the campaign is among them: stores hand these out as HTTP headers, to
    /// everybody who looks at the picture.
    #[must_use]
    pub fn labels(&self, image: ImageId, seed: Option<i64>) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("generation", self.id.to_string()),
            ("image", image.to_string()),
            ("model", self.request.model.to_string()),
            ("created", self.accepted_at.to_string()),
            ("simulated", self.simulated.to_string()),
        ];
        labels.extend(seed.map(|seed| ("seed", seed.to_string())));
        labels
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{GenerationId, Request, Tenant};

    #[test]
    fn what_is_beside_a_picture_says_nothing_of_what_was_asked_for() {
        let id = GenerationId::generate();
        let request = Request::new("a secret product");
        let request = Request {
            campaign: Some("launch".to_owned()),
            ..request
        };
        let job = Job::new(id, Tenant::default(), request, Timestamp::UNIX_EPOCH);
        let image = ImageId::of(id, 0);

        let labels = job.labels(image, Some(7));

        let of = |wanted| labels.iter().find(|(name, _)| *name == wanted);
        assert_eq!(
            of("generation").map(|found| &found.1),
            Some(&id.to_string())
        );
        assert_eq!(of("image").map(|found| &found.1), Some(&image.to_string()));
        assert_eq!(of("seed").map(|found| found.1.as_str()), Some("7"));
        assert_eq!(
            of("created").map(|found| found.1.as_str()),
            Some("1970-01-01T00:00:00Z")
        );
        let texts: String = labels.iter().map(|(_, text)| text.as_str()).collect();
        assert!(
            !texts.contains("secret") && !texts.contains("launch"),
            "{texts}"
        );
        assert_eq!(job.labels(image, None).len(), labels.len() - 1);
    }
}
