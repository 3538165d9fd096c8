"""Which example an output belongs to: by fields that both have, and by order if several are equal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from promptvc.content.formats.base import Row
from promptvc.content.formats.dicts import is_malformed
from promptvc.content.formats.missing import MISSING
from promptvc.content.runs.request import example_ids
from promptvc.content.runs.run import OutputRow
from promptvc.content.table.view import Table
from promptvc.content.values.dotted import pick
from promptvc.errors import Advice, Usage
from promptvc.runs.record.foreign_rows import KeyText, Taken, Texts, key_of


@dataclass
class ExampleIndex:
    """Examples by their identifying fields in the outputs, and by id; ``rows`` only if needed.

    ``ids`` finds them whatever the types of these fields are, ``typed`` where they are the same.
    """

    ids: dict[KeyText, list[str]] = field(default_factory=dict)
    typed: dict[tuple[KeyText, Texts], list[str]] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass
class Placed:
    """Outputs with their examples' ids: in the order of the examples, unmatched ones last."""

    rows: list[OutputRow] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    samples: int = 1


def index_examples(table: Table, fields: Iterable[str], want_rows: bool) -> ExampleIndex:
    """Read examples; raises `Usage` if none of them has one of the fields."""
    found, names = ExampleIndex(), list(fields)
    for id, row in example_ids(table, table.key):
        if is_malformed(row):
            continue
        found.order[id] = len(found.order)
        if want_rows:
            found.rows[id] = row
        values = [pick(row, name) for name in names]
        if all(value is not MISSING and value is not None for value in values):
            key, texts = key_of(values)
            found.ids.setdefault(key, []).append(id)
            found.typed.setdefault((key, texts), []).append(id)
    if found.order and not found.ids:
        raise Usage(
            f"{table.path}: no row has {' and '.join(map(repr, names))}",
            Advice("map-key", known=", ".join(table.columns)),
        )
    return found


def place_rows(rows: Iterable[Taken], examples: ExampleIndex) -> Placed:
    """Give each row its example's id and its sample.

    1 and "1" are two examples where both are there, unless the rows know text only (a CSV). If several examples share
    a key, the first output goes to the first of them, the second to the second. Further outputs are further samples,
    unless the rows give the sample; those are numbered from the smallest. A row without an example has its own key as
    its id. Raises `Usage` if two rows are the same sample of one example, and if there are
    examples but no row belongs to any.
    """
    done, taken = Placed(), list(rows)
    first = min((each.sample for each in taken if each.sample is not None), default=0)
    any_typed = not all(all(each.texts) for each in taken)
    counts: Counter[tuple[KeyText, Texts | None, int | None]] = Counter()
    places: dict[tuple[str, int], int] = {}
    for each in taken:
        same = examples.typed.get((each.key, each.texts)) if any_typed else None
        counted = each.key, each.texts if same else None, each.sample
        turn = counts[counted]
        counts[counted] += 1
        ids = same or examples.ids.get(each.key) or [_own_id(each.key)]
        id = ids[turn % len(ids)]
        sample = turn // len(ids) if each.sample is None else each.sample - first
        other = places.setdefault((id, sample), each.number)
        if other != each.number:
            raise Usage(
                f"rows {other} and {each.number} are both sample {sample} of the example {_short(id)}",
                Advice("name-sample"),
            )
        if each.key not in examples.ids:
            done.unmatched.append(id)
        done.rows.append(replace(each.row, example_id=id, sample_index=sample))
        done.samples = max(done.samples, sample + 1)
    if examples.ids and taken and len(done.unmatched) == len(taken):
        raise Usage(
            f"no output belongs to an example: the first is of {_short(done.unmatched[0])}",
            Advice("match-key"),
        )
    done.rows.sort(
        key=lambda row: (examples.order.get(row.example_id, len(examples.order)), row.sample_index)
    )
    done.unmatched = list(dict.fromkeys(done.unmatched))
    return done


def without_output(rows: Iterable[OutputRow], order: Mapping[str, int]) -> list[str]:
    """The ids of the examples without a row."""
    seen = {row.example_id for row in rows}
    return [id for id in order if id not in seen]


def _own_id(key: KeyText) -> str:
    return key[0] if len(key) == 1 else json.dumps(key, ensure_ascii=False, separators=(",", ":"))


def _short(id: str) -> str:
    text = " ".join(id.split())
    return text if len(text) <= 60 else f"{text[:60]}…"
