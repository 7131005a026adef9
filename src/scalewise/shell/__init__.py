"""The ``scalewise run`` command: what is asked, how a study is followed, and how its result is told."""
