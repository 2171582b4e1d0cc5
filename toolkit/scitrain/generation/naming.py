"""Is a word in a request a file, or a material?"""

import re

__all__ = ["names_a_file"]

KNOWN = re.compile(r"\.(csv|tsv|tab|txt|dat|parquet|pq|jsonl|ndjson|json|sdf|sd|smi|xlsx?|ods)(\.gz)?$", re.IGNORECASE)
BEGINS = re.compile(r"builtin:|~?/|\.{1,2}[/\\]|[A-Za-z]:[/\\]")
"""A SMILES begins with an atom, and no formula with a letter and a colon."""
OTHER = re.compile(r"\w\.(?![bcnops\d]+$)[a-z][a-z0-9]{1,6}$|/$")
"""Lower-case letters behind a full stop, but those of aromatic atoms; a bond at the end."""


def names_a_file(text: str) -> bool:
    """Tell by the form alone; a path whose ending nobody reads is one too, so that it is refused as such."""
    return any(form.search(text) for form in (KNOWN, OTHER)) or bool(BEGINS.match(text))
