"""Losses that hold with ignored pixels, class weights, on CPU and GPU."""
