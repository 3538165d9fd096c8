"""Runs: run, record, compare, check, reproduce."""
