"""Texts and properties written of a composition by an encoder and a decoder."""
