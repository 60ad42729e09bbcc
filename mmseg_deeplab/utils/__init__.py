"""What every floor may use: files, progress, optional packages."""
