#!/usr/bin/env bash
# Builds an OpenTelemetry collector of the parts that collector.yaml names, from their public Go modules: two minutes of
# CPU, 1 GB in Go's own caches. Wants Go. Then run what the services send through it, on a real broker and store:
#
#   deploy/observability/collector/build.sh FOLDER
#   CONCORD_TEST_COLLECTOR=FOLDER/otelcol .venv/bin/python -m pytest -m real -s tests/end_to_end/test_real_collector.py
set -euo pipefail
version=0.165.0 providers=1.71.0 contrib=0.165.1
mkdir -p "${1:?a folder to build in}"
cd "$1"
core=go.opentelemetry.io/collector
cat > builder.yaml <<EOF
dist: {name: otelcol, description: The parts of Concord's collector, output_path: ./build, version: $version}
receivers: [{gomod: $core/receiver/otlpreceiver v$version}]
processors:
  - {gomod: $core/processor/batchprocessor v$version}
  - {gomod: $core/processor/memorylimiterprocessor v$version}
exporters: [{gomod: $core/exporter/otlphttpexporter v$version}]
extensions:
  - {gomod: github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension v$contrib}
providers:
  - {gomod: $core/confmap/provider/envprovider v$providers}
  - {gomod: $core/confmap/provider/fileprovider v$providers}
EOF
GOBIN=$PWD go install "$core/cmd/builder@v$version"
./builder --config builder.yaml
mv build/otelcol .
echo "built $PWD/otelcol"
