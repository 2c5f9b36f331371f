from datagen.errors import MOST_SHOWN, InputError, shown


def test_a_short_message_is_shown_as_it_is() -> None:
    assert shown(InputError("a.yml: 2 problem(s):\n\tdepth: got −1")) == "a.yml: 2 problem(s):\n\tdepth: got −1"


def test_a_long_message_is_cut_and_says_by_how_much() -> None:
    text = shown(InputError("x" * 36_000))
    assert len(text) < MOST_SHOWN + 50
    assert text.endswith(f"({36_000 - MOST_SHOWN} more characters)")


def test_a_message_cannot_move_the_cursor_of_a_terminal() -> None:
    assert shown(InputError("a\x1b[2Jb\rc\x07")) == r"a\x1b[2Jb\rc\x07"
