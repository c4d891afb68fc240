//! Field selectors, as far as `RequestInfo` reads them (`k8s.io/apimachinery/pkg/fields/selector.go`).

/// The value that a selector requires `metadata.name` to have, if it requires one.
pub(super) fn required_name(selector: &str) -> Result<Option<String>, String> {
    // ParseSelector sorts the terms before RequiresExactMatch takes the first that matches.
    let mut terms = split_terms(selector);
    terms.sort_unstable();
    let mut name = None;
    for term in terms.into_iter().filter(|term| !term.is_empty()) {
        let (field, operator, value) =
            split_term(term).ok_or_else(|| format!("{term:?} has no '=', '==' or '!='"))?;
        let value = unescape(value)
            .ok_or_else(|| format!("{term:?} has an unescaped ',' or '=', or a stray '\\'"))?;
        if operator == Operator::Equals && field == "metadata.name" && name.is_none() {
            name = Some(value);
        }
    }
    Ok(name)
}

/// The fields that are selected by.
pub(crate) fn names(selector: &str) -> Result<Vec<&str>, String> {
    required_name(selector)?;
    let terms = split_terms(selector).into_iter();
    Ok(terms.filter_map(split_term).map(|(field, ..)| field).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    NotEquals,
}

/// Splits at commas that no backslash escapes.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut escaped = false;
    selector
        .split(move |c| {
            if escaped {
                escaped = false;
                return false;
            }
            escaped = c == '\\';
            c == ','
        })
        .collect()
}

/// Splits at the first operator: nothing is escaped on its left.
fn split_term(term: &str) -> Option<(&str, Operator, &str)> {
    let at = term
        .char_indices()
        .find(|&(at, c)| c == '=' || term.get(at..).is_some_and(|rest| rest.starts_with("!=")));
    let (field, rest) = term.split_at_checked(at?.0)?;
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, Operator::NotEquals, value));
    }
    let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
    Some((field, Operator::Equals, value))
}

fn unescape(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next()? {
                escaped @ ('\\' | ',' | '=') => text.push(escaped),
                _ => return None,
            },
            ',' | '=' => return None,
            plain => text.push(plain),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::required_name;

    #[test]
    fn the_name_is_the_one_that_the_api_server_takes() {
        let name = |selector: &str| required_name(selector).ok().flatten();
        assert_eq!(name("metadata.name=a").as_deref(), Some("a"));
        assert_eq!(name("metadata.name==a").as_deref(), Some("a"));
        assert_eq!(name("metadata.name!=a"), None);
        assert_eq!(name("status.phase=Running,metadata.name=a").as_deref(), Some("a"));
        assert_eq!(name("metadata.name=b,metadata.name=a").as_deref(), Some("a"));
        assert_eq!(name(r"metadata.name=a\,b").as_deref(), Some("a,b"));
        assert_eq!(name(""), None);
        assert_eq!(name(",,metadata.name=a").as_deref(), Some("a"));
    }

    #[test]
    fn what_the_api_server_does_not_parse_is_refused() {
        for selector in ["metadata.name", "a=b=c", r"a=\b", r"a=b\", "x,metadata.name=a"] {
            assert!(required_name(selector).is_err(), "{selector}");
        }
    }
}
