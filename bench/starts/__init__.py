"""What a start costs: a journal of many closed and some open units, and each service started on it.

The journal is not worked for, which would take hours: a few units go their whole way in memory, in whatever revision of
Concord is looked at, and what they leave in each database is copied under other ids, straight into the store.
"""
