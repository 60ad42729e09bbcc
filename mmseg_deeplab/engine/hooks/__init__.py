"""Hooks: checkpoints, stopping by a signal, logged losses, drawn images, speed."""
