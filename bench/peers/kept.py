"""What was measured of each row, kept in a file as it comes: a run that was interrupted goes on where it stopped."""

import hashlib
import json
from pathlib import Path


def fingerprint(path):
    """Of a file's content, short."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:16]


class KeptRow:
    """{"made_with": ..., "ours": [round, ...], "theirs": [round, ...]}. Rounds made with anything else (another build,
    other threads, another model or peer) do not count and are dropped."""

    def __init__(self, folder, name, made_with):
        self.path = Path(folder) / f"{name.replace(':', '-')}.json"
        self.made_with = made_with
        self.rounds = {"ours": [], "theirs": []}
        self.failed = ""
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            if kept["made_with"] == made_with:
                self.rounds = {side: kept[side] for side in self.rounds}
                self.failed = kept["failed"]

    def add(self, side, one):
        self.rounds[side].append(one)
        self.save()

    def fail(self, reason):
        self.failed = reason
        self.save()

    def forget(self):
        self.rounds = {"ours": [], "theirs": []}
        self.failed = ""

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps({"made_with": self.made_with, "failed": self.failed, **self.rounds}, indent=1) + "\n")
        aside.rename(self.path)
