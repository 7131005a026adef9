from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scalewise.data.scratch import make_scratch, sweep


def test_a_folder_of_a_process_that_was_killed_is_swept_up_by_the_next(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from scalewise.data.scratch import make_scratch; "
        "print(make_scratch(Path(sys.argv[1])), flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    left = done.stdout.strip()
    assert Path(left).is_dir()
    made = make_scratch(tmp_path)
    assert not Path(left).exists()
    assert made.is_dir()


def test_folders_of_living_processes_and_of_others_stay(tmp_path):
    mine = make_scratch(tmp_path)
    foreign = [tmp_path / name for name in ("scalewise-elsewhere-99999999-x", "scalewise-notes", "other")]
    for folder in foreign:
        folder.mkdir()
    sweep(tmp_path)
    assert mine.is_dir()
    assert all(folder.is_dir() for folder in foreign)
