"""What every layer may use: files, images, progress, optional packages."""
