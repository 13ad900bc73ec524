"""Numbers as PostgreSQL takes an array of them in binary: none is written out here, none is parsed there.

A thousand numbers, each adapted by itself, take as long as half of an article's cleaning.
"""

from __future__ import annotations

import struct
from typing import Any

import sqlalchemy as sa

_INTEGER, _INTEGERS = 23, 1007  # their types: src/include/catalog/pg_type.dat
_HEADER = struct.Struct("!iiiii")  # dimensions, nulls or none, type, length, first index: array_send
_FOUR_BYTES = b"\0\0\0\x04"


class Numbers(str):
    """A text that stands for the numbers of its characters, `integer[]` for the database."""

    __slots__ = ()

    def binary(self) -> bytes:
        """The array as `array_recv` takes it: before each number its length in bytes."""
        numbers = self.encode("utf-32-be")
        cells = bytearray((_FOUR_BYTES * 2) * len(self))
        for byte in range(4):
            cells[4 + byte :: 8] = numbers[byte::4]
        return _HEADER.pack(1, 0, _INTEGER, len(self), 1) + cells


class NumbersType(sa.types.UserDefinedType[Numbers]):
    """What SQLAlchemy hands to the driver as it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """As DDL says it."""
        return "INTEGER[]"


def register() -> None:
    """Let connections that are made from now on take `Numbers`. Raises ImportError without the driver."""
    from psycopg import adapters
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class Binary(Dumper):
        format = Format.BINARY
        oid = _INTEGERS

        def dump(self, obj: Numbers) -> bytes:
            return obj.binary()

    adapters.register_dumper(Numbers, Binary)
