"""Older bundles, in which the settings of all fronts were side by side.

front: stack                 front:
fold: 4               ►        kind: stack
rows: 256                      fold: 4
"""

from typing import Any

FIELDS = {"stack": ("fold", "group", "coarse"), "fold": ("fold",), "gather": ("rows", "scaling")}


def with_front(tree: Any) -> Any:
    """The content of config.yml, with such settings as a record; anything else is unchanged."""
    network = tree.get("network") if isinstance(tree, dict) else None
    kind = network.get("front") if isinstance(network, dict) else None
    if not isinstance(network, dict) or not isinstance(kind, str):
        return tree
    front = {"kind": kind} | {name: network[name] for name in FIELDS.get(kind, ()) if name in network}
    others = {name: value for name, value in network.items() if not any(name in names for names in FIELDS.values())}
    return tree | {"network": others | {"front": front}}
