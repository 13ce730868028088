"""The local stack: broker, store and the five services as processes of one machine, and the verbs of `make`.

Run as ``python -m deploy.local VERB``. Nothing imported at the top of these modules lies outside the standard
library, since `setup`, `doctor`, `down` and `clean` must work before the environment exists.
"""
