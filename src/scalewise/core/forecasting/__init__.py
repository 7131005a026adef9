"""The forecast of a single learning curve: its points, what is read from them, and the model that reads it."""
