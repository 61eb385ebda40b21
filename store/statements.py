"""The SQL of a package, one statement a file, read once.

The files ship with the program, which takes full responsibility for them: they are as safe as literals.
"""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def load(package: str, name: str) -> LiteralString:
    """Give the text of ``<package>/sql/<name>.sql``."""
    text = (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return cast("LiteralString", text)
