"""One key map per code base whose weights are taken over."""
