"""Activates the guard for everything NNI starts; run by Python at every start of this environment (portal.py).

It must not fail and imports almost nothing.  It prints one line for the user of nnictl.
"""

import os
import sys

option = f'--require "{os.path.join(os.path.dirname(__file__), "index.js")}"'  # quotes: a path may hold spaces
options = os.environ.get("NODE_OPTIONS", "")
if option not in options:
    os.environ["NODE_OPTIONS"] = f"{options} {option}".strip()

words = [os.path.basename(word) for word in getattr(sys, "argv", [])[:2]]
if words in (["nnictl", "create"], ["nnictl", "resume"], ["nnictl", "view"]):
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # `python -m trials` runs this package, wherever it starts
    address = os.environ.get("SEISNAS_PORTAL_ADDRESS") or "127.0.0.1"
    sys.stderr.write(f"SeisNAS guard in force: NNI's portal listens on {address} (docs/security.md)\n")
