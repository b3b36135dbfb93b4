"""What a long run has found so far, so that an interrupted one goes on where it stopped."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


def digest(question: Sequence[object], paths: Iterable[Path]) -> str:
    """The same only for the same question about the same files; of a folder every file counts."""
    found = hashlib.sha256(repr(question).encode())
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"\n{file}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:16]


class Journal:
    """Answers by name, a line of JSON each. A line that was cut off counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        *whole, torn = path.read_text().split("\n")
        self._known: dict[str, bool] = dict(json.loads(line) for line in whole)
        if torn:
            path.write_text("".join(f"{line}\n" for line in whole))

    def __len__(self) -> int:
        return len(self._known)

    def answer(self, name: str, ask: Callable[[], bool]) -> bool:
        """What is known already; asked and kept otherwise."""
        if name not in self._known:
            self._known[name] = ask()
            with self._path.open("a") as file:
                file.write(json.dumps([name, self._known[name]]) + "\n")
        return self._known[name]

    def close(self) -> None:
        """The run has come to its end: the next one begins anew."""
        self._path.unlink()
