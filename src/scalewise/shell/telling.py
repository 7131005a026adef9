"""Tell the result of a study on the command line: as text, and as JSON where that was asked for."""

from __future__ import annotations

import argparse
import json
import sys

from scalewise.shell.result_file import write_result
from scalewise.shell.text_report import text_report
from scalewise.study import Study

__all__ = ["tell"]


def tell(study: Study, asked: argparse.Namespace) -> None:
    """Print a study, and write it where that was asked for.

    Raises
    ------
    StudyError
        If it cannot be written; all has been printed then.
    """
    content, path = study.report(), asked.json
    text = json.dumps(content, indent=1, ensure_ascii=False)
    unwritten = write_result(path, text)
    features = asked.importances or asked.keep_k is not None
    told = text_report(content, study.verdict, features=features, units=asked.check_unit)
    print(text if str(path) == "-" else told)
    for note in study.state.notes:
        if note.level == "error":
            print(f"scalewise: {' '.join(note.text.split())}", file=sys.stderr)
    if asked.tune and content["tuning"] is None:
        print(f"scalewise: nothing was tuned: {_why_untuned(study)}", file=sys.stderr)
    if unwritten is not None:
        raise unwritten


def _why_untuned(study: Study) -> str:
    main, state = study.summary.main, study.state
    if main is not None and not main.curve.model.tunable:
        name, kind = main.curve.model.name, main.curve.model.kind
        return f"{name} has settings of its own already. Leave it out and run {kind} to find out about others."
    if state.ending == "budget":
        return "no time was left for it. Give more minutes with --budget."
    if state.phase == "stopped":
        return "the study was stopped before."
    return "no fit of a model that has settings is finished." if main is None else "every trial of it failed."
