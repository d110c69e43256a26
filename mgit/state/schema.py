"""The tables, as a list of migrations. Never edit an entry that was released: append one.

`user_version` of the file is the number of migrations it has seen.
"""

from __future__ import annotations

_FIRST = (
    # Answers of forges with their ETag, packed (see `State.load_response`).
    """
    CREATE TABLE responses (
        source TEXT NOT NULL,
        url TEXT NOT NULL,
        stored_at REAL NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (source, url)
    ) WITHOUT ROWID, STRICT
    """,
    # The last whole listing of each source.
    """
    CREATE TABLE listings (
        source TEXT PRIMARY KEY,
        listed_at REAL NOT NULL,
        repos INTEGER NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        root TEXT NOT NULL,
        started_at REAL NOT NULL,
        ended_at REAL,
        exit_code INTEGER
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX runs_started ON runs (started_at)",
    # What a run did; repositories that were current are only counted in `repos`.
    """
    CREATE TABLE outcomes (
        run_id TEXT NOT NULL,
        forge TEXT,
        repo_id TEXT,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        action TEXT NOT NULL,
        result TEXT NOT NULL,
        reason TEXT,
        message TEXT NOT NULL,
        seconds REAL NOT NULL,
        refs_changed INTEGER NOT NULL,
        ended_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX outcomes_run ON outcomes (run_id)",
    """
    CREATE TABLE repos (
        forge TEXT NOT NULL,
        repo_id TEXT NOT NULL,
        name TEXT NOT NULL,
        last_result TEXT NOT NULL,
        first_seen REAL NOT NULL,
        last_seen REAL NOT NULL,
        last_success REAL,
        PRIMARY KEY (forge, repo_id)
    ) WITHOUT ROWID, STRICT
    """,
)

_SECOND = (
    # Random bytes of this installation, for naming credentials without keeping them.
    "CREATE TABLE salts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT",
    # Pauses that hosts asked for. `credential` is a keyed hash.
    """
    CREATE TABLE pauses (
        host TEXT NOT NULL,
        credential TEXT NOT NULL,
        lane TEXT NOT NULL,
        ends_at REAL NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (host, credential)
    ) WITHOUT ROWID, STRICT
    """,
    # When each source was last brought up to date whole.
    """
    CREATE TABLE complete (
        root TEXT NOT NULL,
        source TEXT NOT NULL,
        began_at REAL NOT NULL,
        PRIMARY KEY (root, source)
    ) WITHOUT ROWID, STRICT
    """,
    # What `mgit changes` compares with: whole listings, and the refs of each clone.
    """
    CREATE TABLE baselines (
        source TEXT PRIMARY KEY,
        listed_at REAL NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE refs (
        root TEXT NOT NULL,
        clone TEXT NOT NULL,
        name TEXT NOT NULL,
        seen_at REAL NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (root, clone)
    ) WITHOUT ROWID, STRICT
    """,
)

_THIRD = (
    # When each source of a service is due next. `place` is a root, and a shard of it.
    """
    CREATE TABLE turns (
        place TEXT NOT NULL,
        source TEXT NOT NULL,
        due_at REAL NOT NULL,
        failures INTEGER NOT NULL,
        settings INTEGER NOT NULL,
        PRIMARY KEY (place, source)
    ) WITHOUT ROWID, STRICT
    """,
)

_FOURTH = (
    # What a status page tells of a repository, and of a run.
    "ALTER TABLE repos ADD COLUMN source TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN state TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN message TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN advice TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE repos ADD COLUMN seconds REAL NOT NULL DEFAULT 0",
    "ALTER TABLE repos ADD COLUMN last_changed REAL",
    "CREATE INDEX outcomes_repo ON outcomes (forge, repo_id)",
    "ALTER TABLE runs ADD COLUMN seconds REAL NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN repos INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN failed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN git_processes INTEGER NOT NULL DEFAULT 0",
)

_FIFTH = (
    # What webhooks brought, so that the same thing again does nothing. `mark` is a digest.
    """
    CREATE TABLE deliveries (
        source TEXT NOT NULL,
        mark TEXT NOT NULL,
        seen_at REAL NOT NULL,
        PRIMARY KEY (source, mark)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX deliveries_seen ON deliveries (source, seen_at)",
    # When a service asked each repository last, and when that told of something new.
    """
    CREATE TABLE visits (
        place TEXT NOT NULL,
        forge TEXT NOT NULL,
        repo_id TEXT NOT NULL,
        source TEXT NOT NULL,
        folder TEXT NOT NULL,
        asked_at REAL NOT NULL,
        changed_at REAL,
        failures INTEGER NOT NULL,
        PRIMARY KEY (place, forge, repo_id)
    ) WITHOUT ROWID, STRICT
    """,
)

_SIXTH = (
    # Where the time of a run went (`mgit.model.Measures`), packed.
    "ALTER TABLE runs ADD COLUMN measures BLOB",
)

_SEVENTH = (
    # Repositories that are held, for their upstream took more away than may be believed.
    """
    CREATE TABLE held (
        root TEXT NOT NULL,
        forge TEXT NOT NULL,
        repo_id TEXT NOT NULL,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        source TEXT NOT NULL,
        since REAL NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (root, forge, repo_id)
    ) WITHOUT ROWID, STRICT
    """,
    # Losses that a person has seen and accepted, until they have come to pass.
    """
    CREATE TABLE acknowledged (
        root TEXT NOT NULL,
        forge TEXT NOT NULL,
        repo_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (root, forge, repo_id, digest)
    ) WITHOUT ROWID, STRICT
    """,
    # How far the search for bit rot has come in each clone.
    """
    CREATE TABLE scrubs (
        root TEXT NOT NULL,
        folder TEXT NOT NULL,
        begun_at REAL NOT NULL,
        ended_at REAL,
        place TEXT NOT NULL,
        damage TEXT NOT NULL,
        PRIMARY KEY (root, folder)
    ) WITHOUT ROWID, STRICT
    """,
)

_EIGHTH = (
    # Hints of webhooks that no run has answered yet. `key` is a repository's id, or a word.
    """
    CREATE TABLE hints (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        key TEXT NOT NULL,
        request_id TEXT NOT NULL,
        traceparent TEXT NOT NULL,
        UNIQUE (source, key)
    ) STRICT
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _FIFTH,
    _SIXTH,
    _SEVENTH,
    _EIGHTH,
)
