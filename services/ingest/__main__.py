"""Run ingest: `python -m services.ingest`."""

from concord.chassis.runtime import main
from services.ingest.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
