"""Is a word in a request a file, or a material?"""

__all__ = ["names_a_file"]

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".parquet", ".pq", ".jsonl", ".ndjson", ".sdf", ".sd")


def names_a_file(text: str) -> bool:
    """Tell by the form alone: no SMILES and no formula ends like a file, or names a built-in set."""
    return text.startswith("builtin:") or text.lower().endswith(ENDINGS)
