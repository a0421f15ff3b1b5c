-- First schema. JSON that clients sent is TEXT, which gives it back as it was; ids and decoded texts
-- are BYTEA: they may hold any character, and sort by their bytes (SET bytea_output = escape shows
-- them). *_us are microseconds since 1970; stamps are those of src/clock.h. Numbers are BIGINT
-- throughout, as the driver sends them.
-- Of two indexes that seem to serve equally well, as they do while a table is new, the planner takes
-- the younger one. So the unique ones come last; and the predicate of sessions_active is always true,
-- but keeps it away from statements that say nothing of active_min.

-- Of each lane of each instance: no stamp it has written is above high; moved ahead of need.
CREATE TABLE clocks (
    instance BIGINT NOT NULL,
    lane     BIGINT NOT NULL,
    high     BIGINT NOT NULL,
    PRIMARY KEY (instance, lane)
) WITH (fillfactor = 50);

CREATE TABLE tenants (
    id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name BYTEA NOT NULL UNIQUE
);

-- Also an anchor for messages and contexts without a session (gen = 0), and the tombstone of a
-- deleted one. Alive iff gen > tomb; gen is 0 in one that is not. active_min is active_us / 60 s: it
-- moves at most once a minute, so most updates touch no index. In a tombstone that holds nothing it
-- is -1 - minute of tomb.
CREATE TABLE sessions (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant          BIGINT NOT NULL,
    gen             BIGINT NOT NULL,
    tomb            BIGINT NOT NULL,
    active_us       BIGINT NOT NULL,
    active_min      BIGINT NOT NULL,
    last_seq        BIGINT NOT NULL,
    last_context    BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    request_count   BIGINT NOT NULL,
    error_count     BIGINT NOT NULL,
    processing_time DOUBLE PRECISION NOT NULL,
    created_us      BIGINT NOT NULL,
    updated_us      BIGINT NOT NULL,
    user_stamp      BIGINT NOT NULL,
    status_stamp    BIGINT NOT NULL,
    metadata_stamp  BIGINT NOT NULL,
    session_id      BYTEA NOT NULL,
    user_id         BYTEA,
    status          BYTEA,
    metadata        TEXT
) WITH (fillfactor = 80);
CREATE INDEX sessions_active ON sessions (tenant, active_min) WHERE active_min IS NOT NULL;
CREATE INDEX sessions_user ON sessions (tenant, user_id, active_min) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX sessions_id ON sessions (tenant, session_id);

CREATE TABLE conversations (
    session    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    stamp      BIGINT NOT NULL,
    message_id BYTEA NOT NULL,
    role       BYTEA NOT NULL,
    content    TEXT NOT NULL,
    metadata   TEXT
);
CREATE INDEX conversations_order ON conversations (session, seq, message_id);
CREATE UNIQUE INDEX conversations_id ON conversations (session, message_id);

CREATE TABLE task_contexts (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session    BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    stamp      BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    body       TEXT NOT NULL,
    UNIQUE (session, version, stamp)
);

-- Requests with an Idempotency-Key, kept for the repeat window whatever becomes of their session.
CREATE TABLE idempotency_keys (
    op_id     BYTEA PRIMARY KEY,
    body_hash BYTEA NOT NULL,
    at_us     BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_at ON idempotency_keys (at_us);

CREATE TABLE threads (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     BIGINT NOT NULL,
    tomb       BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    thread_id  BYTEA NOT NULL,
    UNIQUE (tenant, thread_id)
) WITH (fillfactor = 80);
CREATE INDEX threads_tomb ON threads (tomb) WHERE tomb > 0;

CREATE TABLE namespaces (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread      BIGINT NOT NULL,
    form        BIGINT NOT NULL,
    last_stamp  BIGINT NOT NULL, -- of the newest checkpoint ever: write sequences only rise
    checkpoints BIGINT NOT NULL,
    bytes       BIGINT NOT NULL,
    ns          BYTEA NOT NULL,
    UNIQUE (thread, ns)
) WITH (fillfactor = 80);

-- Also an anchor for writes that come before their checkpoint (stamp = 0).
-- form repeats that of the namespace, for the partial index. refs: value ids, 8 bytes each.
CREATE TABLE checkpoints (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace     BIGINT NOT NULL,
    stamp         BIGINT NOT NULL,
    form          BIGINT NOT NULL,
    created_us    BIGINT NOT NULL,
    head          BIGINT NOT NULL,
    checkpoint_id BYTEA NOT NULL,
    parent_id     BYTEA,
    run_id        BYTEA,
    refs          BYTEA,
    metadata      TEXT
);
CREATE INDEX checkpoints_order ON checkpoints (namespace, stamp) WHERE form = 1;
CREATE INDEX checkpoints_run ON checkpoints (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX checkpoints_created ON checkpoints (created_us);
CREATE UNIQUE INDEX checkpoints_id ON checkpoints (namespace, checkpoint_id);

-- Heads and channel values; never updated. key: hash of channel and version, NULL for a head.
CREATE TABLE checkpoint_values (
    id        BIGINT PRIMARY KEY, -- a stamp
    namespace BIGINT NOT NULL,
    key       BIGINT,
    base      BIGINT NOT NULL,
    encoding  BIGINT NOT NULL,
    hash      BYTEA NOT NULL,
    channel   BYTEA,
    version   BYTEA,
    type      BYTEA,
    bytes     BYTEA NOT NULL
);
CREATE INDEX checkpoint_values_key ON checkpoint_values (namespace, key);
CREATE INDEX checkpoint_values_base ON checkpoint_values (namespace, base) WHERE base > 0;

-- The writes of one task on one checkpoint, packed by storage/pack.c.
CREATE TABLE checkpoint_writes (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    checkpoint BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    stamp      BIGINT NOT NULL,
    task_id    BYTEA NOT NULL,
    task_path  BYTEA NOT NULL,
    body       BYTEA NOT NULL,
    UNIQUE (checkpoint, task_id)
);
