"""Names of the candidate operations, and the sets that a search chooses from; operations.py implements them.

They are separate because a configuration is checked without torch.
"""

from typing import Literal

OperationSet = Literal["light", "small", "mobile", "full"]

SETS: dict[OperationSet, tuple[str, ...]] = {
    "light": ("sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "dil_sep_conv_5x5", "skip", "none"),
    "small": ("sep_conv_3x3", "conv_3x3", "dil_conv_3x3", "skip", "none"),
    "mobile": (
        "sep_conv_3x3",
        "sep_conv_7x7",
        "dil_sep_conv_5x5",
        "mbconv_e3_3x3",
        "mbconv_e3_7x7",
        "mbconv_e4_5x5_se",
        "skip",
        "none",
    ),
    "full": (
        "sep_conv_3x3",
        "sep_conv_5x5",
        "sep_conv_7x7",
        "conv_3x3",
        "dil_conv_3x3",
        "dil_sep_conv_5x5",
        "mbconv_e3_3x3",
        "mbconv_e3_5x5",
        "mbconv_e3_7x7",
        "mbconv_e4_5x5_se",
        "u_fourier",
        "squeeze_excite",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip",
        "none",
    ),
}
KNOWN = SETS["full"]
WEIGHTLESS = frozenset({"skip", "none", "max_pool_3x3", "avg_pool_3x3"})
