"""Histories drawn, not built by hand.

    drawn = draw(repo, '''
        a──b──d   main
         └─c─┘
    ''')
    drawn["d"]  # the commit's id

A node is a letter or a word; its parent is what the line to its left leads to, ``└`` and ``┘`` leading up.
Behind the last node of a line stand the branches that point at it. Each commit changes a file of its own name.
"""

from __future__ import annotations

import re

from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo import Repo
from promptvc.storage.objects import Kind, Signature
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import FileEntry, load_files, write_tree


def draw(repo: Repo, picture: str) -> dict[str, ObjectId]:
    """Write the commits of a drawing; gives name -> id. A parent's time is before its child's."""
    parents, tips = _read(picture)
    made: dict[str, ObjectId] = {}
    while len(made) < len(parents):
        ready = [name for name in parents if name not in made and all(p in made for p in parents[name])]
        for name in ready:
            made[name] = _commit(repo, name, [made[p] for p in parents[name]], 1_700_000_000 + 60 * len(made))
    for branch, name in tips.items():
        repo.parts.refs.move(RefName.branch(branch), None, made[name], repo.parts.who(), "drawn")
    return made


def _commit(repo: Repo, name: str, parents: list[ObjectId], time: int) -> ObjectId:
    who = Signature("Me", "me@example.com", time)
    with repo.parts.store.begin() as writer:
        files = {}
        for parent in parents:
            files.update(load_files(repo.parts.store, repo.parts.store.load_commit(parent).tree))
        files[RepoPath(f"prompts/{name}.md")] = FileEntry(writer.add(Kind.BLOB, f"{name}\n".encode()))
        id = write_commit(writer, write_tree(writer, files), tuple(parents), name, who, who)
        writer.finish()
    return id


def _read(picture: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    rows = [line for line in picture.splitlines() if line.strip()]
    at: dict[tuple[int, int], str] = {}
    tips: dict[str, str] = {}
    for r, row in enumerate(rows):
        drawing, labels = _split(row)
        last = ""
        for match in re.finditer(r"\w+", drawing):
            last = match[0]
            for c in range(match.start(), match.end()):
                at[r, c] = last
        for label in labels.split():
            tips[label] = last
    parents: dict[str, list[str]] = {}
    for place, name in sorted(at.items(), key=lambda item: (item[0][1], item[0][0])):
        found = parents.setdefault(name, [])
        left = _left(rows, at, *place)
        if left and left != name and left not in found:
            found.append(left)
    for r, row in enumerate(rows):
        for c, letter in enumerate(row):
            if letter == "┘":
                child, parent = _up(rows, at, r, c, +1), _left(rows, at, r, c)
                if child and parent:
                    parents[child].append(parent)
    return parents, tips


def _split(row: str) -> tuple[str, str]:
    match = re.search(r"(?<=\w)\s{2,}(?=\w)", row)
    return (row[: match.start()], row[match.end() :]) if match else (row, "")


def _left(rows: list[str], at: dict[tuple[int, int], str], r: int, c: int) -> str | None:
    c -= 1
    while c >= 0 and rows[r][c : c + 1] == "─":
        c -= 1
    if (r, c) in at:
        return at[r, c]
    return _up(rows, at, r, c, -1) if rows[r][c : c + 1] in ("└", "├") else None


def _up(rows: list[str], at: dict[tuple[int, int], str], r: int, c: int, step: int) -> str | None:
    """The node above a corner; where a line is above, the node at its end."""
    for row in range(r - 1, -1, -1):
        column = c
        while rows[row][column : column + 1] == "─" and (row, column) not in at:
            column += step
        if (row, column) in at:
            return at[row, column]
    return None
