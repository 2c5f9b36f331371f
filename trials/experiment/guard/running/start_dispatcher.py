"""NNI's dispatcher with its configuration from a file: start_dispatcher.py --exp_params FILE (dispatcher.js)."""

import base64
import os
import runpy
import sys
from pathlib import Path

_, option, file = sys.argv
sys.argv = ["nni", option, base64.b64encode(Path(file).read_bytes()).decode()]
if not sys.flags.safe_path:
    sys.path[0] = os.getcwd()  # as with `python -m nni`
runpy.run_module("nni", run_name="__main__", alter_sys=True)
