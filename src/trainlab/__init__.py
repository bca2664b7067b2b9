"""Trainlab: train stacks of networks, compare them fairly, test every claim."""
