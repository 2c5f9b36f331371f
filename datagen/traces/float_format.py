"""Samples of SEG-Y and SU as numbers, and IBM floats distinguished from IEEE ones by their bits.

IBM   sign │ 7 bits exponent of 16 │ 24 bits fraction    normalised: the first digit (4 bits) of a fraction is not 0
IEEE  sign │ 8 bits exponent of 2  │ 23 bits fraction    the same four bits are 0 in about one of 13 numbers
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

IBM, IEEE = 1, 5
# Codes of the binary header, and how numpy names their numbers.  Not read: 4 (with gain), 7 and 15 (three bytes), and
# the eight-byte integers 9 and 12.
FORMATS = {IBM: "u4", 2: "i4", 3: "i2", IEEE: "f4", 6: "f8", 8: "i1", 10: "u4", 11: "u2", 16: "u1"}
NAMES = {IBM: "IBM", IEEE: "IEEE"}
ENOUGH = 200  # different numbers, for the bits to tell
SOME = 0.02  # share of numbers whose first digit is 0 that IBM floats never have
BOTH_SIGNS = 0.1  # share of each sign that waves have; velocities have one, and may miss whole powers of two


def decoded(raw: NDArray[Any], code: int) -> NDArray[np.float32]:
    """Numbers of format `code`; those beyond float32 are Inf."""
    if code == IBM:
        sign, exponent = 1 - 2.0 * (raw >> 31), ((raw >> 24) & 0x7F).astype(np.int32) - 64
        raw = np.ldexp(sign * (raw & 0xFFFFFF), 4 * exponent - 24)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers of the other order of bytes
        return raw.astype(np.float32)


def recognised(words: NDArray[np.uint32], code: int) -> int:
    """IBM or IEEE: what floats that are marked `code` are, as far as their bits tell."""
    different = np.unique(words[words << 1 != 0])
    if code not in NAMES or len(different) < ENOUGH:
        return code
    no_digit = float((((different >> 20) & 0xF) == 0).mean())
    negative = float((different >> 31).mean())
    if code == IBM and no_digit > SOME:
        return IEEE
    if code == IEEE and no_digit == 0 and BOTH_SIGNS < negative < 1 - BOTH_SIGNS:
        return IBM
    return code
