use domain::{Invalid, PresetChoice};
use toml::{Table, Value};

use super::{InvalidPreset, Presets, read};
use crate::Preset;

impl Presets {
    /// The preset that is chosen, with what is to be different.
    ///
    /// # Errors
    ///
    /// [`InvalidPreset::NoSuch`] if there is no preset of the name, else as [`Preset::with`].
    pub fn choose(&self, choice: &PresetChoice) -> Result<Preset, InvalidPreset> {
        let preset = self.get(&choice.preset);
        let preset = preset.ok_or_else(|| InvalidPreset::NoSuch {
            preset: choice.preset.clone(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })?;
        preset.with(choice)
    }

    /// The presets that a request chooses, in its order.
    ///
    /// # Errors
    ///
    /// The first choice that [`Presets::choose`] refuses, by its place in the request, such as
    /// `presets[1].gravity`.
    pub fn choose_all(&self, choices: &[PresetChoice]) -> Result<Vec<Preset>, Invalid> {
        let choose = |(index, choice)| {
            let chosen = self.choose(choice);
            chosen.map_err(|err| {
                // The only name that is written otherwise in a request.
                let field = err.field().map(|field| match field {
                    "max_bytes" => ".maxBytes".to_owned(),
                    other => format!(".{other}"),
                });
                let field = field.unwrap_or_default();
                Invalid::field(format!("presets[{index}]{field}"), err.to_string())
            })
        };
        choices.iter().enumerate().map(choose).collect()
    }
}

impl Preset {
    /// This preset with what `choice` wants different from it, whatever preset that names, checked by
    /// the rules of `presets.toml`. Name stays, [`version`](Self::version) changes with the recipe.
    /// Another format begins with the default quality, since a number means something else in each,
    /// and PNG has neither quality nor `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`InvalidPreset`] names the preset and the field.
    pub fn with(&self, choice: &PresetChoice) -> Result<Self, InvalidPreset> {
        read(self.name(), table(choice), Some(self))
    }
}

fn table(choice: &PresetChoice) -> Table {
    let numbers = [
        ("width", choice.width),
        ("height", choice.height),
        ("quality", choice.quality),
        ("max_bytes", choice.max_bytes),
    ]
    .map(|(field, number)| (field, number.map(Value::Integer)));
    let words = [
        ("fit", &choice.fit),
        ("gravity", &choice.gravity),
        ("format", &choice.format),
    ]
    .map(|(field, word)| (field, word.clone().map(Value::String)));
    let given = numbers.into_iter().chain(words);
    given
        .filter_map(|(field, value)| Some((field.to_owned(), value?)))
        .collect()
}
