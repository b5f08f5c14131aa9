/* Forgetting a person, and telling what is known. */
