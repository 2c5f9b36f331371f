"""The portal's page."""

import json
from pathlib import Path
from typing import Any


def test_the_page_brings_its_icons_and_asks_nobody_else(node: Any, manager: Path) -> None:
    paths = ["/", "/oview", "/static/a.js", "/api/v1/nni/version"]
    asked = [["GET", path, {"Accept": "text/html,*/*"}] for path in paths]
    manager.write_text(f"const {{ answer, page }} = require('./serve'); answer({json.dumps(asked)}, page);")
    home, overview, script, version = node(manager)
    assert home == overview
    text, policy = home
    assert 'iconBaseUrl:"data:,"' in text
    assert 'data-icon-name="ChevronDown"' in text
    assert "default-src 'self'" in policy
    assert script[0] == version[0] == "NNI"
