"""Makes rules.yaml, a PrometheusRule, from deploy/observability/mgit.rules.yml.

    python deploy/kubernetes/components/monitoring/make_rules.py

The rules stand in it letter by letter, under `spec`, so that what promtool tried is what the
operator loads. Format: PrometheusRule of monitoring.coreos.com/v1.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

FILE = Path(__file__).with_name("rules.yaml")
RULES = Path(__file__).parents[3] / "observability" / "mgit.rules.yml"
_HEAD = """\
# Made by make_rules.py from deploy/observability/mgit.rules.yml. Change that one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: mgit
  namespace: mgit
  labels: {app.kubernetes.io/name: mgit}
spec:
"""


def render(rules: str) -> str:
    """The manifest as it stands in the file.

    Args:
        rules: text of a rule file for Prometheus.
    """
    return _HEAD + textwrap.indent(rules, "  ")


if __name__ == "__main__":
    FILE.write_text(render(RULES.read_text(encoding="utf-8")), encoding="utf-8")
