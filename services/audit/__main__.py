"""Run audit: `python -m services.audit`."""

from concord.chassis.runtime import main
from services.audit import bootstrap

if __name__ == "__main__":
    main(bootstrap.from_environment)
