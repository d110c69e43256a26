"""What the watcher sees, and when a promise is called broken."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from tests.soak import report
from tests.soak.scenes import Outcome, Scene
from tests.soak.watcher import Watcher
from tests.soak.world import SHORT


class Service:
    """Says ready, or does not."""

    def __init__(self) -> None:
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805 - of the handler, not of the service
                handler.send_response(self.status)
                handler.end_headers()

            def log_message(handler, *_: object) -> None:  # noqa: N805
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_the_watcher_measures_the_longest_time_without_readiness() -> None:
    with Service() as service, Watcher(service.server.server_port) as watcher:
        begun = time.monotonic()
        time.sleep(0.2)
        service.status = 503
        away = time.monotonic()
        time.sleep(0.6)
        service.status = 200
        time.sleep(0.4)
        ended = time.monotonic()
        assert watcher.unready(begun, ended) >= 0.6
        # A span in the middle counts from the answer before it to the next one or its end.
        assert 0.3 <= watcher.unready(away + 0.1, away + 0.4) <= away + 0.4 - begun


def test_a_service_that_is_not_there_is_unready_for_the_whole_span() -> None:
    with Service() as service:
        port = service.server.server_port
    with Watcher(port) as watcher:
        begun = time.monotonic()
        time.sleep(0.2)
        ended = time.monotonic()
        assert watcher.unready(begun, ended) == ended - begun


def kept(*outcomes: Outcome) -> bool:
    return report.is_kept({"compose": outcomes})


def test_a_promise_is_broken_by_any_wrong_end_and_by_updates_that_are_late() -> None:
    short, late = Outcome(Scene.GOOD, unready=1.2), Outcome(Scene.ROLLBACK, unready=6.0, load=4.0)
    assert kept(short, short, late)  # late on a machine with too much to do, and the only one
    assert not kept(short, late, late)
    assert not kept(short, Outcome(Scene.SLOW, ["it is not ready"]))
    # What is sick may be away for long: it is put back, that is the point.
    assert kept(short, Outcome(Scene.UNREADY, unready=40.0))


def test_the_report_tells_every_cycle(tmp_path: Path) -> None:
    outcomes = [
        Outcome(Scene.GOOD, event="done", live="sha256:aaaa", seconds=8.0, unready=1.5),
        Outcome(Scene.CRASHES, ["the ledger says nothing"], code=3, seconds=14.0, unready=6.0),
    ]
    report.write(tmp_path, "report", {"swarm": outcomes}, pace=SHORT, seed=7, seconds=60)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["kept"] is False
    assert told["unready"]["swarm"]["updates"] == 1
    assert [one["scene"] for one in told["cycles"]["swarm"]] == [one.scene for one in outcomes]
    page = (tmp_path / "report.md").read_text()
    assert "1 of 2 ended as intended" in page
    assert "| 2 | a version that crashes later | 3 | no new line |" in page
