"""How Concord runs on a cluster: kustomize manifests, what is made of the catalogue in them, and their checks.

`python -m deploy.k8s` renders the production overlay and checks it; `python -m deploy.k8s generate` writes what
follows from the catalogue of topics and from the alert rules.
"""
