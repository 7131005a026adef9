"""Names of models: as the catalogue has them, and with a person's own settings behind them: ``linear(C=0.1)``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from scalewise.errors import InputError

__all__ = ["base_of", "named_with", "parted", "settings_text", "spelled", "split_names", "told_apart"]

_FORM = re.compile(r"(?P<base>[^()]*)\((?P<settings>[^()]*)\)")
_BETWEEN = re.compile(r",(?![^()]*\))")


def settings_text(settings: Mapping[str, float]) -> str:
    """Settings as a person would type them: ``learning_rate=0.05, max_iter=120``."""
    return ", ".join(f"{name}={value:.12g}" for name, value in settings.items())


def named_with(base: str, settings: Mapping[str, float]) -> str:
    """The name of a model with own settings: the same one for the same settings in any order."""
    return f"{base}({settings_text(dict(sorted(settings.items())))})" if settings else base


def spelled(name: str) -> str:
    """The name of a model as it stands in plans, however a person spaced its settings and wrote their numbers.

    Raises
    ------
    InputError
        If the settings cannot be read.
    """
    return named_with(*parted(name))


def base_of(name: str) -> str:
    """The name of a model in the catalogue, without settings."""
    return name.partition("(")[0].strip()


def parted(name: str) -> tuple[str, dict[str, float]]:
    """Take the name of a model apart, into that in the catalogue and the settings.

    Raises
    ------
    InputError
        If the settings are not numbers with names, each given once.
    """
    found = _FORM.fullmatch(name.strip())
    if found is None:
        if "(" in name:
            raise _unreadable(name)
        return name, {}
    parts = [part.partition("=") for part in found["settings"].split(",") if part.strip()]
    settings = {key.strip(): _number(name, value) for key, _, value in parts}
    if len(settings) < len(parts):
        raise InputError(f"A setting of {name!r} is given twice. Give each once.")
    return found["base"].strip(), settings


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unreadable(name) from None


def _unreadable(name: str) -> InputError:
    return InputError(
        f"The settings of {name!r} cannot be read. Write numbers by scikit-learn's names, such as linear(C=0.1)."
    )


def split_names(text: str) -> tuple[str, ...]:
    """Names with commas between them, which are no commas between settings."""
    return tuple(name.strip() for name in _BETWEEN.split(text) if name.strip())


def told_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels by the names of models, so that no two are the same.

    Of models whose labels would be, each shows the first setting that all of them have and differ in, or all of its
    settings where there is none.
    """
    shared = Counter(labels.values())
    return {name: label if shared[label] == 1 else _telling(name, label, labels) for name, label in labels.items()}


def _telling(name: str, label: str, labels: Mapping[str, str]) -> str:
    settings = parted(name)[1]
    others = [parted(other)[1] for other in labels if other != name and labels[other] == label]
    alike = [settings, *others]
    tells = (key for key in settings if len({each.get(key) for each in alike} - {None}) == len(alike))
    key = next(tells, None)
    told = settings_text(settings) if key is None else f"{settings_text({key: settings[key]})}, ..."
    return f"{base_of(label)} ({told})"
