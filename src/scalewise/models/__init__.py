"""Models: the ladder from dummy to boosting, its preprocessing, metrics, and the one place that fits and scores."""
