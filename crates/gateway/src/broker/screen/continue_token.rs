//! `continue` tokens that tell nothing. A cluster's own holds the name of the next object, which may be one
//! that its reader may not see. Sealed, it counts for one agent and one path.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_policy::AgentName;
use thiserror::Error;

use super::Fault;

/// Tokens are filled up to a multiple of this, so that their length doesn't tell the name's. A namespace and
/// a name of the longest are a token of some 500 bytes.
const FILLED: usize = 512;
/// The longest token of a cluster's that is sealed.
const MAX_TOKEN: usize = 4096;
/// The longest sealed one that is opened, in characters.
const MAX_SEALED: usize = 8192;

/// A sealed token that doesn't count: of another agent or path, changed, or of a gateway that has started
/// again since. The API server's words for a token that is too old, after which every caller begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "The provided continue parameter is too old to display a consistent list result. You can start a new \
     list without the continue parameter."
)]
pub struct Expired;

/// What a token is sealed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound(Vec<u8>);

impl Bound {
    /// An agent, on a cluster, at the canonical path of a list.
    pub fn to(agent: &AgentName, cluster: &str, path: &str) -> Bound {
        let mut bound = Vec::new();
        for part in [agent.as_str(), cluster, path] {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        Bound(bound)
    }
}

/// Seals tokens and opens them again: AES-256-GCM, with a nonce at random for each.
pub struct ContinueTokens(RandomizedNonceKey);

impl ContinueTokens {
    /// With a key of this start's own: nobody else opens what it seals, and a restart ends all tokens.
    pub fn fresh() -> Result<ContinueTokens, Fault> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).or(Err(Fault::Sealing))?;
        ContinueTokens::with_key(&key)
    }

    /// With a key that several gateways share.
    pub fn with_key(key: &[u8; 32]) -> Result<ContinueTokens, Fault> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(ContinueTokens).or(Err(Fault::Sealing))
    }

    /// Seals one token.
    pub fn seal(&self, bound: &Bound, token: &str) -> Result<String, Fault> {
        let length = u16::try_from(token.len()).ok().filter(|length| usize::from(*length) <= MAX_TOKEN);
        let length = length.ok_or(Fault::Form("its continue token is far too long"))?;
        let mut text = length.to_be_bytes().to_vec();
        text.extend_from_slice(token.as_bytes());
        text.resize(text.len().next_multiple_of(FILLED), 0);
        let nonce =
            self.0.seal_in_place_append_tag(Aad::from(&bound.0), &mut text).or(Err(Fault::Sealing))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens one that was sealed for this.
    pub fn open(&self, bound: &Bound, sealed: &str) -> Result<String, Expired> {
        self.opened(bound, sealed).ok_or(Expired)
    }

    /// Seals for one list, whose screening needs something to own.
    pub fn sealer(
        self: &Arc<Self>,
        bound: Bound,
    ) -> impl FnMut(&str) -> Result<String, Fault> + Send + 'static {
        let tokens = Arc::clone(self);
        move |token| tokens.seal(&bound, token)
    }

    fn opened(&self, bound: &Bound, sealed: &str) -> Option<String> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
        let (nonce, mut text) = (Nonce::try_assume_unique_for_key(nonce).ok()?, text.to_vec());
        let text = self.0.open_in_place(nonce, Aad::from(&bound.0), &mut text).ok()?;
        let (length, token) = text.split_first_chunk::<2>()?;
        let token = token.get(..usize::from(u16::from_be_bytes(*length)))?;
        String::from_utf8(token.to_vec()).ok()
    }
}

impl std::fmt::Debug for ContinueTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContinueTokens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(agent: &str, cluster: &str, path: &str) -> Bound {
        Bound::to(&AgentName::parse(agent).unwrap(), cluster, path)
    }

    #[test]
    fn a_token_counts_for_its_agent_and_path_only() {
        let tokens = ContinueTokens::fresh().unwrap();
        let own = bound("a", "c", "/api/v1/pods");
        let sealed = tokens.seal(&own, "the next pod").unwrap();
        assert_eq!(tokens.open(&own, &sealed), Ok("the next pod".to_owned()));
        for other in [
            bound("b", "c", "/api/v1/pods"),
            bound("a", "d", "/api/v1/pods"),
            bound("a", "c", "/api/v1/secrets"),
            bound("a", "c/api", "/v1/pods"),
        ] {
            assert_eq!(tokens.open(&other, &sealed), Err(Expired));
        }
    }

    #[test]
    fn a_token_that_was_changed_made_up_or_sealed_by_another_gateway_is_expired() {
        let [tokens, other] = [ContinueTokens::fresh().unwrap(), ContinueTokens::fresh().unwrap()];
        let own = bound("a", "c", "/api/v1/pods");
        let sealed = tokens.seal(&own, "next").unwrap();
        assert_eq!(other.open(&own, &sealed), Err(Expired));
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(tokens.open(&own, &URL_SAFE_NO_PAD.encode(changed)), Err(Expired), "byte {at}");
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..at]);
            assert_eq!(tokens.open(&own, &cut), Err(Expired), "cut at {at}");
        }
        // A cluster's own token is none, and neither is one of any length.
        for made_up in ["", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJhIn0", "*", &"A".repeat(9000)]
        {
            assert_eq!(tokens.open(&own, made_up), Err(Expired), "{made_up}");
        }
    }

    #[test]
    fn gateways_with_one_key_open_each_other_s_tokens() {
        let [one, two] = [7, 7].map(|byte| ContinueTokens::with_key(&[byte; 32]).unwrap());
        let own = bound("a", "c", "/api/v1/pods");
        assert_eq!(two.open(&own, &one.seal(&own, "next").unwrap()), Ok("next".to_owned()));
    }

    #[test]
    fn neither_the_name_nor_its_length_shows() {
        let tokens = ContinueTokens::fresh().unwrap();
        let own = bound("a", "c", "/api/v1/pods");
        let [short, long] = [1, 253].map(|length| tokens.seal(&own, &"n".repeat(length)).unwrap());
        assert_eq!(short.len(), long.len());
        let bytes = URL_SAFE_NO_PAD.decode(&long).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"nnnnnnnn"));
        assert_ne!(tokens.seal(&own, "same").unwrap(), tokens.seal(&own, "same").unwrap());
        assert!(tokens.seal(&own, &"n".repeat(MAX_TOKEN + 1)).is_err());
        let longest = tokens.seal(&own, &"n".repeat(MAX_TOKEN)).unwrap();
        assert_eq!(tokens.open(&own, &longest).map(|token| token.len()), Ok(MAX_TOKEN));
    }
}
