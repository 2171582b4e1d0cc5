"""Figures that scitrain is held to, each measured beside what others reach, in one run."""
