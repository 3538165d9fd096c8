"""Where things are kept on this machine: git objects, packs, refs, configuration and local caches.

objects   git's encodings: blob, tree, commit, tag        pure
files     whole-file writes that are durable or absent
packs     one pack: reading
packing   one pack: writing, and indexing a received one
store     all packs and loose objects together
refs      branches, tags, HEAD and their logs
git       what dulwich does for us
cache     local, derived, disposable
"""
