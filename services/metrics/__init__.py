"""Metrics: the quality of a project while it runs, from everything that the others tell.

Agreement with its interval, the competence and pace of each annotator on gold, what lots were accepted with which
label error rate, and how long it all took. Every number is a function of the topics, whatever is delivered twice.

Reads: concord.projects.v1, concord.annotators.v1, concord.units.v1, concord.annotations.v1, concord.assignments.v1, concord.resolutions.v1, concord.lots.v1
Writes: concord.quality.v1
Owns: nothing that is not rebuilt from the topics
"""  # noqa: E501 - a line a list, as the catalogue's test reads them
