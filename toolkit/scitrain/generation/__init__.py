"""Generators of molecules and compositions: what is learned, how it is drawn, what a draw ends as."""
