"""What the runner's thread does: commands, trials, streams, moving to other engines, and the state that follows."""
