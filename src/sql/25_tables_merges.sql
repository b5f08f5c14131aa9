/* Merges of two leads, and what it takes to undo one. */
