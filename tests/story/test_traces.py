"""Traces as a collector gets them: OTLP over HTTP, from the real command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SECRET = "collector-key-5e1f"


@dataclass(frozen=True)
class Told:
    """One span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    begin: int
    end: int
    failed: bool
    words: str
    attributes: dict[str, object]


@dataclass
class Collector:
    """Takes traces at a free port of loopback."""

    server: ThreadingHTTPServer
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def resources(self) -> list[dict[str, object]]:
        return [attributes(one.resource.attributes) for one in self._groups()]

    def spans(self) -> list[Told]:
        return [
            Told(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                span.status.code == 2,
                span.status.message,
                attributes(span.attributes),
            )
            for group in self._groups()
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def _groups(self):
        for body in self.bodies:
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            yield from request.resource_spans


def attributes(pairs) -> dict[str, object]:
    return {pair.key: plain(pair.value) for pair in pairs}


def plain(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value"))


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.headers.append({"path": self.path, **dict(self.headers.items())})
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    found = Collector(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def traced(collector: Collector, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, **more}


def test_a_run_is_told_from_the_caller_down_to_each_git(
    work: Laptop, forge: SandboxForge, collector: Collector
) -> None:
    forge.add_repos("acme", 2)
    parent = f"00-{TRACE_ID}-{CALLER}-01"
    ran = work.mgit("sync", env=traced(collector, TRACEPARENT=parent))
    assert (ran.code, "traces" in ran.err) == (0, False), ran.err
    spans = collector.spans()
    assert {span.trace_id for span in spans} == {TRACE_ID}
    (run,) = [span for span in spans if span.name == "run"]
    assert run.parent == CALLER
    assert run.attributes["mgit.exit_code"] == 0
    assert len(str(run.attributes["mgit.run_id"])) == 16
    (listing,) = [span for span in spans if span.name == "list"]
    assert listing.parent == run.span_id
    assert listing.attributes["mgit.source"] == "work"
    assert listing.attributes["vcs.provider.name"] == "github"
    assert listing.attributes["mgit.repos"] == 2
    clones = {span.span_id: span for span in spans if span.name == "repository clone"}
    assert {one.attributes["mgit.repo"] for one in clones.values()} == {
        "acme/repo-001",
        "acme/repo-002",
    }
    assert {one.parent for one in clones.values()} == {run.span_id}
    one = next(iter(clones.values())).attributes
    assert (one["vcs.owner.name"], one["mgit.outcome"]) == ("acme", "cloned")
    assert (one["server.address"], one["url.scheme"]) == ("127.0.0.1", "http")
    gits = [span for span in spans if span.name.startswith("git ")]
    inside = [span for span in gits if span.parent in clones]
    assert {clones[span.parent].attributes["mgit.repo"] for span in inside} == {
        "acme/repo-001",
        "acme/repo-002",
    }
    assert all(span.attributes["process.exit.code"] == 0 for span in inside)
    for span in inside:
        around = clones[span.parent]
        assert around.begin <= span.begin <= span.end <= around.end
    assert collector.resources()[0]["service.name"] == "mgit"
    assert collector.headers[0]["path"] == "/v1/traces"


def test_what_failed_is_marked_and_nothing_secret_goes_out(
    work: Laptop, forge: SandboxForge, collector: Collector
) -> None:
    forge.add_repos("acme", 2)
    forge.fail_next("/acme/repo-002.git/*", 500, times=20)
    env = traced(collector, OTEL_EXPORTER_OTLP_HEADERS=f"authorization={SECRET}")
    assert work.mgit("sync", env=env).code == 4
    spans = collector.spans()
    (bad,) = [one for one in spans if one.attributes.get("mgit.outcome") == "failed"]
    assert bad.failed
    assert bad.attributes["mgit.repo"] == "acme/repo-002"
    assert bad.attributes["error.type"] == "unreachable"
    (good,) = [one for one in spans if one.attributes.get("mgit.outcome") == "cloned"]
    assert not good.failed
    assert collector.headers[0]["authorization"] == SECRET
    everything = b"".join(collector.bodies)
    for secret in (CANARY, SECRET, "@127.0.0.1"):
        assert secret.encode() not in everything
    environments = list(work.git_log.glob("*.env"))
    assert environments
    for file in environments:
        names = {line.partition("=")[0] for line in file.read_text().splitlines()}
        assert not [name for name in names if name.startswith(("OTEL_", "TRACE"))]


def test_a_refused_listing_is_an_error_with_one_clean_line(
    work: Laptop, forge: SandboxForge, collector: Collector
) -> None:
    forge.add_repos("acme", 1)
    forge.fail_next("/api/*", 401, {}, b"{}", times=100)
    assert work.mgit("list", env=traced(collector)).code == 3
    (listing,) = [span for span in collector.spans() if span.name == "list"]
    assert listing.failed
    assert listing.attributes["error.type"] == "exit 3"
    assert "\n" not in listing.words


def test_log_lines_are_found_beside_their_spans(
    work: Laptop, forge: SandboxForge, collector: Collector
) -> None:
    forge.add_repos("acme", 2)
    variables = traced(collector, MGIT_LOG_FORMAT="json", MGIT_LISTEN="127.0.0.1:0")
    ran = work.mgit("serve", "--once", env={**variables, "MGIT_LOG_LEVEL": "debug"})
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    spans = {span.span_id: span for span in collector.spans()}
    (run,) = [span for span in spans.values() if span.name == "run"]
    ours = [line for line in lines if line["run_id"] is not None]
    assert {line["trace_id"] for line in ours} == {run.trace_id}
    cloned = [line for line in lines if line["event"] == "repo.cloned"]
    assert len(cloned) == 2
    for line in cloned:
        span = spans[line["span_id"]]
        assert (span.name, span.attributes["mgit.repo"]) == ("repository clone", line["repo"])
        assert line["run_id"] == run.attributes["mgit.run_id"]
    # From there to the audit log and the state.
    run_id = str(run.attributes["mgit.run_id"])
    audit = work.home / ".local" / "state" / "mgit" / "audit.jsonl"
    records = [json.loads(line) for line in audit.read_text().splitlines()]
    of_run = [one for one in records if one["trace"]["id"] == run_id]
    actions = [one["event"]["action"] for one in of_run]
    assert (actions[0], actions[-1]) == ("run-started", "run-ended")
    assert of_run[0]["labels"]["trace_id"] == run.trace_id
    perf = work.mgit("perf", "--run", run_id[:6], "--format", "json")
    assert perf.json["run_id"] == run_id


def test_without_traces_nothing_of_opentelemetry_is_loaded(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    code = (
        "import sys\nfrom mgit.cli import main\ncode = main(['list'])\n"
        "sys.exit(code or any('opentelemetry' in name for name in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=work.environment, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_where_the_extra_is_missing_the_person_is_told_what_to_install(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repo("acme", "tool")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'opentelemetry':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
    )
    path = os.pathsep.join([str(hidden), work.environment["PYTHONPATH"]])
    env = {"PYTHONPATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    ran = work.mgit("list", env=env)
    assert ran.code == 2
    assert "traces are wanted, but opentelemetry is not installed" in ran.err
    assert "pip install 'mgit-fleet[otel]'" in ran.last_line
    assert "Traceback" not in ran.err
    assert work.mgit("list", env={**env, "OTEL_SDK_DISABLED": "true"}).code == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:pass-4e@collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///run/collector"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_repeated(
    work: Laptop, name: str, value: str
) -> None:
    ran = work.mgit("list", env={name: value})
    assert ran.code == 2
    assert name in ran.err
    assert "pass-4e" not in ran.err


def test_a_protocol_that_mgit_does_not_speak_is_named(work: Laptop, collector: Collector) -> None:
    ran = work.mgit("list", env=traced(collector, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    assert ran.code == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in ran.err
    assert "http/protobuf" in ran.last_line


@pytest.mark.fault("the collector of traces is down, or never answers")
def test_a_collector_that_is_down_costs_one_line_and_no_more(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 1)
    began = time.monotonic()
    ran = work.mgit("sync", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert ran.code == 0
    assert ran.err.count("traces") >= 1
    assert time.monotonic() - began < 60
    assert "Traceback" not in ran.err


@pytest.mark.fault("the collector of traces is down, or never answers")
def test_a_collector_that_never_answers_is_not_waited_for(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 1)
    with socket.create_server(("127.0.0.1", 0)) as hole:
        address = f"http://127.0.0.1:{hole.getsockname()[1]}"
        ran = work.mgit("sync", env={"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    assert ran.code == 0
    assert "traces could not be sent before the end; they are lost" in ran.err
