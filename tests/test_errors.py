"""Errors as Python users hold them: at the top level, as Python's own classes, copied and pickled."""

from __future__ import annotations

import copy
import errno
import pickle
from pathlib import Path

import pytest

import promptvc
from promptvc import errors

CLASSES = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.PromptvcError)
]
MADE = [
    errors.NotAStore("/here"),
    errors.UnsupportedFormat("the store", 9, 1),
    errors.RefDamaged("refs/heads/main", "refs/heads/main", "is empty", "1234567890"),
    errors.RefMoved("main", "1", "2"),
    errors.UnknownRevision("mian", ["main"]),
    errors.Interrupted("merge", ["a", "b"]),
    errors.CallsMissing("triage", 2),
    errors.AuthorUnknown(),
    errors.PathMissing("a is not in b", "did you mean c?", "a"),
    errors.RowMissing("t has no row 'x'", "keys are like 'y'"),
    errors.StoreExists("there is one", "look at it"),
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_is_a_public_name(cls: type) -> None:
    assert cls.__name__ in promptvc.__all__
    assert getattr(promptvc, cls.__name__) is cls


def test_import_of_promptvc_imports_no_errors() -> None:
    import subprocess
    import sys

    code = "import sys, promptvc; print([m for m in sys.modules if m.startswith('promptvc')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['promptvc']\n"


@pytest.mark.parametrize(
    ("cls", "python"),
    [
        (errors.PathMissing, FileNotFoundError),
        (errors.StoreExists, FileExistsError),
        (errors.RowMissing, KeyError),
        (errors.RunMissing, LookupError),
        (errors.UnknownRevision, LookupError),
        (errors.AmbiguousId, LookupError),
        (errors.ConflictMissing, LookupError),
    ],
)
def test_what_python_has_a_class_for_is_that_class(cls: type, python: type) -> None:
    assert issubclass(cls, python)
    assert issubclass(cls, errors.PromptvcError)


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_text_is_one_line_and_copies_are_the_same(error: errors.PromptvcError) -> None:
    assert str(error) == error.message
    assert "\n" not in str(error)
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*copies, copy.copy(error), copy.deepcopy(error)]:
        assert type(other) is type(error)
        assert (str(other), repr(other), other.hint) == (str(error), repr(error), error.hint)
        assert vars(other) == vars(error)
        assert getattr(other, "filename", None) == getattr(error, "filename", None)


def test_a_missing_path_has_what_a_missing_file_has(tmp_path: Path) -> None:
    error = errors.PathMissing("a is not in b", path="a")
    assert (error.errno, error.filename) == (errno.ENOENT, "a")
    with pytest.raises(OSError, match=r"^a is not in b$"):
        raise error
