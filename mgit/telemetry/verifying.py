"""What reading the whole chain of an audit log shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgit.telemetry.chain import GENESIS, BrokenChain, read_chain


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify_audit` found.

    Args:
        records: how many hold together from the beginning.
        head: hash of the last of them; keep it elsewhere.
        problem: the first thing that is wrong, empty when nothing is.
        advice: what to do about it.
        file: the file that is wrong, None when none is.
        line: number of the line in it, None when none is.
        first: when the first record was made, empty without any.
        last: when the last of those that hold was made.
        begins: number of the first record, 0 without any.
        since_kept: records that came after the head that was kept elsewhere; None when none was
            named, or when it is not in the chain.
    """

    records: int
    head: str
    problem: str = ""
    advice: str = ""
    file: Path | None = None
    line: int | None = None
    first: str = ""
    last: str = ""
    begins: int = 0
    since_kept: int | None = None


def verify_audit(path: Path, *, kept: Sequence[str] = ()) -> Verdict:
    """Read the whole chain, over all of its files.

    Args:
        path: the log.
        kept: hashes of heads that were kept in a second place, the latest last. The last must be
            in the chain; any of them may be what the first record here follows, since older
            files may have been taken to another place.

    Raises:
        StateError: the log cannot be read.
    """
    verdict = Verdict(0, GENESIS)
    found_at: int | None = None
    broken: BrokenChain | None = None
    newest = kept[-1] if kept else None
    try:
        for record, _ in read_chain(path, starts=kept):
            count, head, moment = verdict.records, str(record["hash"]), str(record["@timestamp"])
            if not count:
                verdict = replace(verdict, first=moment, begins=int(record["seq"]))
            if newest in (record["prev"], head):
                found_at = count if newest == record["prev"] else count + 1
            verdict = replace(verdict, records=count + 1, head=head, last=moment)
    except BrokenChain as error:
        broken = error
    if newest == GENESIS and found_at is None:
        found_at = 0
    since = None if found_at is None else verdict.records - found_at
    verdict = replace(verdict, since_kept=since)
    if broken is not None:
        return replace(
            verdict,
            problem=broken.message,
            advice=broken.advice,
            file=broken.file,
            line=broken.line,
        )
    if newest is not None and since is None:
        return replace(
            verdict,
            problem=f"the head that was kept, {newest[:12]}…, is not in this chain",
            advice="the log was rebuilt, cut short or replaced after that head was kept: compare "
            "it with a backup, and find out who could write it",
        )
    return verdict
