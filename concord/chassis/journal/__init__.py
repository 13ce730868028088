"""The journal: a service's truth, made of records that are inserted under unique keys and never changed.

One record holds an aggregate's new state, the causes it answers (the inbox) and the events it causes (the
outbox), so that one insert is all three at once. `record` is what is stored, `journal` decides and appends,
`group_commit` turns concurrent appends into one insert, `publisher` says the events, and `sweeper` says what a
dead process left unsaid.
"""
