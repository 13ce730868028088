"""Run adjudicate: `python -m services.adjudicate`."""

from concord.chassis.runtime import main
from services.adjudicate import bootstrap

if __name__ == "__main__":
    main(bootstrap.from_environment)
