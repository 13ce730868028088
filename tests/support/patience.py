"""How long tests wait for what must come."""

PATIENCE_SECONDS = 180.0
"""For so long, before they say that it never came.

A machine that does something else, too, takes ten times what it takes alone, and what does come is waited for no
longer: only what is broken is told later. That something comes soon enough is never tested by the clock.
"""
