//! docs/reference/schemas/config.json, for editors. `UPDATE_DOCS=1 cargo test -p drawbridge schema` writes it
//! anew.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::bounds::TABLE;
use super::reference::{CONFIG_SOURCE, LIMITS_SOURCE, TLS_SOURCE, fields};
use super::{Config, Limits, SHAPE, tls};
use crate::yaml::schema::{compare, described, object, takes, text};

fn schema() -> Value {
    let comments = fields(TLS_SOURCE, "TlsFiles");
    let tls_fields: Vec<(&str, Value)> =
        comments.iter().map(|(name, comment)| (name.as_str(), text(comment))).collect();
    let tls = object(tls::SHAPE, &tls_fields, tls::SHAPE.known);
    let comments = fields(CONFIG_SOURCE, "Config");
    let properties: Vec<(&str, Value)> = comments
        .iter()
        .map(|(name, comment)| {
            let schema = match name.as_str() {
                "tls" => described(tls.clone(), comment),
                "limits" => described(limits(), comment),
                _ => text(comment),
            };
            (name.as_str(), schema)
        })
        .collect();
    let mut schema = object(SHAPE, &properties, &[]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("The config of Drawbridge's server");
    schema
}

/// Ranges stand in the words: a time or a size is no number to compare.
fn limits() -> Value {
    let properties: Map<String, Value> = TABLE
        .iter()
        .zip(fields(LIMITS_SOURCE, "Limits"))
        .map(|(bound, (_, comment))| {
            let default = bound.value(&Limits::default());
            let words = format!("{comment} {}; {default} where it is left out.", bound.range());
            (bound.name.to_owned(), json!({"type": ["string", "integer"], "description": words}))
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

#[test]
fn the_schema_of_the_config_is_up_to_date() {
    compare("config.json", &schema());
}

#[test]
fn the_schema_takes_what_the_config_s_reader_takes_and_refuses_what_it_refuses() {
    let good = [
        "{}",
        "listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\nurl: https://a.example\ndata: d\nmanifests: m\n",
        "tls: {certFile: a, keyFile: b}\nlimits: {head: 10s, headers: 50, bodyMemory: 8Mi}\n",
    ];
    let bad = ["colour: red", "listen: [a]", "tls: {certFile: a}", "tls: a", "limits: {heads: 10s}", "[]"];
    for (texts, right) in [(&good[..], true), (&bad[..], false)] {
        for text in texts {
            let value: Value = serde_saphyr::from_str(text).unwrap();
            let read = Config::parse("c.yaml", text, Path::new("")).is_ok();
            assert_eq!((read, takes(&schema(), &value)), (right, right), "{text}");
        }
    }
}
