"""Run audit: `python -m services.audit`."""

from concord.chassis.runtime import main
from services.audit.bootstrap import from_environment

if __name__ == "__main__":
    main(from_environment)
