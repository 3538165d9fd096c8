"""The targets under atheris, which follows what the bytes reach: the long form of the fuzzing.

    pip install atheris
    python -m tests.reliability.fuzz_atheris TARGET SECONDS [FOLDER]

Without a target it lists them. Inputs that fail are written to FOLDER (a new one by default) and the program goes on.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import traceback
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["promptvc"]):
    from tests.reliability.targets import TARGETS


def main() -> None:
    """Attack one target for a number of seconds."""
    if len(sys.argv) < 3:
        sys.exit("\n".join(TARGETS))
    name, seconds = sys.argv[1:3]
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name]
    for number, data in enumerate(target.seeds()):
        (corpus / f"right-{number}").write_bytes(data)
    seen: set[str] = set()

    def attack(data: bytes) -> None:
        try:
            target.check(data)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} {last.filename}:{last.lineno}"
            if where not in seen:  # one input for each place
                seen.add(where)
                file = folder / f"failed-{hashlib.sha1(data).hexdigest()[:10]}"
                file.write_bytes(data)
                print(f"FINDING {name}: {where}: {error}\n  {file}\n  {data[:300]!r}", flush=True)

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            "-max_len=200000",
            "-timeout=60",
            "-verbosity=0",
            str(corpus),
        ],
        attack,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
