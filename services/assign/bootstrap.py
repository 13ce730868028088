"""Assign's composition root: settings and ports in, a wired service out."""

EXPIRE_SECONDS = 1.0
