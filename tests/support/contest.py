"""Two ways to do the same work, timed fairly: they take turns, and each round gives one ratio.

What else goes on at a machine comes and goes. In a round both run one after the other, in an order that changes from
round to round, so that most rounds find both under the same conditions; the median over rounds leaves out the others.
"""

from __future__ import annotations

import statistics
import time
from functools import partial


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(contestants, calls, n_rounds):
    """Seconds of each contestant in each round.

    Parameters
    ----------
    contestants : dict of str to object
        What has a `run`, which takes the calls.
    calls : list of callable
    n_rounds : int
    """
    seconds = {name: [] for name in contestants}
    for number in range(n_rounds):
        for name in sorted(contestants, reverse=bool(number % 2)):
            seconds[name].append(seconds_of(partial(contestants[name].run, calls)))
    return seconds


def tell_ratio(what, seconds):
    """Print how the first contestant did against the second, and give the median of the ratios of all rounds."""
    ours, theirs = seconds.values()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    medians = ", ".join(f"{name} {statistics.median(times):.2f} s" for name, times in seconds.items())
    print(f"{what}: {medians}, ratio {ratio:.3f} (rounds {min(ratios):.3f} to {max(ratios):.3f})", flush=True)
    return ratio


def verdict(worst, most):
    """Print whether what was asked for is met, and give the exit status."""
    print(f"worst ratio {worst:.3f}, at most {most:.2f} is asked for: {'met' if worst <= most else 'NOT met'}")
    return int(worst > most)
