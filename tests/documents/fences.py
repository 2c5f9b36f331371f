"""The code blocks of a Markdown file, each with the mark before it that says why it is not run.

<!-- parsed only: takes hours -->      or      <!-- not run: another program -->
```sh
seisnas compare
```
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>parsed only|not run): (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    document: Path
    name: str  # file:line
    language: str
    text: str
    mark: str | None

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line of a shell block, without its comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def read_blocks(file: Path, root: Path) -> list[Block]:
    """In their order."""
    text = file.read_text()
    return [
        Block(
            document=file,
            name=f"{file.relative_to(root)}:{text.count(chr(10), 0, found.start('language')) + 1}",
            language=found["language"],
            text=found["text"],
            mark=found["mark"],
        )
        for found in FENCE.finditer(text)
    ]
