"""Assign's HTTP door, one concern a file.

`desk` is what all routes reach, `roster` who annotates, `roster_file` a row of a file of them, `qualifications` who may
do real work, `guidelines` what is to be read first, `standing` an annotator's own. What units are given out by, and
labels come in by, is in
`services.assign.api`.
"""
