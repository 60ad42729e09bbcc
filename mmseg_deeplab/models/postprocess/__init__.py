"""Refinement of the predictions of a network."""
