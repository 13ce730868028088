"""The workbench: pages for annotators, adjudicators, auditors and leads, and the way from them to the services.

It keeps nothing: who is signed in stands sealed in the browser's own cookie, what is drawn stands in the browser until
a service has taken it. Every request to a service carries the credential of the person who made it, so that the
workbench can do nothing that this person may not.
"""
