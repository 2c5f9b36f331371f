"""The one exception that means "you can fix this": shown without a traceback, exit status 2."""


class InputError(ValueError):
    """The user's input cannot be used.

    The message names the field or file, the value got, what is allowed and where to change it.
    """


MOST_SHOWN = 2000  # characters of a message


def shown(error: BaseException) -> str:
    """The message, safe for a terminal: of limited length, without control sequences."""
    text = "".join(letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1] for letter in str(error))
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]} … ({len(text) - MOST_SHOWN} more characters)"
