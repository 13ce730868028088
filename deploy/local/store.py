"""The store of the local stack: SecantusDB, which speaks MongoDB's protocol and installs with pip.

It is a beta that calls itself no production store: for laptops, the demo and CI. Production is MongoDB.
"""

from pathlib import Path

from deploy.local import places

# Named so that a configuration file that happens to lie in the home folder is not read instead.
_SETTINGS = Path(__file__).parent / "secantusd.toml"


def command(folder: Path, port: int) -> tuple[str, ...]:
    """Return what runs a store that keeps its files in `folder`."""
    return (
        str(places.ENVIRONMENT / "bin" / "secantusd-py"),
        *("--config", str(_SETTINGS)),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--storage-path", str(folder.resolve())),
        *("--cache-size", "256M"),
        # Without it kill -9 loses acknowledged writes.
        "--sync-on-commit",
        # No log of operations for change streams, which nobody here reads and which is a third of what a write costs.
        "--standalone",
    )
