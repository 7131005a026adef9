"""A program that starts a local engine and then ends in some way: ``python engine_parent.py FOLDER STATE ENDING``.

It has no ``if __name__ == "__main__"``, as notebooks and scripts often have none: workers must not run it again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import engine_tasks
import psutil
from engine_bench import Bench, wait_for_file, wait_until

from scalewise.engines.local import LocalEngine

N_WORKERS = 2


def workers():
    return [
        child.pid for child in psutil.Process().children() if "scalewise.engines.worker" in " ".join(child.cmdline())
    ]


def raise_keyboard_interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)


def kill_while_a_forked_child_lives():
    """Die while another process holds copies of all that was open here."""
    child = os.fork()
    if child:
        (folder / "forked").write_text(str(child))
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def end_in_a_forked_child():
    """Let a forked child end the way Python does; the workers are not its own."""
    if child := os.fork():
        os.waitpid(child, 0)
        bench.engine.cancel()
        bench.run(engine_tasks.measure)
        bench.engine.close()


def take_ctrl_c_and_go_on():
    """Get Ctrl-C as a terminal sends it, to the whole group of processes, and use the same workers after it."""
    try:
        os.killpg(0, signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        before = workers()
        bench.run(engine_tasks.measure)
        assert workers() == before
        bench.engine.close()


ENDINGS = {
    "kill -9": partial(os.kill, os.getpid(), signal.SIGKILL),
    "no close": lambda: None,
    "interrupt": raise_keyboard_interrupt,
    "forked child lives": kill_while_a_forked_child_lives,
    "forked child ends": end_in_a_forked_child,
    "ctrl-c": take_ctrl_c_and_go_on,
}

folder, state, ending = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
(folder / "runs").open("a").write("run\n")
warm_up = f"engine_tasks:{'endless' if state == 'warming up' else 'no'}_warm_up"
engine = LocalEngine(N_WORKERS, warm_up=warm_up, spares=0)
bench = Bench(engine)
if state == "idle":
    bench.run(*[engine_tasks.measure] * N_WORKERS)
elif state == "busy":
    calls = [partial(engine_tasks.hold_the_lock, folder / f"busy{n}") for n in range(N_WORKERS)]
    bench.submit(*calls)
    for call in calls:
        wait_for_file(call.args[0])
wait_until(lambda: len(workers()) == N_WORKERS, "the workers")
(folder / "workers").write_text(" ".join(map(str, workers())))
assert threading.active_count() == 2
ENDINGS[ending]()
