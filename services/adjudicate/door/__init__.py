"""Adjudicate's HTTP door beside `services.adjudicate.api`, which lists and rules what is escalated; one concern a file.

`gold` is what is ruled of known labels in doubt, `questions` what guidelines do not say, `closing` what is sure enough,
`retraining` what annotators who failed to qualify are shown.
"""
