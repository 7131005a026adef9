"""The ``scalewise`` command: ``app`` opens the dashboard, ``run`` studies a table without a screen.

Exit status: 0 with a verdict, 1 for a failure, 2 for a mistake in what was asked, such as a table, a journal or a
scheduler that cannot be used, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from scalewise.errors import EngineError, InputError, ScalewiseError
from scalewise.shell.arguments import parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        The exit status.
    """
    asked = parser(_run, _app).parse_args(arguments)
    try:
        status: int = asked.command(asked)
    except InputError as error:
        return _complain(error, 2)
    except ScalewiseError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _complain(error: Exception, status: int) -> int:
    print(f"scalewise: {' '.join(str(error).split())}", file=sys.stderr)
    return status


def _app(asked: argparse.Namespace) -> int:
    from scalewise.app.server import serve

    return serve(port=asked.port, open_browser=not asked.no_browser, table=asked.table, target=asked.target)


def _run(asked: argparse.Namespace) -> int:
    from scalewise.shell.result_file import check_folder, check_writable

    # Before the libraries of a study are loaded, which takes seconds.
    check_folder(asked.journal, "--journal")
    check_writable(asked.json)
    from scalewise.shell.following import check_units, follow
    from scalewise.shell.opening import open_study
    from scalewise.shell.telling import tell

    with open_study(asked) as study:
        try:
            status = follow(study, asked)
        except EngineError as error:
            if "://" in asked.engine:
                raise InputError(str(error)) from error
            raise
        if asked.check_unit and status == 0:
            status = check_units(study)
        # Interrupted while the table was looked at, there is nothing to tell.
        if study.state.study is not None:
            tell(study, asked)
    return status


if __name__ == "__main__":
    sys.exit(main())
