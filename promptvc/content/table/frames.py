"""Rows as data frames of other libraries, by way of Arrow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from promptvc.content.arrow.frames import pandas_frame
from promptvc.content.formats.base import Row
from promptvc.errors import Usage

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa


class Frames(ABC):
    """What `to_arrow` gives, in the forms that other libraries take."""

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """All rows as a `pyarrow.Table`."""

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """All rows as a `pandas.DataFrame`; options are those of `pyarrow.Table.to_pandas`.

        Integers stay integers: beside nulls they are a nullable ``Int64``, not floats.
        """
        with _needs("pandas"):
            import pandas  # noqa: F401

        return pandas_frame(self.to_arrow(), options)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a `polars.DataFrame`."""
        with _needs("polars"):
            import polars
        return polars.DataFrame(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All rows through the Arrow PyCapsule interface, for any library that speaks it."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


def rows_to_pandas(rows: Sequence[Row]) -> pandas.DataFrame:
    """Rows that are in no table as a `pandas.DataFrame`; integers beside nulls are a nullable ``Int64``."""
    with _needs("pandas"):
        import pandas
    frame = pandas.DataFrame(list(rows))
    for name in frame.columns[frame.dtypes == "float64"]:
        values = [row.get(name) for row in rows]
        if {type(value) for value in values} == {int, type(None)} and all(
            abs(value) < 1 << 63 for value in values if isinstance(value, int)
        ):
            frame[name] = pandas.array(values, dtype="Int64")
    return frame


@contextmanager
def _needs(package: str) -> Iterator[None]:
    """Around the import of an optional package: raises `Usage` where it is not installed."""
    try:
        yield
    except ImportError:
        raise Usage(f"{package} is not installed", f"pip install {package}") from None
