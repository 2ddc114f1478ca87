#!/usr/bin/env bash
# prom-client 15.1.3, with nothing but its own collectDefaultMetrics(), exports three gauges whose names end in _total.
# promtool of Prometheus 2.42 (Debian 12) refuses the whole exposition for them and exits with 3:
#   nodejs_active_handles_total non-counter metrics should not have "_total" suffix
#   nodejs_active_requests_total non-counter metrics should not have "_total" suffix
#   nodejs_active_resources_total non-counter metrics should not have "_total" suffix
# So a check of metrics in CI fails for every program that uses the library's defaults. Seen on Node.js 20.20.2.
# Needs npm, and promtool or Debian's packages. Fails when any of that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" prom-client@15.1.3 >/dev/null
promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
  apt-get download -qq prometheus >/dev/null
  dpkg-deb --extract prometheus_*.deb .
  promtool=$folder/usr/bin/promtool
fi
cat >metrics.cjs <<'JS'
const { collectDefaultMetrics, Registry } = require('prom-client');
const registry = new Registry();
collectDefaultMetrics({ register: registry });
registry.metrics().then((text) => {
  process.stdout.write(text);
  process.exit(0);
});
JS
node metrics.cjs >metrics.txt
status=0
said=$("$promtool" check metrics <metrics.txt 2>&1) || status=$?
expected='nodejs_active_handles_total non-counter metrics should not have "_total" suffix
nodejs_active_requests_total non-counter metrics should not have "_total" suffix
nodejs_active_resources_total non-counter metrics should not have "_total" suffix'
echo "promtool exits with $status and says:"
echo "$said"
[ "$status" = 3 ] && [ "$said" = "$expected" ] || { echo "CHANGED: expected exit 3 and" && echo "$expected" && exit 1; }
echo "as described"
