"""Merges.

tree        commits merged without working files; leaf: one file of them; runs: outputs, which are merged last
merging     merge, cherry-pick, revert and abort, with working files; branchmerge: without; result: what they did
openmerge   a merge that waits for its conflicts
resolve     conflicts resolved one by one; rowresolve: in tables; textresolve: between markers
"""
