"""The rules of the house, each shown what it must flag and what it must let pass."""

from __future__ import annotations

from pipeline.house import complaints, living_links, locked_by_hash, no_index_hosts, short_modules


def test_a_long_module_is_named_and_a_long_test_is_not() -> None:
    text = "x = 1\n" * 401
    found = list(short_modules({"mgit/a.py": text, "tests/a.py": text, "mgit/b.py": "x\n"}))
    assert found == ["mgit/a.py: 401 lines, split it (limit 400)"]


def test_a_registry_host_is_found_with_its_line() -> None:
    host = "files.python" + "hosted.org"
    assert list(no_index_hosts({"docs/a.md": f"one\nsee {host}\n"})) == [
        "docs/a.md:2: names a package registry's host"
    ]


def test_a_lock_file_without_a_hash_or_with_an_address_is_refused() -> None:
    good = "msgspec==0.20.0 \\\n    --hash=sha256:aa\nrich==14.0 \\\n    --hash=sha256:bb\n"
    bad = "msgspec==0.20.0\nrich @ https://host.example/rich.whl --hash=sha256:bb\n"
    assert list(locked_by_hash({"requirements/a.txt": good})) == []
    assert len(list(locked_by_hash({"requirements/a.txt": bad}))) == 2


def test_a_dead_link_is_found_and_living_ones_pass() -> None:
    files = {
        "docs/a.md": "[b](b.md) [up](../README.md#top) [web](https://x.example) [gone](c.md)",
        "docs/b.md": "[folder](../docs) [root](/README.md)",
        "README.md": "",
    }
    assert list(living_links(files)) == ["docs/a.md: link to c.md leads nowhere"]


def test_a_clean_tree_has_no_complaints() -> None:
    assert complaints({"mgit/a.py": "x = 1\n", "README.md": "[a](mgit/a.py)"}) == []
