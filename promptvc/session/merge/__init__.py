"""Merges.

porcelain    merge, cherry-pick, revert: what they have in common, which is all but where the result goes
destination  where it goes: the port. working: the working files of the current branch; branch: a branch without them
desk         where a merge waits for its conflicts: the port, of the same two
request      what is asked; result: what came of it, as a value
tree         commits merged without working files; leaf: one file of them; runs: outputs, which are merged last
openmerge    a merge that waits for its conflicts, and the file that keeps it
resolve      conflicts resolved one by one: selection: which are meant; rowresolve: tables; textresolve: between markers
"""
