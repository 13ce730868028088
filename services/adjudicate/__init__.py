"""Adjudicate: from the labels of many to one label.

It settles a unit when its annotations agree enough, asks for one more while they do not, and hands it to an
adjudicator at the cap. One decision a round; a ruling is binding.

Reads: concord.projects.v1, concord.annotators.v1, concord.units.v1, concord.annotations.v1, concord.lots.v1, concord.quality.v1
Writes: concord.resolutions.v1
Owns: units, competence, crowd
"""  # noqa: E501 - a line a list, as the catalogue's test reads them
