"""Plots: one file each, from a summary to a frame to a drawing. They know the core and bqplot, and nothing else."""
