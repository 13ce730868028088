"""Run assign: `python -m services.assign`."""

from concord.chassis.runtime import main
from services.assign.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
