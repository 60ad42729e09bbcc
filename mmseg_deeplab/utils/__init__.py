"""What every floor may use: files, images, progress, optional packages."""
