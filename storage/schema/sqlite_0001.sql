-- First schema. Texts that clients sent are BLOBs: what was sent comes back byte for byte.
-- *_us are microseconds since 1970; stamps are those of src/clock.h.

-- One row. No stamp in this file is above high; it is moved ahead of need, at most once a second.
CREATE TABLE clock (
    id   INTEGER PRIMARY KEY,
    high INTEGER NOT NULL
);
INSERT INTO clock (id, high) VALUES (1, 0);

CREATE TABLE tenant (
    id   INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE
);

-- Also an anchor for messages and contexts without a session (gen = 0), and the tombstone of a
-- deleted one. Alive iff gen > tomb; gen is 0 in one that is not. active_min is active_us / 60 s: it
-- moves at most once a minute, and so do the two indexes on it. In a tombstone that holds nothing it
-- is -1 - minute of tomb.
CREATE TABLE session (
    id              INTEGER PRIMARY KEY,
    tenant          INTEGER NOT NULL,
    session_id      BLOB NOT NULL,
    gen             INTEGER NOT NULL,
    tomb            INTEGER NOT NULL,
    active_us       INTEGER NOT NULL,
    active_min      INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL,
    last_context    INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    request_count   INTEGER NOT NULL,
    error_count     INTEGER NOT NULL,
    processing_time REAL NOT NULL,
    created_us      INTEGER NOT NULL,
    updated_us      INTEGER NOT NULL,
    user_stamp      INTEGER NOT NULL,
    status_stamp    INTEGER NOT NULL,
    metadata_stamp  INTEGER NOT NULL,
    user_id         BLOB,
    status          BLOB,
    metadata        BLOB,
    UNIQUE (tenant, session_id)
);
CREATE INDEX session_active ON session (tenant, active_min);
CREATE INDEX session_user ON session (tenant, user_id, active_min) WHERE user_id IS NOT NULL;

CREATE TABLE message (
    id         INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    stamp      INTEGER NOT NULL,
    role       BLOB NOT NULL,
    content    BLOB NOT NULL,
    metadata   BLOB,
    UNIQUE (session, message_id)
);
CREATE INDEX message_order ON message (session, seq);

CREATE TABLE context (
    id         INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    stamp      INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    body       BLOB NOT NULL,
    UNIQUE (session, version, stamp)
);

-- Requests with an Idempotency-Key, kept for the repeat window whatever becomes of their session.
-- op_id says of which tenant and session they are.
CREATE TABLE repeat (
    op_id     BLOB PRIMARY KEY,
    body_hash BLOB NOT NULL,
    at_us     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX repeat_at ON repeat (at_us);

CREATE TABLE thread (
    id         INTEGER PRIMARY KEY,
    tenant     INTEGER NOT NULL,
    thread_id  BLOB NOT NULL,
    tomb       INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    UNIQUE (tenant, thread_id)
);
CREATE INDEX thread_tomb ON thread (tomb) WHERE tomb > 0;

CREATE TABLE namespace (
    id          INTEGER PRIMARY KEY,
    thread      INTEGER NOT NULL,
    ns          BLOB NOT NULL,
    form        INTEGER NOT NULL,
    last_stamp  INTEGER NOT NULL, -- of the newest checkpoint ever: write sequences only rise
    checkpoints INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    UNIQUE (thread, ns)
);

-- Also an anchor for writes that come before their checkpoint (stamp = 0).
-- form repeats that of the namespace, for the partial index. refs: value ids, 8 bytes each.
CREATE TABLE checkpoint (
    id            INTEGER PRIMARY KEY,
    namespace     INTEGER NOT NULL,
    checkpoint_id BLOB NOT NULL,
    stamp         INTEGER NOT NULL,
    form          INTEGER NOT NULL,
    created_us    INTEGER NOT NULL,
    parent_id     BLOB,
    run_id        BLOB,
    head          INTEGER NOT NULL,
    refs          BLOB,
    metadata      BLOB,
    UNIQUE (namespace, checkpoint_id)
);
CREATE INDEX checkpoint_order ON checkpoint (namespace, stamp) WHERE form = 1;
CREATE INDEX checkpoint_run ON checkpoint (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX checkpoint_created ON checkpoint (created_us);

-- Heads and channel values; never updated. key: hash of channel and version, NULL for a head. Few
-- have a base: their index tells whether a value is one.
CREATE TABLE value (
    id        INTEGER PRIMARY KEY, -- a stamp
    namespace INTEGER NOT NULL,
    key       INTEGER,
    base      INTEGER NOT NULL,
    encoding  INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    channel   BLOB,
    version   BLOB,
    type      BLOB,
    bytes     BLOB NOT NULL
);
CREATE INDEX value_key ON value (namespace, key);
CREATE INDEX value_base ON value (namespace, base) WHERE base > 0;

-- The writes of one task on one checkpoint, packed by storage/record.c.
CREATE TABLE task (
    id         INTEGER PRIMARY KEY,
    checkpoint INTEGER NOT NULL,
    task_id    BLOB NOT NULL,
    task_path  BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    stamp      INTEGER NOT NULL,
    body       BLOB NOT NULL,
    UNIQUE (checkpoint, task_id)
);
