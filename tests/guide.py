"""A guide as its reader types it: its blocks in order, each by a shell in one folder."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "api_docs" / "guide"
FENCED = re.compile(r"^```(\S*)(?: ([^\n]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VALUE = re.compile(r"""\b([A-Z][A-Z_]*)=(?:'[^'\n]*'|\S+)""")
YOURS, NOT_RUN = "yours", "not-run: "
STATE = ".state"
KEEP = f"{{ declare -p | grep -vE '^declare -[a-zA-Z]*r'; declare -f; }} > {STATE}"
CURL = "fail-with-body\nsilent\nshow-error\nmax-time = 30\n"


@dataclass(frozen=True, slots=True)
class Block:
    """What is fenced: `sh`, `sh yours` (values that the reader has), `sh not-run: why`, or `json` with a file name."""

    guide: str
    language: str
    said: str
    text: str


def blocks(guide: str) -> list[Block]:
    """Return the fenced blocks of a guide, in order."""
    return [Block(guide, *found) for found in FENCED.findall((GUIDES / guide).read_text())]


@dataclass
class Reader:
    """Someone with a shell who follows a guide; places and names that the guide invents are those of the test."""

    folder: Path
    environment: dict[str, str]
    places: Mapping[str, str]
    answers: Mapping[str, Callable[[], str]]
    before: Mapping[str, Callable[[], object]] = field(default_factory=dict)

    def follow(self, guide: str) -> None:
        """Do what the guide says, block by block; the first command that fails is an assertion."""
        (self.folder / ".curlrc").write_text(CURL)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment |= {"HOME": str(self.folder), "PATH": path, "COLUMNS": "200"}
        for block in blocks(guide):
            if block.language == "json" and block.said.endswith(".json"):
                (self.folder / block.said.split()[-1]).write_text(self._placed(block.text))
            elif block.language == "sh" and block.said == YOURS:
                self._type(block, VALUE.sub(lambda found: f"{found[1]}={quote(self.answers[found[1]]())}", block.text))
            elif block.language == "sh" and not block.said:
                for words, work in self.before.items():
                    if words in block.text:
                        work()
                self._type(block, self._placed(block.text))

    def value(self, name: str) -> str:
        """Return what the shell holds under a name."""
        words = ["bash", "-c", f'. ./{STATE}; printf %s "${name}"']
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def _type(self, block: Block, text: str) -> None:
        """Run a block; what it sets is set for the next one, and exported where it says so."""
        done = subprocess.run(
            ["bash", "-c", f"[ ! -e {STATE} ] || . ./{STATE}\nset -euo pipefail\n{text}\n{KEEP}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{block.guide}:\n{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

    def _placed(self, text: str) -> str:
        for ours, theirs in self.places.items():
            text = text.replace(ours, theirs)
        return text
