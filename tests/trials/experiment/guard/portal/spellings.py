"""An address in the many ways in which one could try to smuggle it past a check."""

import random
from collections.abc import Callable

Change = Callable[[str, random.Random], str]


def _escape(target: str, random: random.Random) -> str:
    place = random.randrange(1, len(target))
    return f"{target[:place]}%{ord(target[place]):{random.choice('xX')}}{target[place + 1 :]}"


def _insert(target: str, random: random.Random) -> str:
    place = random.choice([index for index, letter in enumerate(target) if letter == "/"] + [len(target)])
    odd = [
        "/",
        "/.",
        "/x/..",
        "\\",
        "#",
        "?",
        "#/x",
        ";x",
        "%00",
        "%2f",
        "/%2e%2e",
        "?/..",
        "@",
        ":80",
        "%",
        "\xa0",
        "*",
        "&",
    ]
    return target[:place] + random.choice(odd) + target[place:]


CHANGES: list[Change] = [
    _escape,
    _insert,
    lambda target, random: target.swapcase() if random.random() < 0.5 else target.title(),
    lambda target, random: (
        random.choice(["http:/", "http://localhost", "http:", "//localhost", "/\\x", "ws://x"]) + target
    ),
    lambda target, _: target.replace("/", "\\"),
    lambda target, random: (
        target + random.choice(["/", "#", "?", "?token=0", "/.", "/.websocket", "#?", "?#", "\\", ".."])
    ),
]


def spellings(target: str, number: int, random: random.Random) -> list[str]:
    """The target changed in one to three random ways."""
    found = [target]
    while len(found) < number:
        spelled = target
        for change in random.choices(CHANGES, k=random.choice([1, 1, 2, 3])):
            spelled = change(spelled, random)
        found.append(spelled)
    return found
