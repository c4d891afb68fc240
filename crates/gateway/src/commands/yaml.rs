//! Manifests and kubeconfigs as YAML.

use anyhow::Context;
use serde_json::Value;
use serde_saphyr::{SerializerOptions, to_string_with_options};

/// One document.
pub(crate) fn document(value: &Value) -> anyhow::Result<String> {
    // Folded text reads well and is hard to paste; a quoted line is what it is.
    let mut options = SerializerOptions::default();
    options.prefer_block_scalars = false;
    let text = to_string_with_options(value, options).context("this can't be written as YAML")?;
    Ok(if text.ends_with('\n') { text } else { format!("{text}\n") })
}

/// Several documents in one file.
pub(super) fn documents(values: &[Value]) -> anyhow::Result<String> {
    let documents = values.iter().map(document).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(documents.join("---\n"))
}

/// A list on one line: `[get, list]`. What YAML might read as something else is quoted; JSON's quoted texts
/// are YAML's.
pub(super) fn flow(texts: &[String]) -> String {
    let items: Vec<String> = texts.iter().map(|text| plain_or_quoted(text)).collect();
    format!("[{}]", items.join(", "))
}

/// Words that some YAML reads as no text.
const SPECIAL: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

fn plain_or_quoted(text: &str) -> String {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./".contains(&byte);
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '/')
        && text.bytes().all(inside)
        && !SPECIAL.contains(&text);
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_back(text: &str) -> Value {
        let value = json!({ "spec": { "purpose": text, "list": [text, "x"] } });
        serde_saphyr::from_str(&document(&value).unwrap()).unwrap()
    }

    #[test]
    fn what_looks_like_something_else_stays_text() {
        let long = "word ".repeat(60);
        for text in
            ["", "no", "1", "0x1", "~", "a: b", "# c", "- d", "'", "\"", "a\nb\n", " a ", "!t", "&a", &long]
        {
            let value = read_back(text);
            assert_eq!(value["spec"]["purpose"], text);
            assert_eq!(value["spec"]["list"][0], text);
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_written(text in "[ -~\n\u{a0}-\u{2fff}]{0,200}") {
            prop_assert_eq!(&read_back(&text)["spec"]["purpose"], &json!(text));
        }

        #[test]
        fn every_text_of_a_list_on_one_line_is_read_as_it_was_written(
            texts in prop::collection::vec("[ -~]{0,20}|[a-z/]{1,5}|~|null|[0-9e.x_-]{1,6}", 0..5)
        ) {
            let read: Value = serde_saphyr::from_str(&flow(&texts)).unwrap();
            prop_assert_eq!(read, json!(texts));
        }
    }
}
