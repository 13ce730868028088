"""Run metrics: `python -m services.metrics`."""

from concord.chassis.runtime import main
from services.metrics.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
