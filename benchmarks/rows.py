"""What a long benchmark has found so far, in JSON: what is there is not measured again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgernn.errors import DataError
from edgernn.train.checkpoint import write_bytes

Row = dict[str, Any]


def digest(*paths: Path) -> str:
    """What tells files from others: of their bytes. Raises: DataError for what cannot be read."""
    whole = hashlib.sha256()
    for path in paths:
        try:
            whole.update(path.read_bytes())
        except OSError as cause:
            raise DataError(f"{path}: {cause.strerror}") from cause
    return whole.hexdigest()[:16]


@dataclass(slots=True)
class Rows:
    """Rows by their key, kept in a file; `shipped` is another that is only read.

    facts: what stands in the file before the rows and is told of all of them.
    """

    path: Path
    shipped: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.shipped, self.path):
            if path is not None and path.is_file():
                kept = json.loads(path.read_text(encoding="utf-8"))
                self.found |= kept.pop("rows")
                self.facts |= kept

    def get(self, *key: str) -> Row | None:
        """A row; None if there is none."""
        return self.found.get(" ".join(key))

    def note(self, row: Row, *key: str) -> None:
        """Keep a row."""
        self.found[" ".join(key)] = row
        self.write(self.path)

    def write(self, path: Path) -> None:
        """All of them, a row a line."""
        head = "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in self.facts.items())
        lines = [f" {json.dumps(key)}: {json.dumps(row)}" for key, row in self.found.items()]
        body = ",\n".join(lines)
        write_bytes(path, f'{{{head}"rows": {{\n{body}\n}}}}\n'.encode())
