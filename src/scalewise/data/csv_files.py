"""CSV and TSV files: small ones are read into memory, large ones rewritten once as Parquet in a temporary folder."""

from __future__ import annotations

import codecs
import hashlib
import re
import shutil
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from scalewise.data.frames import ArrowSource
from scalewise.data.parquet_files import ParquetSource
from scalewise.data.scratch import make_scratch
from scalewise.errors import TableError

__all__ = ["open_csv"]

_IN_MEMORY_BYTES = 256_000_000
_COMPRESSION = 4
_BLOCK_BYTES = 1 << 24
_HASHED_BYTES = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_MISSING = ["", "?", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"]
_ENTRY_OF_FAILURE = re.compile(r"column #(\d+)")
_INVALID_TEXT = "invalid UTF8"

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""What such text begins with; the marks of UTF-32 begin with those of UTF-16."""

_GIVE_FRAME = "Read it with pandas, and give the frame."
_OTHER_KINDS = (
    (
        b"PK\x03\x04",
        "a zip archive or an Excel workbook, not text. Unpack it, or read it with pandas and give the frame.",
    ),
    (b"\xd0\xcf\x11\xe0", f"an old Excel workbook, not text. {_GIVE_FRAME}"),
    (b"SQLite format 3", f"an SQLite database, not text. {_GIVE_FRAME}"),
    (b"\x1f\x8b", "compressed with gzip, and not named so. Let its name end with .csv.gz."),
    (b"PAR1", "a Parquet file. Let its name end with .parquet."),
)
"""What files begin with that are named like text, and are none."""

Types = Mapping[str, pa.DataType]


def open_csv(path: Path, name: str, *, in_memory_bytes: int = _IN_MEMORY_BYTES) -> ArrowSource | ParquetSource:
    """Open a text file with a line of names on top, cut at commas, semicolons, tabs or bars.

    Parameters
    ----------
    path : Path
        May be compressed (``.gz``, ``.bz2``, ``.zst``).
    name : str
    in_memory_bytes : int
        Files above this size (compressed ones count four times) are rewritten as Parquet instead of held in memory.

    Raises
    ------
    TableError
        If it is empty or cannot be read.
    """
    plain = path.suffix.lower() in (".csv", ".tsv")
    size = path.stat().st_size * (1 if plain else _COMPRESSION)
    try:
        _check_encoding(path)
        if size > in_memory_bytes:
            return _rewritten(path, name)
        table = pacsv.read_csv(path, parse_options=_cuts(path), convert_options=_conversion({}))
        _check_text(path, table.schema)
        return ArrowSource(table, name, fingerprint=_fingerprint(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError) or _INVALID_TEXT in str(error):
            raise TableError(f"{str(path)!r} is not UTF-8 text. {_save_as_utf8('latin-1')}") from error
        what = str(error).strip().split("\n")[0].rstrip(".")
        hint = "Check that it has a line of names on top, the same number of cells in each row, and is UTF-8 text"
        raise TableError(f"{str(path)!r} cannot be read as CSV: {what}. {hint}.") from error


def _save_as_utf8(encoding: str) -> str:
    return f"Save it as UTF-8, or read it with pandas.read_csv(..., encoding={encoding!r}) and give the frame."


def _check_text(path: Path, schema: pa.Schema) -> None:
    """Refuse text that is no UTF-8: a reader takes it for bytes, which no model can use."""
    name = next((field.name for field in schema if pa.types.is_binary(field.type)), None)
    if name is not None:
        where = f"{str(path)!r} is not UTF-8 text, as its column {name!r} shows."
        raise TableError(f"{where} {_save_as_utf8('latin-1')}")


def _check_encoding(path: Path) -> None:
    """Refuse other kinds of files, and text in units of two or four bytes: a reader would say too little of them."""
    first = _first_bytes(path)
    kind = next((kind for mark, kind in _OTHER_KINDS if first.startswith(mark)), "")
    if kind:
        raise TableError(f"{str(path)!r} is {kind}")
    found = next((name for mark, name in _MARKS if first.startswith(mark)), "")
    if found or first.count(0) > len(first) / 4:
        encoding = found or "UTF-16"
        raise TableError(f"{str(path)!r} is {encoding} text, not UTF-8. {_save_as_utf8(encoding.lower())}")


def _first_bytes(path: Path) -> bytes:
    with pa.input_stream(str(path), compression="detect") as opened:
        first: bytes = opened.read(1 << 16)
        return first


def _cuts(path: Path) -> pacsv.ParseOptions:
    """Cut at what stands most often in the line of names."""
    first = _first_bytes(path).split(b"\n")[0].decode(errors="replace")
    delimiter = max(_DELIMITERS, key=first.count)
    return pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _conversion(types: Types) -> pacsv.ConvertOptions:
    return pacsv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True, column_types=dict(types))


def _fingerprint(path: Path) -> str:
    """Hash of the file's size, time of change, and first and last bytes; where it lies does not count."""
    state = path.stat()
    digest = hashlib.blake2b(f"{state.st_size} {state.st_mtime_ns}".encode(), digest_size=16)
    with path.open("rb") as opened:
        digest.update(opened.read(_HASHED_BYTES))
        opened.seek(max(0, state.st_size - _HASHED_BYTES))
        digest.update(opened.read())
    return digest.hexdigest()


def _rewritten(path: Path, name: str) -> ParquetSource:
    """Rewrite as Parquet in a folder that is removed with the source.

    Types are guessed from the first block; a later value that does not fit makes its column wider and starts again.
    """
    with ExitStack() as unless_done:
        folder = make_scratch()
        unless_done.callback(shutil.rmtree, folder, ignore_errors=True)
        target = folder / "table.parquet"
        types: Types = {}
        while (wider := _copy(path, target, types)) is not None:
            types = wider
        source = ParquetSource((target,), name, root=path, fingerprint=_fingerprint(path))
        weakref.finalize(source, unless_done.pop_all().close)
    return source


def _copy(path: Path, target: Path, types: Types) -> Types | None:
    """Copy block by block; where a value does not fit its column, give the types to try next."""
    options = pacsv.ReadOptions(block_size=_BLOCK_BYTES)
    with pacsv.open_csv(path, options, _cuts(path), _conversion(types)) as reader:
        schema = reader.schema
        _check_text(path, schema)
        try:
            with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        except pa.ArrowInvalid as error:
            return _wider(types, schema, error)
    return None


def _wider(types: Types, schema: pa.Schema, error: pa.ArrowInvalid) -> Types:
    found = _ENTRY_OF_FAILURE.search(str(error))
    if found is None or "conversion error" not in str(error):
        raise error
    column = schema.field(int(found[1]))
    numeric = pa.types.is_integer(column.type) or pa.types.is_null(column.type)
    if column.type == pa.string():
        raise error
    return {**types, column.name: pa.float64() if numeric else pa.string()}
