"""One module per code base: a table from its names to ours, and its configs."""
