# One image for the five services and the workbench: `docker run IMAGE services.ingest`.
# It needs no shell and no right to write: deploy/k8s runs it with a read-only root and a small /tmp.

FROM python:3.11-slim AS packages
RUN python -m venv /opt/concord
COPY requirements/run.txt /tmp/run.txt
# Wheels alone, each held against its hash: nothing is built here, so nothing that builds is needed.
RUN /opt/concord/bin/pip install --no-cache-dir --no-deps --only-binary=:all: --require-hashes -r /tmp/run.txt

FROM python:3.11-slim
RUN groupadd --gid 10001 concord && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin concord
COPY --from=packages /opt/concord /opt/concord
COPY concord /app/concord
COPY services /app/services
COPY workbench /app/workbench
ENV PATH=/opt/concord/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1
# Compiled once here, for a read-only root keeps no byte code.
RUN python -m compileall -q /app
WORKDIR /app
LABEL org.opencontainers.image.title="Concord" \
      org.opencontainers.image.description="Expert annotation at vendor scale: the five services and the workbench"
# For engines that look; a cluster asks the same address by probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 CMD ["python", "-c", "import os, urllib.request as ask; ask.urlopen('http://127.0.0.1:' + os.environ.get('CONCORD_HTTP_PORT', '8000') + '/live', timeout=4)"]
# A number, so that the cluster can see that it is not root.
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["services.ingest"]
