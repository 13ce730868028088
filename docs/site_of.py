"""Makes the documentation into a site of plain files: `make docs`. A link that leads nowhere is a fault.

.venv/bin/python docs/site_of.py [FOLDER]
"""

import logging
import sys
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".local/docs"


def make(folder: Path = FOLDER) -> Path:
    """Write the site and return its first page.

    Raises:
        mkdocs.exceptions.Abort: a link, a heading or a page that is referred to is not there; all are logged.
    """
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    finally:
        config.plugins.on_shutdown()
    return folder / "index.html"


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.stdout.write(f"{make(*map(Path, sys.argv[1:2]))}\n")
