/* Where a value comes from, and what an operator says it is. */
