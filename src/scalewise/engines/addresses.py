"""Whether a Dask scheduler answers at an address, found out in seconds and said in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

from distributed.core import rpc
from distributed.security import Security

from scalewise.errors import EngineError, InputError

__all__ = ["check_scheduler"]

_SECONDS = 4.0
_GREETING_BYTES = 8
_MOST_FRAMES = 64
_CHECKED = ("tcp", "tls")


async def check_scheduler(address: str, security: Security) -> None:
    """Make sure that a scheduler answers at an address.

    Parameters
    ----------
    address : str
        Such as ``"tcp://host:8786"`` or ``"tls://host:8786"``; other kinds are taken on trust.
    security : Security

    Raises
    ------
    InputError
        If this is no address.
    EngineError
        If nothing answers there, or something else does, or it refuses the certificate.
    """
    scheme = urlsplit(address).scheme
    if scheme not in _CHECKED:
        return
    await _greet(address, _context(address, security) if scheme == "tls" else None)
    kind = await _identity(address, security)
    if kind != "Scheduler":
        raise EngineError(f"A Dask {kind.lower()} answers at {address}, not a scheduler. Give the scheduler's address.")


def _host_and_port(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise InputError(f"{address!r} is no address of a scheduler; give one such as 'tcp://host:8786'.")
    return host, port


def _context(address: str, security: Security) -> ssl.SSLContext:
    """Read the certificates."""
    try:
        context = security.get_connection_args("client")["ssl_context"]
    except OSError as error:
        raise EngineError(f"The certificates for {address} cannot be read: {error}.") from error
    if not isinstance(context, ssl.SSLContext):
        raise EngineError(f"{address} asks for certificates; give tls=Tls(ca_file, cert, key), or configure Dask's.")
    return context


async def _greet(address: str, context: ssl.SSLContext | None) -> None:
    """Connect and read what comes: whatever listens for Dask speaks first, and begins with a small count of frames."""
    host, port = _host_and_port(address)
    try:
        greeting = await asyncio.wait_for(_first_bytes(host, port, context), _SECONDS)
    except TimeoutError as error:
        raise EngineError(
            f"Something listens at {address}, but it does not speak like a Dask scheduler"
            f"{' with TLS' if context else ''}. Check the port, and whether it is tcp:// or tls://."
        ) from error
    except ssl.SSLError as error:
        raise EngineError(
            f"{address} and this process do not accept each other's certificates ({error.reason or error}). "
            "Check ca_file, cert and key."
        ) from error
    except OSError as error:
        raise EngineError(
            f"No scheduler can be reached at {address}: {error.strerror or error}. "
            "Check host and port, and that the scheduler runs."
        ) from error
    if not 0 < int.from_bytes(greeting, "little") <= _MOST_FRAMES:
        raise EngineError(f"What answers at {address} is no Dask scheduler. Check the port.")


async def _first_bytes(host: str, port: int, context: ssl.SSLContext | None) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        return await reader.read(_GREETING_BYTES)
    finally:
        writer.transport.abort()


async def _identity(address: str, security: Security) -> str:
    """Ask what it is that speaks Dask there."""
    async with rpc(address, connection_args=security.get_connection_args("client"), timeout=_SECONDS) as remote:
        answer: Coroutine[Any, Any, dict[str, Any]] = remote.identity()
        try:
            return str((await asyncio.wait_for(answer, _SECONDS))["type"])
        except (OSError, TimeoutError) as error:
            raise EngineError(
                f"The scheduler at {address} does not answer: {error}. Is it busy, or closing?"
            ) from error
