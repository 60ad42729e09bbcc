"""Studies of this project, run from a clone: ``python -m benchmarks --help``."""
