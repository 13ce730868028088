"""Run adjudicate: `python -m services.adjudicate`."""

from concord.chassis.runtime import main
from services.adjudicate.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
