//! One file for each known trick, named after it. The judge is the API server's own audit log.
