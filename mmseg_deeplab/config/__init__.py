"""Read a config, override it, check it, and prepare training and testing."""
