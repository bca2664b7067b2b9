"""Measures how fast trainlab is, beside the loops that people write otherwise.

`make bench` runs it and writes docs/assets/performance.json, from which the press makes the tables and
figures of the page Performance. What is timed runs in fresh processes with one torch thread each.
"""
