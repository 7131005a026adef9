"""Does more data help, and do you need a cluster for it.

Learning curves from small, growing samples of a table, drawn live, continued with honest uncertainty, and put into one
sentence. Public names are imported when they are first used, so that ``import scalewise`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalewise.app.dashboard import Dashboard, explore
    from scalewise.core.extrapolation import forecast
    from scalewise.core.spec import LeftOut, SamplingUnit
    from scalewise.data.sources import open_source
    from scalewise.data.sparse import SparseTable
    from scalewise.errors import ScalewiseError
    from scalewise.options import StudyOptions
    from scalewise.study import Study

__version__ = "0.1.0"

__all__ = [
    "Dashboard",
    "LeftOut",
    "SamplingUnit",
    "ScalewiseError",
    "SparseTable",
    "Study",
    "StudyOptions",
    "__version__",
    "explore",
    "forecast",
    "open_source",
]

_HOMES = {
    "Dashboard": "scalewise.app.dashboard",
    "LeftOut": "scalewise.core.spec",
    "SamplingUnit": "scalewise.core.spec",
    "ScalewiseError": "scalewise.errors",
    "SparseTable": "scalewise.data.sparse",
    "Study": "scalewise.study",
    "StudyOptions": "scalewise.options",
    "explore": "scalewise.app.dashboard",
    "forecast": "scalewise.core.extrapolation",
    "open_source": "scalewise.data.sources",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'scalewise' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
