"""Send arrays of numbers to PostgreSQL in its binary format.

So no number is converted to text. psycopg adapts each number by itself: for a thousand numbers, that takes as
long as half of an article's cleaning.
"""

from __future__ import annotations

import struct
from typing import Any

import sqlalchemy as sa

_INTEGER_OID, _INTEGER_ARRAY_OID = 23, 1007  # src/include/catalog/pg_type.dat
_HEADER = struct.Struct("!iiiii")  # dimensions, has nulls, type, length, first index: array_send
_FOUR_BYTES = b"\0\0\0\x04"


class Numbers(str):
    """A text that stands for the code points of its characters.

    It is an `integer[]` in the database.
    """

    __slots__ = ()

    def binary(self) -> bytes:
        """Return the array in the format of PostgreSQL's `array_recv`.

        It has the length in bytes before each number.
        """
        numbers = self.encode("utf-32-be")
        cells = bytearray((_FOUR_BYTES * 2) * len(self))
        for byte in range(4):
            cells[4 + byte :: 8] = numbers[byte::4]
        return _HEADER.pack(1, 0, _INTEGER_OID, len(self), 1) + cells


class NumbersType(sa.types.UserDefinedType[Numbers]):
    """The column type of Numbers.

    SQLAlchemy passes the values to the driver unchanged.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type for DDL. Called by SQLAlchemy."""
        return "INTEGER[]"


def register() -> None:
    """Register Numbers with psycopg, for later connections.

    Raises ImportError without psycopg.
    """
    from psycopg import adapters
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class Binary(Dumper):
        format = Format.BINARY
        oid = _INTEGER_ARRAY_OID

        def dump(self, obj: Numbers) -> bytes:
            return obj.binary()

    adapters.register_dumper(Numbers, Binary)
