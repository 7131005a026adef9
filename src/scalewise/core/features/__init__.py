"""Which features there are to do without: what is measured for it, what it says, and the words for it."""
