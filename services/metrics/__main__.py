"""Run metrics: `python -m services.metrics`."""

from concord.chassis.runtime import main
from services.metrics import bootstrap

if __name__ == "__main__":
    main(bootstrap.from_environment)
