"""The verbs behind `make`: ``python -m deploy.local VERB [ARGUMENTS]``."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the interpreter that finds out is the one that is too old
    sys.exit("Concord needs Python 3.11 or newer: apt-get install -y python3, or make PYTHON=/path/to/python3.11 ...")

from deploy.local.verbs import main

sys.exit(main(sys.argv[1:]))
