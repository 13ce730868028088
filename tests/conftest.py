"""What holds for every test: no property fails for the machine's being busy."""

from hypothesis import settings

settings.register_profile("concord", deadline=None)
settings.load_profile("concord")
