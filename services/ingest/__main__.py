"""Run ingest: `python -m services.ingest`."""

from concord.chassis.runtime import main
from services.ingest import bootstrap

if __name__ == "__main__":
    main(bootstrap.from_environment)
