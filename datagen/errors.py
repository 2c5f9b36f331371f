"""The one exception that means "you can mend this": shown without a traceback, exit status 2."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message names the field or file, the value got, what is allowed and where to change it.
    """
