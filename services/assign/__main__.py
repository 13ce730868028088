"""Run assign: `python -m services.assign`."""

from concord.chassis.runtime import main
from services.assign import bootstrap

if __name__ == "__main__":
    main(bootstrap.from_environment)
