"""The guide's walk-through, to the letter, on a real stack: from a CSV of one's own to a certificate, and by curl."""

import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.local import places
from deploy.local.stack import Stack
from tests.support.patience import PATIENCE_SECONDS

BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS_MAX = 5 * PATIENCE_SECONDS
"""Some forty commands, each of a third of a second where nobody else is at work."""
TOKEN = """\
#!{python}
import sys
from pathlib import Path
from deploy.local import places
places.STACK = Path({stack!r})
from deploy.local.verbs import main
assert sys.argv[1:3] == ["-m", "deploy.local"], sys.argv
sys.exit(main(sys.argv[3:]))
"""
"""Stands where a checkout has its interpreter: the stack that it mints tokens of is this test's."""


def walked(stack: Stack, folder: Path) -> str:
    """Run every block of the walk-through in a folder that looks as a checkout does; return what was printed."""
    (folder / ".local").mkdir()
    (folder / ".local/stack").symlink_to(stack.folder)
    stack.issuer.credentials()
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(TOKEN.format(python=sys.executable, stack=str(stack.folder)))
    python.chmod(0o700)
    blocks = BLOCK.findall((places.ROOT / "docs/guide/walk.md").read_text())
    script = folder / "walk.sh"
    script.write_text("set -euxo pipefail\n" + "".join(blocks))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    environment |= {
        "CONCORD_CONFIG_DIR": str(folder / "kept"),
        "PATH": f"{places.ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(places.ROOT),
    }
    with (folder / "told").open("w") as text_iowrapper, (folder / "traced").open("w") as traced:
        process = subprocess.Popen(
            ["bash", str(script)], cwd=folder, env=environment, stdout=text_iowrapper, stderr=traced
        )
        try:
            status = process.wait(SECONDS_MAX)
        finally:
            process.kill()
            process.wait()
    # The last line traced is the command that failed.
    assert status == 0, (folder / "traced").read_text()[-3_000:]
    return (folder / "told").read_text()


def check(stack: Stack, folder: Path) -> None:
    """Hold what the walk-through prints and leaves behind."""
    text = walked(stack, folder)
    assert "10 admitted" in text
    assert text.count("VERIFIED") == 2
    assert "REPLAYED" in text
    assert "HOLDS" in text
    exported = (folder / "colours.jsonl").read_text()
    assert ('"c1"' in exported, '"c2"' in exported, exported.count('"label":"blue"')) == (True, True, 1)
