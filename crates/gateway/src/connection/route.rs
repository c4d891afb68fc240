//! Which cluster a request is for: the path prefix `/clusters/NAME`.

use http::Uri;

use crate::refusal::Refusal;

/// A request's target, taken apart at the cluster's name. The rest is untouched: what the API server would
/// read is what is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The cluster's name, as the caller wrote it.
    pub cluster: &'a str,
    /// The path on that cluster, from its first slash on.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Reads `/clusters/NAME/…`. Anything else is no cluster's business: 404.
    pub fn read(uri: &'a Uri) -> Result<Route<'a>, Refusal> {
        let rest = uri.path().strip_prefix("/clusters/").ok_or(Refusal::NoCluster)?;
        let (cluster, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        if cluster.is_empty() || !cluster.bytes().all(is_name_byte) {
            return Err(Refusal::NoCluster);
        }
        Ok(Route { cluster, path, query: uri.query() })
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Option<(String, String)> {
        let uri: Uri = uri.parse().unwrap();
        Route::read(&uri).ok().map(|route| (route.cluster.to_owned(), route.path.to_owned()))
    }

    #[test]
    fn the_prefix_names_the_cluster_and_the_rest_is_untouched() {
        assert_eq!(read("/clusters/prod/api/v1/pods"), Some(("prod".into(), "/api/v1/pods".into())));
        assert_eq!(read("/clusters/prod"), Some(("prod".into(), "/".into())));
        assert_eq!(read("/clusters/prod//api/%2e"), Some(("prod".into(), "//api/%2e".into())));
    }

    #[test]
    fn without_a_cluster_there_is_no_route() {
        for uri in ["/", "/api", "/clusters", "/clusters/", "/clusters//api", "/clusters/%70rod/api"] {
            assert_eq!(read(uri), None, "{uri}");
        }
    }
}
