/* Proofs: each view is empty while its promise holds. */
