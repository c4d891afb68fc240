//! Whether a line is read rightly: as the API server reads it, or refused for a class that it is in.

use drawbridge_policy::{Attributes, Line, Unreadable};

use super::classes::{CLASSES, Raw, class};
use super::lines::Kind;
use super::oracle::Answer;

/// A line read as the gateway reads it. Bytes that are no text stand for characters outside ASCII.
pub(crate) fn parse(line: &[u8]) -> Result<Attributes, Unreadable> {
    let line = String::from_utf8_lossy(line);
    let (method, target) = line.split_once(' ').unwrap_or((&line, ""));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Attributes::parse(Line { method, path, query })
}

/// What is wrong with how a line is read, if something is.
pub(crate) fn judge(line: &[u8], kind: Kind, answer: &Answer) -> Result<(), String> {
    let raw = Raw::new(line, answer);
    let shown = line.escape_ascii();
    match parse(line) {
        Ok(attributes) => {
            let ours = attributes.request_info();
            let Some(theirs) = &answer.info else {
                return Err(format!("{shown}\nis accepted, though the API server doesn't read it: {ours}"));
            };
            if ours != *theirs {
                return Err(format!("{shown}\nours   {ours}\ntheirs {theirs}"));
            }
            match CLASSES.iter().find(|class| (class.describes)(&raw)) {
                Some(class) => {
                    Err(format!("{shown}\nis accepted, though it is in the class {}", class.reason))
                }
                None => Ok(()),
            }
        }
        Err(refused) if kind == Kind::Plain => Err(format!("{shown}\nis plain and was refused: {refused}")),
        Err(refused) => match class(refused.reason()) {
            None => Err(format!("{shown}\nis refused for {}, which is no class", refused.reason())),
            Some(class) if !(class.describes)(&raw) => {
                Err(format!("{shown}\nis refused for {}, whose class it isn't in: {refused}", class.reason))
            }
            Some(_) => Ok(()),
        },
    }
}
