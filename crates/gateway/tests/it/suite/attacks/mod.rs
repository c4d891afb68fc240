//! One file per known trick, named after it. The judge is the API server's own audit log: the tests' ceiling
//! is the whole cluster, so whatever a scope fails to stop shows there. Every test also sends something that
//! must come through, so that a gateway that refuses everything fails too.

mod caller;
pub(super) mod fake;
mod forge;
mod h2;
mod issued;
mod tls;

mod alg_none;
mod another_agents_key;
mod another_audience;
mod certificate_and_account;
mod client_certificates;
mod cluster_answers;
mod cluster_breaks_off;
mod delete_options;
mod deleted_pod;
mod escapes_under_wildcards;
mod exec_without_create;
mod expired_early_and_long_tokens;
mod field_selector;
mod forged_tokens;
mod forwarded_headers;
mod host_mismatch;
mod host_names;
mod hs256_with_a_public_key;
mod impersonation_headers;
mod issuer_with_a_trailing_slash;
mod issuers_that_misbehave;
mod keys_of_another_issuer;
mod kid_tricks;
mod kubectl_as;
mod legacy_paths;
mod method_override;
mod minted_tokens;
mod misplaced_credentials;
mod object_moves;
mod other_audiences;
mod own_namespaces;
mod owner_references;
mod path_spellings;
mod proxy_subresource;
mod recreated_account;
mod repeated_query_keys;
mod request_smuggling;
mod secrets;
mod service_account_tokens;
mod session_resumption;
mod shared_identity;
mod smuggling_over_h2;
mod two_agents;
mod unknown_crit;
mod upgrades;
mod watch_under_list;
mod websocket_past_a_screen;
mod writes_that_create;
