"""The decision: how the models stand to each other, what each way forward brings, and the words for it."""
