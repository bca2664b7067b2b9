"""The press: turns results into figures, numbers, notebooks and pages."""
