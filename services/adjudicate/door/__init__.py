"""Adjudicate's HTTP door, one concern a file: `gold` is what is ruled of known labels in doubt.

What is escalated is ruled in `services.adjudicate.api`.
"""
