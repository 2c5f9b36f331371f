"""The reference of commands, from the program itself: arguments, options, examples."""

import inspect
from typing import Any

from typer.main import get_command

from trials.commands.app import PANELS, app
from trials.commands.examples import EXAMPLES


def commands_page() -> str:
    """In Markdown, as `seisnas COMMAND --help` has them."""
    group: Any = get_command(app)
    lines = ["# Commands", "", "What `seisnas COMMAND --help` prints.", ""]
    for panel, names in PANELS.items():
        lines += [f"## {panel}", ""]
        for name in names:
            lines += _command(name, group.commands[name])
    return "\n".join(lines)


def _command(name: str, command: Any) -> list[str]:
    arguments = [each for each in command.params if not each.opts[0].startswith("-")]
    usage = " ".join(_word(each) if each.required else f"[{_word(each)}]" for each in arguments)
    lines = [f"### {name}", "", "```sh", f"seisnas {name} {usage}".rstrip(), "```", ""]
    lines += [cell(inspect.cleandoc(command.help)), ""]
    lines += ["| | default | |", "|---|---|---|"]
    for each in command.params:
        words = ", ".join(f"`{word}`" for word in each.opts) if each not in arguments else f"`{_word(each)}`"
        needed = "needed" if each.required else _default(each.default)
        lines.append(f"| {words} | {needed} | {cell(each.help or '')} |")
    examples = [f"{line}  # {why}" for line, why in EXAMPLES[name].items()]
    return [*lines, "", "```sh", *examples, "```", ""]


def _word(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _default(value: Any) -> str:
    return "" if value in (None, False, "") or callable(value) else f"`{value}`"


def cell(text: str) -> str:
    """Text that Markdown shows as it is in a table; code stays code."""
    parts = text.replace("|", r"\|").split("`")
    plain = [part.replace("<", "&lt;").replace("*", r"\*").replace("[", r"\[") for part in parts[::2]]
    return "`".join(part for pair in zip(plain, [*parts[1::2], ""], strict=True) for part in pair).removesuffix("`")
