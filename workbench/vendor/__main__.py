"""Fetch the front-end parts anew and hold them against the list: `python -m workbench.vendor`."""

import subprocess
import sys

from workbench.vendor import NotAsListed, faults, fetch, listed

if __name__ == "__main__":
    try:
        fetch()
    except (NotAsListed, OSError, subprocess.CalledProcessError) as fault:
        sys.exit(f"vendor: {fault}")
    found = list(faults())
    for package in listed():
        print(f"{package.name} {package.version}  {package.licence}")
    sys.exit("\n".join(found) or 0)
