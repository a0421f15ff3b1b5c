-- What a store keeps for the other one of a pair (src/op_pair.h).

-- Changes that the other may not have; number: the stamp of the operation; names: of the records
-- (storage/pack.c); id: of the session or thread, NULL if the names tell.
CREATE TABLE outbox (
    number BIGINT PRIMARY KEY,
    tenant BYTEA NOT NULL,
    id     BYTEA,
    names  BYTEA NOT NULL
);

-- Additions to counters that the primary has yet to count, by the request that they came with.
CREATE TABLE pending_counts (
    op_id           BYTEA PRIMARY KEY,
    tenant          BYTEA NOT NULL,
    id              BYTEA NOT NULL,
    stamp           BIGINT NOT NULL,
    requests        BIGINT NOT NULL,
    errors          BIGINT NOT NULL,
    processing_time DOUBLE PRECISION NOT NULL,
    at_us           BIGINT NOT NULL,
    body_hash       BYTEA NOT NULL
);
CREATE INDEX pending_counts_id ON pending_counts (tenant, id);

-- Sessions and threads of which this store lacks changes.
CREATE TABLE missing_ids (
    tenant BYTEA NOT NULL,
    id     BYTEA NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- What is remembered of the pair.
CREATE TABLE notes (
    name BYTEA PRIMARY KEY,
    text BYTEA NOT NULL
) WITH (fillfactor = 50);
