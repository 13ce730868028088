"""Run the workbench: `python -m workbench`."""

from concord.chassis.runtime import main
from workbench.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
