//! What was typed: the file's options as text, before anything is checked.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use crate::error::Problem;
use crate::options;

/// The options in the order of the file, each with the text that was written.
///
/// `0123`, `on`, `true` and `1e3` keep their spelling, as gpbackup reads every option as a string;
/// `null`, `~` and nothing are the empty text. `executablepath` is not kept: it may hold an unexpanded
/// `$GPHOME`, and nothing here needs it. There is no `Debug`, as the texts hold secrets.
pub(crate) struct RawConfig {
    options: Vec<(String, String)>,
}

impl RawConfig {
    /// Reads a YAML document; what is wrong with its form goes to `problems`.
    ///
    /// `None` where it cannot be read at all, so that nothing more can be said about it.
    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read(text, problems).unwrap_or_else(|error| {
            // The parser's messages hold positions and no content, so that no secret is in them.
            problems.push(Problem::of_file(format!("is no valid YAML: {error}")));
            None
        })
    }

    fn read(text: &str, problems: &mut Vec<Problem>) -> Result<Option<Self>, serde_yaml::Error> {
        // Twice over the text: YAML tells the shape of a value only by guessing its type, which loses
        // its spelling, and gives its spelling only to those who know that it is a scalar.
        let Shape::Mapping(top) = Shape::deserialize(serde_yaml::Deserializer::from_str(text))?
        else {
            problems.push(Problem::of_file(
                "is no mapping with the keys executablepath and options",
            ));
            return Ok(None);
        };
        check_top(&top, problems);
        let options = Top(&top).deserialize(serde_yaml::Deserializer::from_str(text))?;
        Ok(Some(Self { options }))
    }

    /// The options in the order of the file, those with empty text left out: as by the Go plugin, they count as unset.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.options.iter().filter(|(_, text)| !text.is_empty());
        set.map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// The text of an option, where it is set.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, text)| text)
    }
}

/// Tells what is wrong with the keys of the file and with the form of their values.
fn check_top(top: &[(String, Shape)], problems: &mut Vec<Problem>) {
    check_duplicates(top, problems);
    for (key, shape) in top {
        match (key.as_str(), shape) {
            ("executablepath", _) => {}
            ("options", Shape::Mapping(options)) => {
                check_duplicates(options, problems);
                for (key, shape) in options {
                    if let Some(shown) = shape.unlike_scalar() {
                        let message = format!("is a {shown}, where a plain value is wanted");
                        problems.push(Problem::of(key, message));
                    }
                }
            }
            ("options", Shape::Scalar { null: true }) => {}
            ("options", _) => problems.push(Problem::of(key, "is no mapping of options to values")),
            (key, _) if options::find(key).is_some() => {
                problems.push(Problem::of(
                    key,
                    "stands outside of options, indent it below that key",
                ));
            }
            (key, _) => {
                let message = "unknown key, beside options only executablepath is known";
                problems.push(Problem::of(key, message));
            }
        }
    }
}

fn check_duplicates(entries: &[(String, Shape)], problems: &mut Vec<Problem>) {
    for (at, (key, _)) in entries.iter().enumerate() {
        let earlier = entries[..at]
            .iter()
            .filter(|(other, _)| other == key)
            .count();
        if earlier == 1 {
            problems.push(Problem::of(key, "is given more than once"));
        }
    }
}

/// The form of a YAML value.
enum Shape {
    Scalar { null: bool },
    List,
    Mapping(Vec<(String, Shape)>),
    Tagged,
}

impl Shape {
    /// What stands where a scalar is wanted.
    fn unlike_scalar(&self) -> Option<&'static str> {
        match self {
            Self::Scalar { .. } => None,
            Self::List => Some("list"),
            Self::Mapping(_) => Some("mapping"),
            Self::Tagged => Some("tagged value"),
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: true })
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: true })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar { null: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Shape::Mapping(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Shape, A::Error> {
        let (_, content) = tagged.variant::<IgnoredAny>()?;
        content.newtype_variant::<IgnoredAny>()?;
        Ok(Shape::Tagged)
    }
}

/// Reads the texts under `options`, given the shape of the whole document.
struct Top<'a>(&'a [(String, Shape)]);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Vec<(String, String)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut options = Vec::new();
        for (key, shape) in self.0 {
            map.next_key::<IgnoredAny>()?;
            match shape {
                Shape::Mapping(entries) if key == "options" => {
                    options.extend(map.next_value_seed(Texts(entries))?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(options)
    }
}

/// Reads the scalars of a mapping as text and leaves out what is no scalar.
struct Texts<'a>(&'a [(String, Shape)]);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = Vec<(String, String)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        for (key, shape) in self.0 {
            map.next_key::<IgnoredAny>()?;
            if shape.unlike_scalar().is_some() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let text = map.next_value::<Option<Text>>()?;
            texts.push((
                key.clone(),
                text.map_or_else(String::new, |Text(text)| text),
            ));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(texts)
    }
}

/// A scalar's text as it was written, whatever type YAML would guess.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
