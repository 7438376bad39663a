use domain::{ImageId, Job};
use jiff::Timestamp;

/// Bytes of escaped XML that a prompt may take: with it a packet fits into one JPEG segment, which
/// holds 65 533 bytes.
const MAX_PROMPT: usize = 48 << 10;
const MAX_FIELD: usize = 1 << 10;

/// Where an image comes from, as it is written into every file that we make.
///
/// Text may be anything: it is escaped, characters that XML forbids become spaces, and what is too
/// long is cut (a prompt at 48 KiB, all else at 1 KiB of XML).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The system that made the image, such as `Ideogram`.
    pub generator: String,
    /// Its model, such as `V_3`.
    pub model: String,
    /// When the image was made.
    pub created: Timestamp,
    /// What finds the image again, such as our generation id.
    pub id: String,
    /// What the image was asked for with, where that may be told.
    pub prompt: Option<String>,
}

impl Provenance {
    /// What anybody may know of an image of `job`: all but its prompt. The same whenever the same
    /// image is cut, or the second cut would not be the first.
    #[must_use]
    pub fn of(job: &Job, image: ImageId) -> Self {
        Self {
            generator: generator(job.simulated),
            model: job.request.model.to_string(),
            created: job.accepted_at,
            id: image.to_string(),
            prompt: None,
        }
    }

    /// The same as [`of`](Self::of), from what is kept beside the image's bytes: `label` gives the
    /// text of a name of [`Job::labels`]. None if one of them is missing or makes no sense.
    #[must_use]
    pub fn of_labels<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            generator: generator(label("simulated")?.parse().ok()?),
            model: label("model")?.to_owned(),
            created: label("created")?.parse().ok()?,
            id: label("image")?.to_owned(),
            prompt: None,
        })
    }

    /// The XMP packet. `DigitalSourceType` is what the EU AI Act's art. 50(2) marking and the
    /// platforms look for (IPTC Photo Metadata Standard 2025.1, as are the AI properties).
    ///
    /// `credentials` says that the source has a C2PA manifest, which does not hold for a file that is
    /// cut from it. The source is then named, as the parent ingredient would be in a manifest of our
    /// own, and an event of the history tells what it had. `dcterms:provenance` is not used: C2PA has
    /// it for the address of this very file's manifest.
    pub(crate) fn xmp(&self, credentials: bool) -> String {
        let generator = escaped(&self.generator, MAX_FIELD);
        let model = escaped(&self.model, MAX_FIELD);
        let id = escaped(&self.id, MAX_FIELD);
        let created = self.created;
        let prompt = self.prompt.as_deref().map_or_else(String::new, |prompt| {
            let prompt = escaped(prompt, MAX_PROMPT);
            format!(
                "   <Iptc4xmpExt:AIPromptInformation>{prompt}</Iptc4xmpExt:AIPromptInformation>\n"
            )
        });
        let derived = if credentials {
            format!(
                r#"   <xmpMM:DerivedFrom rdf:parseType="Resource">
    <stRef:documentID>{id}</stRef:documentID>
   </xmpMM:DerivedFrom>
   <xmpMM:History><rdf:Seq><rdf:li rdf:parseType="Resource">
    <stEvt:action>derived</stEvt:action>
    <stEvt:parameters>from a source with Content Credentials (a C2PA manifest), which remain with the source</stEvt:parameters>
   </rdf:li></rdf:Seq></xmpMM:History>
"#
            )
        } else {
            String::new()
        };
        format!(
            r#"<?xpacket begin="{bom}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>{generator}</Iptc4xmpExt:AISystemUsed>
   <Iptc4xmpExt:AISystemVersionUsed>{model}</Iptc4xmpExt:AISystemVersionUsed>
{prompt}   <xmp:CreatorTool>{generator} {model}</xmp:CreatorTool>
   <xmp:CreateDate>{created}</xmp:CreateDate>
   <dc:identifier>{id}</dc:identifier>
{derived}  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"#,
            bom = '\u{feff}',
        )
    }
}

/// Names the system; what the simulator drew must not pass for the provider's.
fn generator(simulated: bool) -> String {
    let name = match simulated {
        true => "Ideogram via Darkroom (simulated)",
        false => "Ideogram via Darkroom",
    };
    name.to_owned()
}

/// Escapes text for XML 1.0 and stops before it would be longer than `most` bytes.
fn escaped(text: &str, most: usize) -> String {
    let mut xml = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        let mut buffer = [0; 4];
        let piece = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&apos;",
            // Not characters of XML, escaped or not (XML 1.0, 2.2).
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => " ",
            other => other.encode_utf8(&mut buffer),
        };
        if xml.len() + piece.len() > most {
            break;
        }
        xml.push_str(piece);
    }
    xml
}

#[cfg(test)]
mod tests {
    use domain::{GenerationId, Request, Tenant};

    use super::*;

    #[test]
    fn what_is_beside_an_image_says_the_same_as_its_job() {
        let id = GenerationId::generate();
        let request = Request::new("a secret product");
        for simulated in [true, false] {
            let job = Job::new(
                id,
                Tenant::default(),
                request.clone(),
                Timestamp::UNIX_EPOCH,
            );
            let job = Job { simulated, ..job };
            let image = ImageId::of(id, 1);
            let mut labels = job.labels(image, None);
            let read = |labels: &[(&str, String)]| {
                Provenance::of_labels(|name| {
                    let label = labels.iter().find(|(known, _)| *known == name)?;
                    Some(label.1.as_str())
                })
            };

            let told = Provenance::of(&job, image);
            assert_eq!(read(&labels), Some(told.clone()));
            assert_eq!(told.generator.contains("simulated"), simulated);
            assert_eq!((told.id, told.prompt), (image.to_string(), None));

            labels.retain(|(name, _)| *name != "simulated");
            assert_eq!(read(&labels), None);
        }
    }

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(
            escaped("</dc:identifier> \"a\" & 'b'\u{0}\u{1b}\té", 100),
            "&lt;/dc:identifier&gt; &quot;a&quot; &amp; &apos;b&apos;  \té"
        );
    }

    #[test]
    fn text_is_cut_between_characters_and_entities() {
        assert_eq!(escaped("aé&", 2), "a");
        assert_eq!(escaped("aé&", 3), "aé");
        assert_eq!(escaped("aé&", 7), "aé");
        assert_eq!(escaped("aé&", 8), "aé&amp;");
    }

    #[test]
    fn the_longest_packet_fits_into_a_jpeg_segment() {
        let long = "\"".repeat(100_000);
        let provenance = Provenance {
            generator: long.clone(),
            model: long.clone(),
            created: Timestamp::UNIX_EPOCH,
            id: long.clone(),
            prompt: Some(long),
        };

        assert!(provenance.xmp(true).len() < 65_000);
    }
}
