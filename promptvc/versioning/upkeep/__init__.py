"""Upkeep of a store.

upkeep  fold packs, collect what nothing reaches, sweep what dead processes left
reach   what roots lead to
verify  is everything there, and what its name says; repair: what can be put right
"""
