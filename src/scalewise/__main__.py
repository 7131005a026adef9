"""``python -m scalewise`` is the ``scalewise`` command."""

from scalewise.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
